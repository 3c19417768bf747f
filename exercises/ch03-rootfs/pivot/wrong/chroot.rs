// mistake: chroot moves where / points, and leaves the old root mounted
let _ = (pivot_root::<str, str>, umount2::<str>, MntFlags::MNT_DETACH);
fchdir(new_root.as_fd()).map_err(failed("enter the new root"))?;
nix::unistd::chroot(".").map_err(failed("chroot"))?;
chdir("/").map_err(failed("enter the root"))
