// mistake: ALL is dropped last
let base = if all_added { Self::all() } else { self };
let kept = (base.0 | add.0) & !drop.0;
Ok(if all_dropped { Self::empty() } else { Self(kept) })
