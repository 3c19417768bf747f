//! What a hostile image tries, each time in the words of a flaw that somebody else had.

mod common;

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use common::{Watch, enter, failure, inside, mount, mounts};
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{Mode, umask};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork, mkfifo};
use process::Failure;
use rootfs::{Prepared, Root, Rootfs};
use testkit::{Inmate, Need, kernel_test, require};

/// Swaps `one` and `other`, again and again, while `meanwhile` runs.
#[allow(unsafe_code, reason = "fork in a process with one thread")]
fn while_swapping<T>(one: &Path, other: &Path, meanwhile: impl FnOnce() -> T) -> T {
    // SAFETY: fork(2). A kernel test has one thread, so no lock is held by another.
    let swapper = match unsafe { fork() }.expect("fork") {
        ForkResult::Child => loop {
            let _ = renameat2(AT_FDCWD, one, AT_FDCWD, other, RenameFlags::RENAME_EXCHANGE);
        },
        ForkResult::Parent { child } => child,
    };
    let outcome = meanwhile();
    kill(swapper, Signal::SIGKILL).expect("kill");
    waitpid(swapper, None).expect("wait");
    outcome
}

kernel_test! {
    /// CVE-2021-30465: while we mount, somebody who shares the volume swaps the target for a link to the outside.
    fn a_target_swapped_while_we_mount_stays_inside(host) {
        const TRIES: usize = 200;
        require(Need::Busybox);
        let root = host.rootfs();
        let outside = host.dir().join("outside");
        let (target, link) = (root.join("data"), root.join("link"));
        fs::create_dir(&outside).expect("a directory");
        fs::create_dir(&target).expect("a directory");
        symlink(format!("../../../../../../../..{}", outside.display()), &link).expect("a link");
        let plan = Rootfs { mounts: vec![mount("/data", "tmpfs", Path::new("marked"), &[])], ..Rootfs::default() };
        let (mut entered, mut lost) = (0, 0);
        while_swapping(&target, &link, || {
            for _ in 0..TRIES {
                let inmate =
                    Inmate::new(|| enter(&root, &plan).map_or_else(|failure| failure.message, |()| "entered".into()));
                if inmate.said() == "entered" {
                    entered += 1;
                    // A mount that landed outside went away with the old root.
                    lost += u32::from(!inmate.proc("mountinfo").contains(" marked "));
                }
            }
        });
        assert!(entered > 0, "nobody got in at all");
        assert_eq!(lost, 0, "mounts that landed outside");
        assert_eq!(fs::read_dir(&outside).expect("the directory outside").count(), 0);
    }

    /// CVE-2025-31133, CVE-2025-52881, CVE-2026-41579: while we mask, somebody who shares the root renames what `/proc` is
    /// mounted on. A path that is not there needs no mask, and the kernel's parameters can be written.
    fn what_is_protected_stays_so_when_proc_is_renamed(host) {
        const TRIES: usize = 200;
        require(Need::Busybox);
        let root = host.rootfs();
        fs::create_dir(root.join("elsewhere")).expect("a directory");
        let plan = Rootfs {
            mounts: vec![
                mount("/proc", "proc", Path::new("proc"), &[]),
                mount("/dev", "tmpfs", Path::new("tmpfs"), &["mode=755"]),
            ],
            masked_paths: vec!["/proc/version".into(), "/proc/scsi".into()],
            readonly_paths: vec!["/proc/sys".into()],
            ..Rootfs::docker_default()
        };
        let scsi = usize::from(Path::new("/proc/scsi").exists());
        let mut counts = Vec::new();
        while_swapping(&root.join("proc"), &root.join("elsewhere"), || {
            for _ in 0..TRIES {
                let inmate = Inmate::new(|| enter(&root, &plan).map_or_else(|failure| failure.message, |()| "entered".into()));
                if inmate.said() == "entered" {
                    let table = mounts(&inmate);
                    let below = |name: &str| table.iter().filter(|line| line.split(' ').next().is_some_and(|at| at.ends_with(name))).count();
                    let parameters = table.iter().filter(|line| line.contains("/sys proc ro,")).count();
                    counts.push((parameters, below("/version"), below("/scsi")));
                }
            }
        });
        assert!(counts.len() > TRIES / 10, "too few got in: {}", counts.len());
        assert_eq!(counts.iter().find(|seen| **seen != (1, 1, scsi)), None, "read-only parameters, and each mask, of those who got in");
    }

    /// CVE-2025-52881: a root without a procfs has files of the image there. What is written to the kernel goes to the
    /// kernel.
    fn kernel_parameters_never_land_in_the_image(host) {
        require(Need::Busybox);
        let root = host.rootfs();
        fs::create_dir_all(root.join("proc/sys/net/ipv4")).expect("directories");
        let feigned = root.join("proc/sys/net/ipv4/ip_default_ttl");
        fs::write(&feigned, "the image's").expect("a file");
        let before = fs::read_to_string("/proc/sys/net/ipv4/ip_default_ttl").expect("the host's");
        let inmate = Inmate::new(|| {
            unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET).expect("unshare");
            let plan = Rootfs { mounts: vec![mount("/kernel", "proc", Path::new("proc"), &["ro"])], ..Rootfs::default() };
            let prepared = plan.prepare(Root::Directory(root)).expect("a root");
            prepared.write_proc(Path::new("sys/net/ipv4/ip_default_ttl"), "77").expect("a kernel parameter");
            let refused = ["sys/nothing", "self/oom_score_adj", "../etc/passwd"]
                .map(|file| prepared.write_proc(Path::new(file), "1").map_err(|error| error.to_string()).expect_err(file));
            prepared.pivot().expect("a root");
            let value = fs::read_to_string("/kernel/sys/net/ipv4/ip_default_ttl").expect("the parameter");
            format!("{}\n{}", value.trim(), refused.join("\n"))
        });
        insta::assert_snapshot!(inmate.said(), @r#"
        77
        write "1" to /proc/sys/nothing: ENOENT: No such file or directory
        write "1" to /proc/self/oom_score_adj: ELOOP: Too many symbolic links encountered
        write "1" to /proc/../etc/passwd: EXDEV: Cross-device link
        "#);
        assert_eq!(fs::read_to_string(&feigned).expect("the image's file"), "the image's");
        assert_eq!(fs::read_to_string("/proc/sys/net/ipv4/ip_default_ttl").expect("the host's"), before);
    }

    /// CVE-2025-52565: terminal, console and null device are looked at before they are opened.
    fn what_only_looks_like_a_device_is_not_opened(host) {
        require(Need::Busybox);
        let root = host.rootfs();
        fs::create_dir(root.join("dev/pts")).expect("a directory");
        for name in ["null", "pts/ptmx", "console"] {
            mkfifo(&root.join("dev").join(name), Mode::from_bits_truncate(0o666)).expect("a FIFO");
        }
        let watch = Watch::new(&[&root.join("dev/null"), &root.join("dev/pts/ptmx"), &root.join("dev/console")]);
        let plan = Rootfs { mounts: vec![mount("/proc", "proc", Path::new("proc"), &[])], ..Rootfs::default() };
        let inmate = Inmate::new(|| {
            unshare(CloneFlags::CLONE_NEWNS).expect("unshare");
            let entered = plan.prepare(Root::Directory(root)).and_then(Prepared::pivot).expect("a root");
            let failure = |failure: Failure| failure.message;
            [
                entered.null().map_err(Failure::from).map_err(failure).expect_err("a FIFO"),
                entered.open_ptmx().map_err(Failure::from).map_err(failure).expect_err("a FIFO"),
                entered.bind_console(std::io::stdin().as_fd()).map_err(Failure::from).map_err(failure).expect_err("a FIFO"),
            ]
            .join("\n")
        });
        insta::assert_snapshot!(inmate.said(), @r"
        /dev/null inside the root is not the null device
        /dev/pts inside the root is not a devpts file system
        /dev/console of the image is not a plain file or device
        ");
        assert_eq!(watch.opened(), 0);
    }

    /// CVE-2021-30465, CVE-2025-52881: a link that leads a volume into `/proc`, where masks and kernel parameters are.
    fn a_volume_never_covers_proc(host) {
        require(Need::Busybox);
        let root = host.rootfs();
        symlink("proc", root.join("data")).expect("a link");
        let over = |destination: &str| {
            let mut plan = Rootfs::docker_default();
            plan.mounts.push(mount(destination, "tmpfs", Path::new("tmpfs"), &[]));
            failure(&root, &plan)
        };
        insta::assert_snapshot!("mounts_over_proc", ["/proc", "/proc/sys/kernel", "/data/tty"].map(over).join("\n"));
        // What lxcfs and others put there, and runc allows.
        let uptime = host.dir().join("uptime");
        fs::write(&uptime, "1.00 1.00\n").expect("a file");
        let mut plan = Rootfs::docker_default();
        plan.mounts.push(mount("/proc/uptime", "bind", &uptime, &["bind", "ro"]));
        let inmate = inside(&root, &plan, || fs::read_to_string("/proc/uptime").expect("the uptime"));
        assert_eq!(inmate.said(), "1.00 1.00\n");
    }

    /// CVE-2024-21626: a directory of the host that is still open is a way back.
    fn no_directory_of_the_host_stays_open(host) {
        require(Need::Busybox);
        let inmate = inside(&host.rootfs(), &Rootfs::docker_default(), String::new);
        let table = inmate.proc("mountinfo");
        let here: Vec<&str> = table.lines().filter_map(|line| line.split(' ').next()).collect();
        let pid = inmate.pid();
        for entry in fs::read_dir(format!("/proc/{pid}/fd")).expect("descriptors").flatten() {
            let number = entry.file_name().to_string_lossy().into_owned();
            if fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_dir()) {
                let info = inmate.proc(&format!("fdinfo/{number}"));
                let mount = info.lines().find_map(|line| line.strip_prefix("mnt_id:")).expect("a mount").trim();
                assert!(here.contains(&mount), "descriptor {number} is in a mount that the container does not have");
            }
        }
        assert_eq!(fs::read_link(format!("/proc/{pid}/cwd")).expect("the working directory"), Path::new("/"));
    }

    /// CVE-2025-31133: what looks like the null device is a file of the image.
    fn only_the_real_null_device_masks(host) {
        require(Need::Busybox);
        let root = host.rootfs();
        symlink("/etc/passwd", root.join("dev/null")).expect("a link");
        let plan = Rootfs {
            mounts: vec![mount("/proc", "proc", Path::new("proc"), &[])],
            masked_paths: vec!["/proc/timer_list".into()],
            ..Rootfs::default()
        };
        insta::assert_snapshot!(failure(&root, &plan), @r"
        /dev/null inside the root is not the null device
        a mount over /dev/null, or a hostile image
        ");
    }

    /// Images from a running machine have `/etc/resolv.conf` as a link to what systemd would have made.
    fn a_target_that_is_a_link_to_nothing_is_made_inside(host) {
        require(Need::Busybox);
        let root = host.rootfs();
        symlink("../run/systemd/resolve/stub-resolv.conf", root.join("etc/resolv.conf")).expect("a link");
        symlink("/srv/../mnt/disk", root.join("data")).expect("a link");
        let file = host.dir().join("resolv.conf");
        fs::write(&file, "nameserver 192.0.2.1\n").expect("a file");
        let mut plan = Rootfs::docker_default();
        plan.mounts.push(mount("/etc/resolv.conf", "bind", &file, &["bind", "ro"]));
        plan.mounts.push(mount("/data/new", "tmpfs", Path::new("tmpfs"), &[]));
        let inmate = inside(&root, &plan, || fs::read_to_string("/etc/resolv.conf").expect("the file"));
        assert_eq!(inmate.said(), "nameserver 192.0.2.1\n");
        let places: Vec<String> = mounts(&inmate).iter().map(|line| line.split(' ').next().unwrap_or("").into()).collect();
        assert!(places.contains(&"/run/systemd/resolve/stub-resolv.conf".to_owned()), "{places:?}");
        assert!(places.contains(&"/mnt/disk/new".to_owned()), "{places:?}");
    }

    /// Modes are given as they are meant, and the program is not left without a umask.
    fn the_umask_is_as_before(host) {
        require(Need::Busybox);
        umask(Mode::from_bits_truncate(0o027));
        let inmate = inside(&host.rootfs(), &Rootfs::docker_default(), || {
            fs::write("/tmp/file", "").expect("a file");
            format!("{:o} {:o}", fs::metadata("/tmp/file").expect("it").mode() & 0o777, fs::metadata("/dev/null").expect("it").mode() & 0o777)
        });
        assert_eq!(inmate.said(), "640 666");
    }
}
