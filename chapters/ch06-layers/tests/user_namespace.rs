//! Layers without root: in a user namespace, as root of nothing but it.

mod common;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use common::archive::Archive;
use common::{Container, attribute, is_whiteout, tree};
use layers::{Upper, changes, create_tar};
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use testkit::{Need, kernel_test, require};

/// Whether `inside` came to its end, in a child that is root of a new user namespace.
#[allow(unsafe_code, reason = "fork in a process with one thread")]
fn as_root_of_a_namespace(inside: impl FnOnce()) -> bool {
    // SAFETY: fork(2). A kernel test has one thread, so no lock is held by another.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Child => {
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS).expect("unshare");
                fs::write("/proc/self/setgroups", "deny").expect("setgroups");
                fs::write("/proc/self/uid_map", "0 0 1").expect("uid_map");
                fs::write("/proc/self/gid_map", "0 0 1").expect("gid_map");
                inside();
            }));
            std::process::exit(i32::from(outcome.is_err()))
        }
        ForkResult::Parent { child } => waitpid(child, None) == Ok(WaitStatus::Exited(child, 0)),
    }
}

fn container(directory: &Path, lower: &Path) -> Container {
    Container::new(directory, &[lower])
}

kernel_test! {
    /// `trusted.` attributes are for root of the machine; overlayfs keeps its notes in `user.` ones then.
    fn an_overlay_can_be_mounted_and_its_changes_listed(host) {
        require(Need::Overlay);
        require(Need::UserNamespaces);
        require(Need::Kernel(5, 11));
        let lower = tree(host.dir(), "lower", &[("data/a", "1"), ("gone", "2"), ("kept", "3")]);
        let directory = host.dir().join("one");
        assert!(as_root_of_a_namespace(|| {
            let container = container(&directory, &lower);
            fs::remove_dir_all(container.path("data")).expect("rm -r");
            fs::create_dir(container.path("data")).expect("mkdir");
            fs::remove_file(container.path("gone")).expect("rm");
            assert_eq!(fs::read_dir(container.path("data")).expect("ls").count(), 0);
            let lines: Vec<String> =
                changes(&container.upper.upper, &[&lower]).expect("changes").iter().map(ToString::to_string).collect();
            assert_eq!(lines, ["C /data", "D /data/a", "D /gone"]);
            let mut archive = Vec::new();
            create_tar(&container.upper.upper, &mut archive).expect("an archive");
            let again = host.dir().join("again");
            Archive::from_bytes(&archive).unpack(&again).expect("a layer");
            assert!(is_whiteout(&again.join("gone")));
            assert_eq!(attribute(&again.join("data"), c"user.overlay.opaque").as_deref(), Some(&b"y"[..]));
        }));
        assert_eq!(attribute(&directory.join("upper/data"), c"user.overlay.opaque").as_deref(), Some(&b"y"[..]));
        assert_eq!(attribute(&directory.join("upper/data"), c"trusted.overlay.opaque"), None);
        Upper::remove(&directory).expect("remove");
    }

    fn owners_that_the_namespace_does_not_know_are_an_error(host) {
        require(Need::UserNamespaces);
        let layer = host.dir().join("layer");
        assert!(as_root_of_a_namespace(|| {
            let archive = Archive::new().entry(tar::EntryType::Regular, "f", "", b"", |header| header.set_uid(1000));
            let failure = process::Failure::from(archive.unpack(&layer).expect_err("nobody is 1000 here"));
            assert_eq!(failure.message, "set the owner of \"f\" of the layer: EINVAL: Invalid argument");
            assert!(failure.hint.is_some());
        }));
    }
}
