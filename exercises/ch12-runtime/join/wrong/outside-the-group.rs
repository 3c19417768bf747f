// mistake: a process in the container's namespaces is in its control group, too
let visit = visit_pid(target).map_err(RuntimeError::of_target)?;
let pending = Spawn::new().start(join);
visit.end()?;
group.procs()?;
Ok(pending?)
