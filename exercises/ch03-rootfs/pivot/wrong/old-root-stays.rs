// mistake: the old root is not taken away
let _ = (umount2::<str>, MntFlags::MNT_DETACH);
fchdir(new_root.as_fd()).map_err(failed("enter the new root"))?;
pivot_root(".", ".").map_err(failed("pivot_root"))?;
chdir("/").map_err(failed("enter the root"))
