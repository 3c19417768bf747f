// mistake: all descriptors are close-on-exec, so nothing is inherited
setsid().map_err(failed("start a session"))?;
chdir("/").map_err(failed("leave the working directory"))?;
leave_streams().map_err(failed("leave the standard streams"))?;
let _ = (gate, kept);
Ok(())
