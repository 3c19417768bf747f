// mistake: "name space" sounds like names, so CLONE_NEWNS; it is the mount namespace
unshare(CloneFlags::CLONE_NEWNS).map_err(UtsError::Unshare)?;
sethostname(hostname).map_err(set)
