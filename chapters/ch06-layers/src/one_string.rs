//! The overlay before Linux 6.5: all lower layers in one string, of which mount(2) takes one page.
//!
//! Names of descriptors are short, and need no escapes: relative to `/proc/self/fd`, 128 layers are `lowerdir=5:6:7…`,
//! some 500 bytes. mount(2) attaches what it makes; so a thread does it in a mount namespace that dies with it, and keeps
//! a detached copy.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::thread;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount as mount_by_name};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::chdir;
use rustix::fs::CWD;
use rustix::mount::{OpenTreeFlags, open_tree};

use crate::beneath;

/// What changes the meaning of a layer's attributes is off. `index` would tie the upper directory to one set of lower
/// ones; `redirect_dir` and `metacopy` would let attributes in a hostile layer show other files in a file's place.
pub(crate) const OPTIONS: [(&str, &str); 3] = [("index", "off"), ("metacopy", "off"), ("redirect_dir", "nofollow")];

const DESCRIPTORS: &str = "/proc/self/fd";

/// Makes the overlay, detached.
pub(crate) fn mount(lower: &[&Path], upper: &Path, work: &Path, flags: &[&str]) -> Result<OwnedFd, Errno> {
    let open: Vec<OwnedFd> =
        lower.iter().chain(&[upper, work]).map(|path| beneath::root(path)).collect::<Result<_, _>>()?;
    let names: Vec<String> = open.iter().map(|descriptor| descriptor.as_raw_fd().to_string()).collect();
    let (lower, writable) = names.split_at(lower.len());
    let mut options = vec![format!("lowerdir={}", lower.join(":"))];
    options.extend(["upperdir", "workdir"].iter().zip(writable).map(|(key, name)| format!("{key}={name}")));
    options.extend(OPTIONS.iter().map(|(key, value)| format!("{key}={value}")));
    options.extend(flags.iter().map(ToString::to_string));
    let options = options.join(",");
    let made = thread::scope(|scope| scope.spawn(|| apart(&options, upper)).join());
    // A panic in there can only be ours.
    made.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// In a thread that has its own mount namespace and working directory from now on.
fn apart(options: &str, place: &Path) -> Result<OwnedFd, Errno> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount_by_name(None::<&str>, "/", None::<&str>, MsFlags::MS_SLAVE | MsFlags::MS_REC, None::<&str>)?;
    chdir(DESCRIPTORS)?;
    mount_by_name(Some("overlay"), place, Some("overlay"), MsFlags::empty(), Some(options))?;
    let copy = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    open_tree(CWD, place, copy).map_err(|error| Errno::from_raw(error.raw_os_error()))
}
