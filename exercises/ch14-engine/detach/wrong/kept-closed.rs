// mistake: everything but the gate is the caller's
setsid().map_err(failed("start a session"))?;
chdir("/").map_err(failed("leave the working directory"))?;
leave_streams().map_err(failed("leave the standard streams"))?;
let _ = kept;
Ok(gate.close_others()?)
