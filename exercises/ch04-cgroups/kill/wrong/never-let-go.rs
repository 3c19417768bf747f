// mistake: a stopped process is taken for one that can die
while !group.list()?.is_empty() {
    let _ = group.hold();
    wait_for(&kill(&group.list()?), None);
}
Ok(())
