// mistake: a new mount namespace is taken for a separate one
let _ = (receive, mount::<str, str, str, str>, MsFlags::MS_REC);
let _ = PropagationError { kind: "private", errno: Errno::EPERM };
Ok(())
