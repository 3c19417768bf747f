//! The overlay before Linux 6.8: all lower layers in one string, of which mount(2) takes one page.
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
use crate::upper::Upper;

/// What changes the meaning of a layer's attributes is off. `index` would tie the upper directory to one set of lower
/// ones; `redirect_dir` and `metacopy` would let attributes in a hostile layer show other files in a file's place.
pub(crate) const OPTIONS: [(&str, &str); 3] = [("index", "off"), ("metacopy", "off"), ("redirect_dir", "nofollow")];

const DESCRIPTORS: &str = "/proc/self/fd";

/// Makes the overlay, detached.
pub(crate) fn mount(lower: &[&Path], upper: Option<&Upper>, flags: &[&str]) -> Result<OwnedFd, Errno> {
    let made = thread::scope(|scope| scope.spawn(|| apart(lower, upper, flags)).join());
    // A panic in there can only be ours.
    made.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// In a thread that has its own mount namespace and working directory from now on.
fn apart(lower: &[&Path], upper: Option<&Upper>, flags: &[&str]) -> Result<OwnedFd, Errno> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount_by_name(None::<&str>, "/", None::<&str>, MsFlags::MS_SLAVE | MsFlags::MS_REC, None::<&str>)?;
    // overlayfs takes directories of the own namespace only: they are opened when we are there.
    let open = |path: &&Path| beneath::root(path);
    let layers = lower.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let writable = match upper {
        Some(Upper { upper, work }) => Some((beneath::root(upper)?, beneath::root(work)?)),
        None => None,
    };
    let names: Vec<String> = layers.iter().map(|layer| layer.as_raw_fd().to_string()).collect();
    let mut options = vec![format!("lowerdir={}", names.join(":"))];
    options.extend(
        writable.iter().map(|(upper, work)| format!("upperdir={},workdir={}", upper.as_raw_fd(), work.as_raw_fd())),
    );
    options.extend(OPTIONS.iter().map(|(key, value)| format!("{key}={value}")));
    options.extend(flags.iter().map(ToString::to_string));
    chdir(DESCRIPTORS)?;
    let place = upper.map(|upper| upper.upper.as_path()).or(lower.first().copied()).unwrap_or(Path::new("/"));
    mount_by_name(Some("overlay"), place, Some("overlay"), MsFlags::empty(), Some(options.join(",").as_str()))?;
    let copy = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    open_tree(CWD, place, copy).map_err(|error| Errno::from_raw(error.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use nix::mount::{MntFlags, umount2};
    use rustix::mount::{MoveMountFlags, move_mount};
    use testkit::{Need, kernel_test, require};

    use super::*;

    kernel_test! {
        /// Newer kernels take this way, too, so that it does not rot.
        fn many_layers_fit_one_string(host) {
            require(Need::Overlay);
            let path = |name: &str| host.dir().join(name);
            let lower: Vec<PathBuf> = (0..128).map(|n| path(&format!("layer:,{n}"))).collect();
            for (n, layer) in lower.iter().enumerate() {
                fs::create_dir(layer).expect("a layer");
                fs::write(layer.join("number"), n.to_string()).expect("a file");
                fs::write(layer.join(format!("only-{n}")), "").expect("a file");
            }
            for name in ["upper", "work", "merged"] {
                fs::create_dir(path(name)).expect("a directory");
            }
            let lower: Vec<&Path> = lower.iter().map(PathBuf::as_path).collect();
            let mounted = mount(&lower, Some(&Upper { upper: path("upper"), work: path("work") }), &["volatile"]).expect("an overlay");
            let here = fs::read_to_string("/proc/self/mountinfo").expect("the mounts");
            assert!(!here.contains(" overlay overlay "), "the overlay was attached where others can see it");
            move_mount(&mounted, "", CWD, path("merged"), MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH).expect("attach");
            assert_eq!(fs::read_to_string(path("merged").join("number")).expect("a file"), "0");
            assert_eq!(fs::read_dir(path("merged")).expect("the root").count(), 129);
            fs::write(path("merged").join("new"), "new").expect("write");
            umount2(&path("merged"), MntFlags::MNT_DETACH).expect("unmount");
            assert_eq!(fs::read_to_string(path("upper").join("new")).expect("a file"), "new");
        }
    }
}
