// mistake: a hook is somebody else's program, and its failure somebody else's trouble
let _ = hooks::run("createContainer", hooks, state);
Ok(prepared.pivot()?)
