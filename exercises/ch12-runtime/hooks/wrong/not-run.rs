// mistake: hooks are run in the parent, all of them
let _ = (hooks, state);
Ok(prepared.pivot()?)
