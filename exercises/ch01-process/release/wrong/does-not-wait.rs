// mistake: the gate is open, so the child is taken for its program already
let _ = (&mut child, channel);
Ok(child)
