//! What a hostile image tries, each time in the words of a flaw that somebody else had.

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use common::{enter, failure, inside, mount, mounts};
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{Mode, umask};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};
use rootfs::Rootfs;
use testkit::{Inmate, Need, kernel_test, require};

kernel_test! {
    /// CVE-2021-30465: while we mount, somebody who shares the volume swaps the target for a link to the outside.
    #[allow(unsafe_code, reason = "fork in a process with one thread")]
    fn a_target_swapped_while_we_mount_stays_inside(host) {
        const TRIES: usize = 200;
        require(Need::Busybox);
        let root = host.rootfs();
        let outside = host.dir().join("outside");
        let (target, link) = (root.join("data"), root.join("link"));
        fs::create_dir(&outside).expect("a directory");
        fs::create_dir(&target).expect("a directory");
        symlink(format!("../../../../../../../..{}", outside.display()), &link).expect("a link");
        // SAFETY: fork(2). A kernel test has one thread, so no lock is held by another.
        let swapper = match unsafe { fork() }.expect("fork") {
            ForkResult::Child => loop {
                let _ = renameat2(AT_FDCWD, &target, AT_FDCWD, &link, RenameFlags::RENAME_EXCHANGE);
            },
            ForkResult::Parent { child } => child,
        };
        let plan = Rootfs { mounts: vec![mount("/data", "tmpfs", Path::new("marked"), &[])], ..Rootfs::default() };
        let (mut entered, mut lost) = (0, 0);
        for _ in 0..TRIES {
            let inmate =
                Inmate::new(|| enter(&root, &plan).map_or_else(|failure| failure.message, |()| "entered".into()));
            if inmate.said() == "entered" {
                entered += 1;
                // A mount that landed outside went away with the old root.
                lost += u32::from(!inmate.proc("mountinfo").contains(" marked "));
            }
        }
        kill(swapper, Signal::SIGKILL).expect("kill");
        waitpid(swapper, None).expect("wait");
        assert!(entered > 0, "nobody got in at all");
        assert_eq!(lost, 0, "mounts that landed outside");
        assert_eq!(fs::read_dir(&outside).expect("the directory outside").count(), 0);
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
