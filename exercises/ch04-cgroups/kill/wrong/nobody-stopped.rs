// mistake: signals are sent to a list that is old at once
loop {
    let procs = group.list()?;
    if procs.is_empty() {
        return Ok(());
    }
    wait_for(&kill(&procs), None);
}
