// mistake: RESOLVE_BENEATH refuses what RESOLVE_IN_ROOT follows inside
let how = OpenHow::new()
    .flags(flags | OFlag::O_CLOEXEC)
    .mode(mode)
    .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
let _ = TRIES;
openat2(root, path, how)
