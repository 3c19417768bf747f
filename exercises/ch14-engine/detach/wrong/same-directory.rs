// mistake: a working directory is only a name for relative paths
setsid().map_err(failed("start a session"))?;
leave_streams().map_err(failed("leave the standard streams"))?;
Ok(gate.close_all_but(kept)?)
