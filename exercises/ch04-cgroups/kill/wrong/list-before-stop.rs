// mistake: the list is made first, and the group stopped then
loop {
    let procs = group.list()?;
    if procs.is_empty() {
        return Ok(());
    }
    let _ = group.hold();
    let killed = kill(&procs);
    group.let_go()?;
    wait_for(&killed, None);
}
