// mistake: nobody goes to the new root, so "." is the old one
let _ = (fchdir::<std::os::fd::BorrowedFd>, &new_root.as_fd());
pivot_root(".", ".").map_err(failed("pivot_root"))?;
umount2(".", MntFlags::MNT_DETACH).map_err(failed("detach the old root"))?;
chdir("/").map_err(failed("enter the root"))
