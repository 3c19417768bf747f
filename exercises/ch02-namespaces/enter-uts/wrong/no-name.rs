// mistake: a new namespace is taken for one without a name
unshare(CloneFlags::CLONE_NEWUTS).map_err(UtsError::Unshare)?;
let _ = set;
Ok(())
