// mistake: only the root mount is made private, not the mounts below it
let (kind, flag) = if receive { ("slave", MsFlags::MS_SLAVE) } else { ("private", MsFlags::MS_PRIVATE) };
mount(None::<&str>, "/", None::<&str>, flag, None::<&str>).map_err(|errno| PropagationError { kind, errno })
