//! A whole root: what is there, what is not, and that nobody gets out.

mod common;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use common::{failure, inside, mount, mounts};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::{Mode, major, minor, umask};
use nix::unistd::{chdir, chroot, fchdir, mkfifo};
use rootfs::Rootfs;
use testkit::{Call, Inmate, Need, judge, judge_refusal, kernel_test, require};

const PROPAGATION: &str = "ch03-rootfs, \"Mounts that travel\"";
const PIVOT: &str = "ch03-rootfs, \"Leaving the old root\"";
const MASKS: &str = "ch03-rootfs, \"Masks\"";

/// Makes the host's mounts shared, as systemd does on every machine that people use.
fn share_all() {
    nix::mount::mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_SHARED, None::<&str>)
        .expect("shared mounts");
}

/// The places of all mounts.
fn places() -> BTreeSet<String> {
    table().lines().filter_map(|line| line.split(' ').nth(4)).map(str::to_owned).collect()
}

/// How the mount at `place` is tied to the host's, as the optional fields of its line say (`proc_pid_mountinfo(5)`).
fn tie(inmate: &Inmate, place: &Path) -> &'static str {
    let table = inmate.proc("mountinfo");
    let line = table.lines().find(|line| line.split(' ').nth(4).is_some_and(|found| Path::new(found) == place));
    match line.and_then(|line| line.split_once(" - ")).map(|(left, _)| left) {
        None => "missing",
        Some(left) if left.contains(" shared:") => "shared",
        Some(left) if left.contains(" master:") => "slave",
        Some(_) => "private",
    }
}

/// `mount(2)`, by name: for judges that must not lean on exercises.
fn plain_mount(source: impl AsRef<Path>, kind: &str, place: &Path, flags: MsFlags) {
    nix::mount::mount(Some(source.as_ref()), place, Some(kind), flags, None::<&str>).expect("a mount");
}

/// Changes the root as [`Rootfs`] does, and to a directory with nothing mounted in it but procfs.
fn bare_pivot(root: &Path) -> Result<(), String> {
    let new_root = bare_root(root);
    rootfs::pivot(&new_root).map_err(|error| error.to_string())
}

/// `root` as a mount, open, in a mount namespace of our own.
fn bare_root(root: &Path) -> OwnedFd {
    unshare(CloneFlags::CLONE_NEWNS).expect("unshare");
    nix::mount::mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .expect("private mounts");
    plain_mount(root, "", root, MsFlags::MS_BIND);
    plain_mount("proc", "proc", &root.join("proc"), MsFlags::empty());
    open(root, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).expect("the root")
}

/// Device and number: which file it is.
fn identity(path: &Path) -> (u64, u64) {
    let file = fs::metadata(path).expect("a file");
    (file.dev(), file.ino())
}

/// Docker's defaults without masks, which are another exercise.
fn unmasked() -> Rootfs {
    Rootfs { masked_paths: Vec::new(), ..Rootfs::docker_default() }
}

fn table() -> String {
    fs::read_to_string("/proc/self/mountinfo").expect("the mount table")
}

/// Whether a file of the host's can be seen after an attempt to get there.
fn finds(marker: &Path, attempt: fn()) -> bool {
    attempt();
    marker.exists()
}

/// The way out of `chroot`, for whoever is root inside.
// ANCHOR: chroot_again
fn chroot_again() {
    let above = open("/", OFlag::O_RDONLY, Mode::empty()).expect("the root");
    fs::create_dir_all("/tmp/jail").expect("a directory");
    // Now the root is below the working directory, and so `..` never meets it.
    chroot("/tmp/jail").expect("chroot");
    fchdir(&above).expect("fchdir");
    for _ in 0..20 {
        chdir("..").expect("..");
    }
    chroot(".").expect("chroot");
}
// ANCHOR_END: chroot_again

/// The way out of a root that is only mounted over the host's: take it off, and enter the namespace anew.
// ANCHOR: take_the_root_away
fn take_the_root_away() {
    let namespace = File::open("/proc/self/ns/mnt").expect("the mount namespace");
    umount2("/", MntFlags::MNT_DETACH).expect("unmount");
    setns(&namespace, CloneFlags::CLONE_NEWNS).expect("setns");
}
// ANCHOR_END: take_the_root_away

kernel_test! {
    /// A judge of the exercise `isolate`.
    fn mounts_inside_do_not_appear_outside(host) {
        require(Need::Busybox);
        let disk = host.dir().join("disk");
        fs::create_dir(&disk).expect("a directory");
        nix::mount::mount(Some("disk"), &disk, Some("tmpfs"), MsFlags::empty(), None::<&str>).expect("a disk");
        share_all();
        let roots = [host.rootfs(), host.rootfs_named("disk/rootfs")];
        let mut ties = Vec::new();
        let more = roots.each_ref().map(|root| {
            let before = places();
            // Without the rest of this chapter, which is other exercises.
            let inmate = Inmate::new(|| {
                unshare(CloneFlags::CLONE_NEWNS).expect("unshare");
                let isolated = rootfs::isolate(false).map_err(|error| error.to_string());
                plain_mount("tmpfs", "tmpfs", &root.join("tmp"), MsFlags::empty());
                isolated.map_or_else(|message| message, |()| String::new())
            });
            ties.push([Path::new("/"), disk.as_path()].map(|place| tie(&inmate, place)));
            // By name: others may take mounts of theirs away meanwhile.
            (inmate.said().to_owned(), places().difference(&before).count())
        });
        judge("how many mounts the host has more than before, for a root on its main disk and for one on another")
            .expected([(String::new(), 0), (String::new(), 0)])
            .seen(more)
            .cause(|_| match ties.as_slice() {
                [["private" | "slave", "shared"], ..] => "the mount at / is private, but those below it are still shared: \
                    a root on another disk mounts into the host's table; the change has to go all the way down (MS_REC)".into(),
                [["shared", _], ..] => "the mounts are still shared with the host, so what was mounted inside was mounted \
                    outside, too: every mount has to be made private first".into(),
                _ => "unknown".into(),
            })
            .read(PROPAGATION);
        nix::mount::umount(&disk).expect("unmount");
    }

    /// A judge of the exercise `isolate`: what the host mounts later stays out, or comes in if that is asked for.
    fn mounts_of_the_host_come_in_only_where_that_is_asked_for(host) {
        share_all();
        let place = host.dir().join("later");
        fs::create_dir(&place).expect("a directory");
        let inmates = [false, true].map(|receive| Inmate::new(|| {
            unshare(CloneFlags::CLONE_NEWNS).expect("unshare");
            rootfs::isolate(receive).map_or_else(|error| error.to_string(), |()| String::new())
        }));
        nix::mount::mount(Some("tmpfs"), &place, Some("tmpfs"), MsFlags::empty(), None::<&str>).expect("a tmpfs");
        let appears = inmates.each_ref().map(|inmate| (inmate.said().to_owned(), inmate.proc("mountinfo").contains("/later ")));
        let ties = inmates.each_ref().map(|inmate| tie(inmate, Path::new("/")));
        nix::mount::umount(&place).expect("unmount");
        judge("whether a later mount of the host appears inside: not to receive it, to receive it")
            .expected([(String::new(), false), (String::new(), true)])
            .seen(appears)
            .cause(|_| match ties {
                ["slave" | "shared", _] => "the mounts inside are slaves, or still shared: what the host mounts comes in; \
                    MS_PRIVATE cuts both ways".into(),
                ["private", "private"] => "`receive` was not looked at: the mounts are private where they are to be slaves".into(),
                _ => "unknown".into(),
            })
            .read(PROPAGATION);
        judge("how the mounts inside are tied to the host's: not to receive, to receive")
            .expected(["private", "slave"])
            .seen(ties)
            .cause(|ties| match ties {
                [_, "shared"] => "to receive is to be a slave (MS_SLAVE): shared mounts would go out, too".into(),
                _ => "unknown".into(),
            })
            .read(PROPAGATION);
    }

    /// A judge of the exercise `isolate`.
    fn a_refusal_to_isolate_is_not_lost(_host) {
        judge_refusal(Call("mount", libc::SYS_mount, None), PROPAGATION, |refuse| {
            refuse();
            rootfs::isolate(false).map_err(|error| error.to_string())
        });
    }

    /// A judge of the exercise `pivot`.
    fn the_old_root_is_gone(host) {
        require(Need::Busybox);
        let root = host.rootfs();
        let names = || fs::read_dir(&root).expect("the root").flatten().map(|entry| entry.file_name()).collect::<BTreeSet<_>>();
        let before = names();
        let inmate = Inmate::new(|| bare_pivot(&root).map_or_else(|message| message, |()| "in".into()));
        let table = inmate.proc("mountinfo");
        let at_root = table.lines().filter(|line| line.split(' ').nth(4) == Some("/")).count();
        judge("whether the process got in, and how many mounts it has at /")
            .expected(("in".to_owned(), 1))
            .seen((inmate.said().to_owned(), at_root))
            .cause(|(said, mounts)| match said.as_str() {
                "in" if *mounts > 1 => "the old root is still mounted over the new one: umount2(\".\", MNT_DETACH) takes it away".into(),
                said if said.contains("EBUSY") && !said.contains("pivot_root") => "the old root is in use, by this \
                    very process among others, and so a plain umount is refused: MNT_DETACH takes it out of the tree now \
                    and lets it die with its last user".into(),
                said if said.contains("pivot_root") => "pivot_root(\".\", \".\") was called where \".\" is still the old \
                    root: fchdir to the new one comes first".into(),
                _ => "unknown".into(),
            })
            .read(PIVOT);
        judge("whether the root that the process sees is the new one")
            .expected(true)
            .seen(identity(Path::new(&format!("/proc/{}/root", inmate.pid()))) == identity(&root))
            .cause(|_| "the process is still in the old root: pivot_root was not called, or its error was lost".into())
            .read(PIVOT);
        judge("what the new root has that it did not have before")
            .expected(Vec::new())
            .seen(names().difference(&before).cloned().collect::<Vec<_>>())
            .cause(|_| "a directory for the old root was left in the image: pivot_root(\".\", \".\") needs none".into())
            .read(PIVOT);
    }

    /// A judge of the exercise `pivot`.
    fn a_refusal_on_the_way_is_not_lost(host) {
        require(Need::Busybox);
        let root = host.rootfs();
        let calls = [
            Call("fchdir", libc::SYS_fchdir, None),
            Call("pivot_root", libc::SYS_pivot_root, None),
            Call("umount2", libc::SYS_umount2, None),
        ];
        for call in calls {
            judge_refusal(call, PIVOT, |refuse| {
                let new_root = bare_root(&root);
                refuse();
                rootfs::pivot(&new_root).map_err(|error| error.to_string())
            });
        }
    }

    /// A judge of the exercise `pivot`: whoever takes the root away must not find another below it.
    fn nothing_lies_below_the_new_root(host) {
        require(Need::Busybox);
        let marker = host.dir().join("on-the-host");
        fs::write(&marker, "").expect("a file");
        let root = host.rootfs();
        let inmate = Inmate::new(|| {
            bare_pivot(&root).unwrap_or_else(|message| panic!("{message}"));
            format!("{}", finds(&marker, take_the_root_away))
        });
        judge("whether the host comes to light when the root is unmounted")
            .expected("false".to_owned())
            .seen(inmate.said().to_owned())
            .cause(|seen| if seen == "true" { "the old root still lies below the new one: chroot only moves where / points; pivot_root moves \
                        the mount, and then umount2 can take the old one away".into() } else { "unknown".into() })
            .read(PIVOT);
    }

    /// The classic: it works against chroot, and that is why there is pivot_root.
    fn a_second_chroot_leads_out_of_chroot_and_not_out_of_here(host) {
        require(Need::Busybox);
        let marker = host.dir().join("on-the-host");
        fs::write(&marker, "").expect("a file");
        let root = host.rootfs();
        let with_chroot = Inmate::new(|| {
            chroot(&root).expect("chroot");
            chdir("/").expect("chdir");
            format!("{}", finds(&marker, chroot_again))
        });
        let with_pivot = inside(&root, &unmasked(), || format!("{}", finds(&marker, chroot_again)));
        assert_eq!((with_chroot.said(), with_pivot.said()), ("true", "false"));
    }

    /// CVE-2024-21626: a working directory outside is a way back.
    fn the_working_directory_is_the_new_root(host) {
        require(Need::Busybox);
        let inmate = inside(&host.rootfs(), &unmasked(), || {
            let here = fs::metadata(".").expect("the working directory");
            let root = fs::metadata("/").expect("the root");
            format!("{}", (here.dev(), here.ino()) == (root.dev(), root.ino()))
        });
        assert_eq!(inmate.said(), "true");
    }

    /// The judge of the exercise `mask`.
    fn masked_paths_show_nothing(host) {
        require(Need::Busybox);
        let plan = Rootfs {
            masked_paths: ["/proc/timer_list", "/proc/irq", "/etc", "/proc/no-such-file", "/proc/tty"].map(Into::into).into(),
            readonly_paths: Vec::new(),
            ..Rootfs::docker_default()
        };
        let inmate = inside(&host.rootfs(), &plan, || {
            let file = fs::read("/proc/timer_list").map_or_else(|e| e.to_string(), |text| text.len().to_string());
            let directory = |path: &str| fs::read_dir(path).map_or_else(|e| e.to_string(), |entries| entries.count().to_string());
            let write = fs::write("/etc/new", "").map_or_else(|e| e.raw_os_error().unwrap_or(0).to_string(), |()| "done".into());
            format!("{file} {} {} {write}", directory("/proc/irq"), directory("/etc"))
        });
        let erofs = Errno::EROFS as i32;
        judge("a masked file's length, two masked directories' entries, an attempt to write in one")
            .expected(format!("0 0 0 {erofs}"))
            .seen(inmate.said().to_owned())
            .cause(|seen| match seen.split(' ').collect::<Vec<_>>()[..] {
                [length, ..] if length != "0" && length.parse::<u64>().is_ok() => "the file still shows its content: /dev/null belongs over it".into(),
                [_, one, other, _] if one != "0" || other != "0" => "a directory still shows its entries, or shows the \
                    null device: an empty tmpfs belongs over it".into(),
                [.., "done"] => "the tmpfs over the directory can be written: whoever masks a path must \
                    make the mask read-only".into(),
                _ => "unknown".into(),
            })
            .read(MASKS);
        let masks: Vec<String> = inmate
            .proc("mountinfo")
            .lines()
            .filter(|line| line.contains("nr_inodes=1"))
            .map(|line| line.split(' ').nth(2).expect("a device").to_owned())
            .collect();
        judge("how many file systems the three masked directories share")
            .expected((3, true))
            .seen((masks.len(), masks.iter().all(|device| *device == masks[0])))
            .cause(|(masks, _)| if *masks == 3 {
                "a tmpfs was made for each directory: one is enough, and its copies cost a fifth".into()
            } else {
                "unknown".into()
            })
            .read(MASKS);
    }

    fn read_only_paths_and_root_cannot_be_written(host) {
        require(Need::Busybox);
        let plan = Rootfs { readonly: true, ..Rootfs::docker_default() };
        let inmate = inside(&host.rootfs(), &plan, || {
            let attempt = |path: &str| fs::write(path, "x").map_or_else(|error| error.raw_os_error().unwrap_or(0), |()| 0);
            let paths = ["/file", "/proc/sys/kernel/domainname", "/sys/file", "/dev/shm/file"];
            paths.map(|path| attempt(path).to_string()).join(" ")
        });
        let erofs = Errno::EROFS as i32;
        assert_eq!(inmate.said(), format!("{erofs} {erofs} {erofs} 0"));
    }

    fn devices_have_dockers_numbers_and_modes(host) {
        require(Need::Busybox);
        let inmate = inside(&host.rootfs(), &Rootfs::docker_default(), || {
            let mut lines: Vec<String> = fs::read_dir("/dev")
                .expect("/dev")
                .flatten()
                .map(|entry| {
                    let metadata = entry.metadata().expect("metadata");
                    let name = entry.file_name().to_string_lossy().into_owned();
                    match metadata.file_type() {
                        kind if kind.is_char_device() => {
                            let device = metadata.rdev();
                            format!("{name} {}:{} {:o}", major(device), minor(device), metadata.mode() & 0o7777)
                        }
                        kind if kind.is_symlink() => {
                            format!("{name} -> {}", fs::read_link(entry.path()).expect("a link").display())
                        }
                        _ => format!("{name}/"),
                    }
                })
                .collect();
            lines.sort();
            lines.join("\n")
        });
        insta::assert_snapshot!("default_devices", inmate.said());
    }

    fn the_mount_table_is_dockers(host) {
        require(Need::Busybox);
        let inmate = inside(&host.rootfs(), &Rootfs::docker_default(), String::new);
        let table: Vec<String> = mounts(&inmate).into_iter().filter(|line| !line.starts_with("/proc/") && !line.starts_with("/sys/")).collect();
        let root = table[0].split(' ').next().expect("a place");
        assert_eq!(root, "/");
        insta::assert_snapshot!("default_mounts", table[1..].join("\n"));
    }

    fn its_terminals_are_its_own(host) {
        require(Need::Busybox);
        let host_terminals = fs::read_dir("/dev/pts").map_or(0, Iterator::count);
        let inmate = inside(&host.rootfs(), &Rootfs::docker_default(), || {
            let _terminal = open("/dev/ptmx", OFlag::O_RDWR | OFlag::O_NOCTTY, Mode::empty()).expect("/dev/ptmx");
            let mut names: Vec<String> = fs::read_dir("/dev/pts").expect("/dev/pts").flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            names.join(" ")
        });
        assert_eq!(inmate.said(), "0 ptmx");
        assert_eq!(fs::read_dir("/dev/pts").map_or(0, Iterator::count), host_terminals);
    }

    /// CVE-2021-30465 and its like: what the image has in the place of a mount leads nowhere else.
    fn links_in_place_of_mount_targets_stay_inside(host) {
        require(Need::Busybox);
        let root = host.rootfs();
        let outside = host.dir().join("outside");
        fs::create_dir(&outside).expect("a directory");
        fs::remove_dir(root.join("dev")).expect("no /dev");
        symlink(format!("../../../../../../../..{}", outside.display()), root.join("dev")).expect("a link");
        symlink(&outside, root.join("data")).expect("a link");
        fs::create_dir_all(root.join(outside.strip_prefix("/").expect("absolute"))).expect("the same path inside");
        let plan = Rootfs { mounts: vec![mount("/data", "tmpfs", Path::new("tmpfs"), &[])], ..Rootfs::docker_default() };
        let plan = Rootfs { masked_paths: Vec::new(), ..plan };
        let _inmate = inside(&root, &plan, String::new);
        assert_eq!(fs::read_dir(&outside).expect("the directory outside").count(), 0, "nothing was made outside");
    }

    /// What runc does: `/root` stays closed, and a new one is for all, as the kernel has it.
    fn a_tmpfs_takes_the_mode_of_what_it_covers_unless_told(host) {
        require(Need::Busybox);
        let root = host.rootfs();
        fs::set_permissions(root.join("root"), fs::Permissions::from_mode(0o700)).expect("a mode");
        let tmpfs = |destination: &str, options: &[&str]| mount(destination, "tmpfs", Path::new("tmpfs"), options);
        let mut plan = Rootfs::docker_default();
        plan.mounts.extend([
            tmpfs("/root", &[]),
            tmpfs("/tmp", &["size=1m"]),
            tmpfs("/new/place", &[]),
            tmpfs("/etc", &["mode=0711"]),
        ]);
        let inmate = inside(&root, &plan, || {
            ["/root", "/tmp", "/new", "/new/place", "/etc"]
                .map(|path| format!("{path} {:o}", fs::metadata(path).expect(path).mode() & 0o7777))
                .join(", ")
        });
        assert_eq!(inmate.said(), "/root 700, /tmp 1777, /new 755, /new/place 1777, /etc 711");
    }

    /// After the mounts, for it may be in one; before the root can no longer be written; with the mode that was meant.
    fn a_missing_working_directory_is_made(host) {
        require(Need::Busybox);
        let root = host.rootfs();
        umask(Mode::from_bits_truncate(0o077));
        let mut plan = Rootfs { readonly: true, ..Rootfs::docker_default() };
        plan.mounts.push(mount("/run", "tmpfs", Path::new("tmpfs"), &["ro"]));
        for directory in ["/run/app/here", "/srv/app", "/etc/passwd", "/proc/self/cwd"] {
            plan.working_directory = Some(directory.into());
            let inmate = inside(&root, &plan, || {
                let metadata = fs::metadata(directory).expect(directory);
                let kind = if metadata.is_dir() { "directory" } else { "file" };
                format!("{kind} {:o} {}:{}", metadata.mode() & 0o777, metadata.uid(), metadata.gid())
            });
            let expected = if directory == "/etc/passwd" { "file" } else { "directory 755 0:0" };
            assert!(inmate.said().starts_with(expected), "{directory}: {}", inmate.said());
        }
        plan.working_directory = Some("/etc/passwd/below".into());
        insta::assert_snapshot!(failure(&root, &plan), @"open /etc/passwd/below inside the root: ENOTDIR: Not a directory");
    }

    fn a_link_in_place_of_proc_is_refused(host) {
        require(Need::Busybox);
        let root = host.rootfs();
        fs::remove_dir(root.join("proc")).expect("no /proc");
        symlink("tmp", root.join("proc")).expect("a link");
        insta::assert_snapshot!(failure(&root, &Rootfs::docker_default()), @r"
        mount proc on /proc: the image has a symbolic link there
        the image is hostile, or made for another purpose
        ");
    }

    fn a_fifo_in_place_of_a_target_is_refused(host) {
        require(Need::Busybox);
        let root = host.rootfs();
        fs::remove_dir(root.join("sys")).expect("no /sys");
        mkfifo(&root.join("sys"), Mode::from_bits_truncate(0o644)).expect("a FIFO");
        insta::assert_snapshot!(failure(&root, &Rootfs::docker_default()), @r"
        prepare the place for a mount: open /sys inside the root: ENOTDIR: Not a directory
        ");
    }

    fn bad_mounts_are_named(host) {
        require(Need::Busybox);
        let root = host.rootfs();
        let plans = [
            mount("/x", "nosuchfs", Path::new("none"), &[]),
            mount("/x", "tmpfs", Path::new("tmpfs"), &["size=many"]),
            mount("/x", "bind", Path::new("/no/such/directory"), &["bind"]),
        ];
        let failures = plans.map(|mount| failure(&root, &Rootfs { mounts: vec![mount], ..Rootfs::default() }));
        insta::assert_snapshot!("bad_mounts", failures.join("\n"));
    }

    fn a_missing_root_is_named(host) {
        insta::assert_snapshot!(failure(&host.dir().join("nowhere"), &Rootfs::default()).replace(&host.dir().display().to_string(), "DIR"), @r"
        open the root file system DIR/nowhere: ENOENT: No such file or directory
        is the path right?
        ");
    }
}
