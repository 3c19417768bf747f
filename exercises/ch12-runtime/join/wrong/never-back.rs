// mistake: we are a short program, and have no other children
let _visit = visit_pid(target).map_err(RuntimeError::of_target)?;
Ok(group.start(Spawn::new(), join).map_err(SpawnError::Inside)?)
