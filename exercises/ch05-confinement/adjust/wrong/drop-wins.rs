// mistake: what is in both lists is dropped
let base = match (all_added, all_dropped) {
    (true, _) => Self::all(),
    (false, true) => Self::empty(),
    (false, false) => self,
};
let kept = base.0 & !drop.0;
Ok(Self(kept | (add.0 & !drop.0)))
