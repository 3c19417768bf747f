// mistake: a process that has none of its caller's descriptors is on its own
chdir("/").map_err(failed("leave the working directory"))?;
leave_streams().map_err(failed("leave the standard streams"))?;
Ok(gate.close_all_but(kept)?)
