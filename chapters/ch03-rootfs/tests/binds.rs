//! Mounts of the host's that are shown inside: how far they are tied to it, and what may be done with them.

mod common;

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use common::{inside, mount};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount as mount_now, umount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, major, minor};
use process::Pty;
use rootfs::{Prepared, Root, Rootfs, map_in_place};
use testkit::{Host, Inmate, Need, kernel_test, require};

/// A shared tmpfs of the host's, with a directory in it.
fn volume(host: &Host) -> std::path::PathBuf {
    let volume = host.dir().join("volume");
    fs::create_dir(&volume).expect("a directory");
    mount_now(Some("volume"), &volume, Some("tmpfs"), MsFlags::empty(), None::<&str>).expect("a tmpfs");
    mount_now(None::<&str>, &volume, None::<&str>, MsFlags::MS_SHARED, None::<&str>).expect("a shared mount");
    fs::create_dir(volume.join("below")).expect("a directory");
    volume
}

fn tmpfs(place: &Path) {
    mount_now(Some("late"), place, Some("tmpfs"), MsFlags::empty(), None::<&str>).expect("a tmpfs");
}

fn count(table: &str) -> usize {
    table.lines().filter(|line| line.contains(" late ")).count()
}

/// Whether a mount made by the host arrives inside, and one made inside arrives at the host.
fn ties(host: &Host, volume: &Path, options: &[&str], propagation: &str) -> (bool, bool) {
    let mut plan = Rootfs { propagation: propagation.into(), ..Rootfs::docker_default() };
    plan.mounts.push(mount("/volume", "bind", volume, options));
    let root = host.rootfs_named(&format!("{}-{propagation}", options.join("-")));
    let inmate = inside(&root, &plan, String::new);
    tmpfs(&volume.join("below"));
    let arrives = count(&inmate.proc("mountinfo")) == 1;
    umount(&volume.join("below")).expect("unmount");
    drop(inmate);
    let _inmate = inside(&root, &plan, || {
        tmpfs(Path::new("/volume/below"));
        String::new()
    });
    let leaves = count(&fs::read_to_string("/proc/self/mountinfo").expect("the table")) == 1;
    if leaves {
        umount(&volume.join("below")).expect("unmount");
    }
    (arrives, leaves)
}

kernel_test! {
    fn a_volume_is_tied_to_the_host_as_far_as_it_asks(host) {
        require(Need::Busybox);
        let volume = volume(host);
        let seen = |options: &[&str], root: &str| ties(host, &volume, options, root);
        assert_eq!(seen(&["rbind"], ""), (false, false), "private by default");
        assert_eq!(seen(&["rbind", "rslave"], ""), (true, false), "slave");
        assert_eq!(seen(&["rbind", "rshared"], ""), (true, true), "shared");
        assert_eq!(seen(&["rbind", "rprivate"], "rslave"), (false, false), "private, in a root that is a slave");
        umount(&volume).expect("unmount");
    }

    fn read_only_is_for_one_mount_or_for_all_below(host) {
        require(Need::Busybox);
        let volume = volume(host);
        tmpfs(&volume.join("below"));
        let erofs = Errno::EROFS as i32;
        for (options, below) in [(["rbind", "ro"], 0), (["rbind", "rro"], erofs)] {
            let mut plan = Rootfs::docker_default();
            plan.mounts.push(mount("/volume", "bind", &volume, &options));
            let inmate = inside(&host.rootfs_named(options[1]), &plan, || {
                let write = |path| fs::write(path, "").map_or_else(|error| error.raw_os_error().unwrap_or(-1), |()| 0);
                format!("{} {}", write("/volume/file"), write("/volume/below/file"))
            });
            assert_eq!(inmate.said(), format!("{erofs} {below}"), "{options:?}");
        }
        umount(&volume.join("below")).expect("unmount");
        umount(&volume).expect("unmount");
    }

    /// What each option makes of the mount and of the one below it, as the kernel shows it.
    fn every_option_is_for_one_mount_or_for_all_below(host) {
        require(Need::Busybox);
        let volume = volume(host);
        tmpfs(&volume.join("below"));
        let words = ["ro", "nosuid", "nodev", "noexec", "nosymfollow", "nodiratime", "noatime", "strictatime", "norelatime"];
        let options: Vec<String> = words.iter().flat_map(|word| [(*word).to_owned(), format!("r{word}")]).collect();
        let mut plan = Rootfs::docker_default();
        for option in &options {
            plan.mounts.push(mount(&format!("/{option}"), "bind", &volume, &["rbind", option]));
        }
        // What is taken back below is taken back of all.
        plan.mounts.push(mount("/back", "bind", &volume, &["rbind", "ro", "rnosuid", "rrw", "rsuid"]));
        let inmate = inside(&host.rootfs(), &plan, String::new);
        let table = inmate.proc("mountinfo");
        let shown = |place: &str| {
            let line = table.lines().find(|line| line.split(' ').nth(4) == Some(place)).expect(place);
            line.split(' ').nth(5).expect("options").to_owned()
        };
        let lines = options.iter().map(String::as_str).chain(["back"]);
        let lines = lines.map(|option| format!("{option}: {} / {}", shown(&format!("/{option}")), shown(&format!("/{option}/below"))));
        insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
        umount(&volume.join("below")).expect("unmount");
        umount(&volume).expect("unmount");
    }

    fn the_console_is_the_terminal(host) {
        require(Need::Busybox);
        let root = host.rootfs();
        let inmate = Inmate::new(|| {
            unshare(CloneFlags::CLONE_NEWNS).expect("unshare");
            let mut plan = Rootfs { console: true, ..Rootfs::docker_default() };
            // After it nothing can be made in /dev.
            plan.mounts.iter_mut().filter(|mount| mount.destination == Path::new("/dev")).for_each(|mount| mount.options.push("ro".into()));
            let entered = plan.prepare(Root::Directory(root)).and_then(Prepared::pivot).expect("a root");
            assert_eq!(fs::write("/dev/new", "").map_err(|error| error.kind()), Err(std::io::ErrorKind::ReadOnlyFilesystem));
            let pty = Pty::of(entered.open_ptmx().expect("a master")).expect("a terminal");
            entered.bind_console(pty.slave.as_fd()).expect("a console");
            let console = fs::metadata("/dev/console").expect("the console");
            assert!(console.file_type().is_char_device());
            format!("{}:{} {}", major(console.rdev()), minor(console.rdev()), pty.name)
        });
        assert_eq!(inmate.said(), "136:0 /dev/pts/0");
    }

    /// In a user namespace nobody can make device nodes; the host's are shown instead.
    fn devices_are_bound_in_a_user_namespace(host) {
        require(Need::Busybox);
        require(Need::UserNamespaces);
        let root = host.rootfs();
        let outer = Inmate::new(|| {
            let new = CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID
                | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC;
            unshare(new).expect("unshare");
            fs::write("/proc/self/setgroups", "deny").expect("setgroups");
            fs::write("/proc/self/uid_map", "0 0 1").expect("a map");
            fs::write("/proc/self/gid_map", "0 0 1").expect("a map");
            let mut plan = Rootfs::docker_default();
            // The group of terminals is not in the map.
            plan.mounts.iter_mut().for_each(|mount| mount.options.retain(|option| option != "gid=5"));
            let inner = Inmate::new(|| {
                plan.prepare(Root::Directory(root.clone())).unwrap_or_else(|error| panic!("{error}"))
                    .pivot().unwrap_or_else(|error| panic!("{error}"));
                fs::write("/dev/null", "x").expect("the null device takes everything");
                let masked = fs::read("/proc/timer_list").map_or(0, |text| text.len());
                let null = fs::metadata("/dev/null").expect("the null device").rdev();
                let full = fs::metadata("/dev/full").expect("the full device").rdev();
                format!("{}:{} {}:{} {masked}", major(null), minor(null), major(full), minor(full))
            });
            inner.said().to_owned()
        });
        assert_eq!(outer.said(), "1:3 1:7 0");
    }

    /// Files of a layer that belong to root belong to the container's root, without a change on disk.
    fn an_id_mapped_mount_shows_other_owners(host) {
        require(Need::UserNamespaces);
        require(Need::Kernel(6, 3));
        let directory = volume(host);
        fs::write(directory.join("file"), "").expect("a file");
        let users = Inmate::new(|| {
            unshare(CloneFlags::CLONE_NEWUSER).expect("unshare");
            String::new()
        });
        for map in ["uid_map", "gid_map"] {
            fs::write(format!("/proc/{}/{map}", users.pid()), "0 100000 65536").expect("a map");
        }
        let namespace: OwnedFd =
            open(format!("/proc/{}/ns/user", users.pid()).as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).expect("the namespace");
        map_in_place(&directory, namespace.as_fd()).expect("an id-mapped mount");
        assert_eq!(fs::metadata(directory.join("file")).expect("the file").uid(), 100_000);
        umount(&directory).expect("unmount");
        assert_eq!(fs::metadata(directory.join("file")).expect("the file").uid(), 0, "on disk all is as before");
        umount(&directory).expect("unmount");
    }
}
