// mistake: an ordinary walk, which follows every link wherever it leads
let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).mode(mode);
let _ = (TRIES, ResolveFlag::RESOLVE_IN_ROOT);
openat2(root, path.strip_prefix("/").unwrap_or(path), how)
