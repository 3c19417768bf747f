// mistake: a hook that runs in the container is looked up there
let entered = prepared.pivot()?;
hooks::run("createContainer", hooks, state)?;
Ok(entered)
