// mistake: the name is set while the process is still in the host's namespace
sethostname(hostname).map_err(set)?;
unshare(CloneFlags::CLONE_NEWUTS).map_err(UtsError::Unshare)
