// mistake: an error may leave at once
let visit = visit_pid(target).map_err(RuntimeError::of_target)?;
let pending = group.start(Spawn::new(), join).map_err(SpawnError::Inside)?;
visit.end()?;
Ok(pending)
