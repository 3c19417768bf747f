// mistake: one list is enough
let killed = kill(&group.list()?);
wait_for(&killed, None);
Ok(())
