// mistake: the old root is unmounted like any other mount
fchdir(new_root.as_fd()).map_err(failed("enter the new root"))?;
pivot_root(".", ".").map_err(failed("pivot_root"))?;
umount2(".", MntFlags::empty()).map_err(failed("detach the old root"))?;
chdir("/").map_err(failed("enter the root"))
