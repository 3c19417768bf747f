// mistake: the child joins all namespaces by itself, that of process numbers with the others
let pending = group.start(Spawn::new(), join).map_err(SpawnError::Inside)?;
let visit = visit_pid(target).map_err(RuntimeError::of_target)?;
visit.end()?;
Ok(pending)
