// mistake: links of /proc that lead to a thing, not to a name, are followed
let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).mode(mode).resolve(ResolveFlag::RESOLVE_IN_ROOT);
let path = if path.as_os_str().is_empty() { Path::new("/") } else { path };
for _ in 0..TRIES {
    match openat2(root, path, how) {
        Err(Errno::EAGAIN | Errno::EINTR) => {}
        other => return other,
    }
}
Err(Errno::EAGAIN)
