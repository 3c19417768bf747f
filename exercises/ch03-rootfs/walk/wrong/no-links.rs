// mistake: all links are refused, honest ones too
let how = OpenHow::new()
    .flags(flags | OFlag::O_CLOEXEC)
    .mode(mode)
    .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_SYMLINKS);
let _ = TRIES;
openat2(root, path, how)
