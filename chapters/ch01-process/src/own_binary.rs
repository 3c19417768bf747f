//! Keeping a container from our own binary.
//!
//! A container can have us execute `/proc/self/exe`: as its program, as the interpreter of its program, as the loader
//! that its program asks for. The process that comes of it leads, by `/proc/PID/exe`, to our file on the host, to be
//! overwritten once nobody executes it (CVE-2019-5736). What a program leads to cannot be told by reading it: the image
//! writes it, and may change it meanwhile. So whoever executes in a container is executed itself from a file that
//! nobody can write to.

#[cfg(all(target_arch = "x86_64", target_pointer_width = "64", target_feature = "crt-static"))]
mod entry;

use std::ffi::{CString, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open};
use nix::sys::stat::Mode;
use nix::sys::statvfs::{FsFlags, fstatvfs};
use nix::unistd::execveat;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create};
use rustix::mount::{OpenTreeFlags, open_tree};
use thiserror::Error;

use crate::{Diagnose, FailureKind, sys};

const OWN: &str = "/proc/self/exe";

/// Our binary could not be put out of the container's reach.
#[derive(Debug, Error)]
#[error("{action} our own binary ({OWN}): {errno}")]
pub struct OwnBinaryError {
    action: &'static str,
    errno: Errno,
}

impl Diagnose for OwnBinaryError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::System)
    }

    fn hint(&self) -> Option<String> {
        (self.errno == Errno::ENOENT).then(|| "is proc mounted on /proc?".into())
    }
}

fn failed(action: &'static str) -> impl Fn(Errno) -> OwnBinaryError {
    move |errno| OwnBinaryError { action, errno }
}

/// Makes sure that this process is executed from a file that cannot be written: at once, or by executing itself again.
/// To be called first of all, for nothing that was read or opened before survives.
///
/// The file is our own, seen through a mount that is read-only and attached nowhere. That mount lives as long as
/// somebody is executed from it; it has no descriptor by which a container with `CAP_SYS_ADMIN` could make it writable
/// again. Where such a mount cannot be had (without privileges, or in another mount namespace than the file's), it is
/// a copy in memory, sealed.
///
/// # Errors
/// [`OwnBinaryError`].
// ANCHOR: protect
pub fn protect() -> Result<(), OwnBinaryError> {
    let file = open(OWN, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).map_err(failed("open"))?;
    if is_protected(&file) {
        return Ok(());
    }
    let safe = match read_only_view(&file) {
        Ok(view) if is_protected(&view) => view,
        _ => sealed_copy().map_err(failed("copy"))?,
    };
    let strings = |list: &mut dyn Iterator<Item = Vec<u8>>| list.filter_map(|text| CString::new(text).ok()).collect();
    let arguments: Vec<CString> = strings(&mut std::env::args_os().map(|text| text.as_bytes().to_vec()));
    let entry = |(name, value): (OsString, OsString)| [name.as_bytes(), b"=", value.as_bytes()].concat();
    let environment: Vec<CString> = strings(&mut std::env::vars_os().map(entry));
    // Close-on-exec, so the new process does not have the descriptor.
    execveat(&safe, c"", &arguments, &environment, AtFlags::AT_EMPTY_PATH).map_err(failed("execute"))?;
    Ok(())
}
// ANCHOR_END: protect

/// Whether nobody can write to `file` by way of this descriptor's mount.
fn is_protected(file: impl AsFd) -> bool {
    fstatvfs(&file).is_ok_and(|found| found.flags().contains(FsFlags::ST_RDONLY)) || is_sealed()
}

/// Files have seals only where they are in memory, and an `O_PATH` descriptor does not show them.
fn is_sealed() -> bool {
    let seals = File::open(OWN).ok().and_then(|file| fcntl_get_seals(&file).ok());
    seals.is_some_and(|seals| seals.contains(SealFlags::WRITE))
}

// ANCHOR: read_only_view
/// The same file, through a mount of its own that is read-only.
fn read_only_view(file: impl AsFd) -> Result<OwnedFd, Errno> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    let view = open_tree(file, "", flags).map_err(|error| Errno::from_raw(error.raw_os_error()))?;
    sys::mount_setattr(&view, false, libc::MOUNT_ATTR_RDONLY, 0, 0, None)?;
    Ok(view)
}
// ANCHOR_END: read_only_view

/// A copy in memory whose content nobody can change, as `memfd_create(2)` has it.
fn sealed_copy() -> Result<OwnedFd, Errno> {
    let errno = |error: rustix::io::Errno| Errno::from_raw(error.raw_os_error());
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Kernels before 6.3 do not know MFD_EXEC; later ones may be set up to want it (vm.memfd_noexec).
    let memory = memfd_create(c"mini-docker", flags | MemfdFlags::EXEC)
        .or_else(|_| memfd_create(c"mini-docker", flags))
        .map_err(errno)?;
    let mut copy = File::from(memory);
    let of = |error: io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32));
    io::copy(&mut File::open(OWN).map_err(of)?, &mut copy).map_err(of)?;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    fcntl_add_seals(&copy, seals).map_err(errno)?;
    Ok(copy.into())
}
