// mistake: the working directory is left where the old root was
fchdir(new_root.as_fd()).map_err(failed("enter the new root"))?;
pivot_root(".", ".").map_err(failed("pivot_root"))?;
let _ = chdir::<str>;
umount2(".", MntFlags::MNT_DETACH).map_err(failed("detach the old root"))
