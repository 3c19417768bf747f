//! Paths inside a root that somebody hostile has made.

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common::Watch;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, FcntlArg, OFlag, RenameFlags, fcntl, renameat2};
use nix::libc;
use nix::sys::stat::{Mode, SFlag, fstat, makedev, mknod};
use nix::unistd::mkfifo;
use process::Failure;
use rootfs::{RootDir, RootDirError};
use testkit::{Call, Host, Inmate, judge, kernel_test, refuse};

const READ: &str = "ch03-rootfs, \"A path inside a root\"";

/// `root` with a directory and links of every kind in it, and `outside` with a secret beside it.
fn hostile(host: &Host) -> RootDir {
    let root = host.dir().join("root");
    fs::create_dir_all(root.join("dir/below")).expect("directories");
    fs::create_dir(host.dir().join("outside")).expect("a directory");
    fs::write(host.dir().join("outside/secret"), "the host's").expect("a file");
    fs::write(root.join("dir/file"), "inside").expect("a file");
    for (name, target) in [
        ("up", "../outside"),
        ("absolute", "/dir"),
        ("far-up", "../../../../../../../../etc"),
        ("chain", "chain-2"),
        ("chain-2", "dir/../../outside"),
        ("loop", "loop"),
        ("magic", "/proc/self/root"),
    ] {
        symlink(target, root.join(name)).expect("a link");
    }
    RootDir::open(&root).expect("the root")
}

/// Ends the thread that looks at it.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn errno(error: &RootDirError) -> Errno {
    match error {
        RootDirError::Path { errno, .. } => *errno,
        other => panic!("another error: {other}"),
    }
}

kernel_test! {
    /// A judge of the exercise `walk`.
    fn links_and_dots_stay_inside(host) {
        let root = hostile(host);
        for path in ["up/secret", "../outside/secret", "/../outside/secret", "chain/secret", "dir/../../outside/secret"] {
            let seen = root.resolve(path).map_err(|error| errno(&error));
            judge(&format!("what {path} leads to"))
                .expected(Some(Errno::ENOENT))
                .seen(seen.as_ref().err().copied())
                .cause(|errno| match errno {
                    None => "the walk left the root: RESOLVE_IN_ROOT makes `..` and absolute links stop there".into(),
                    Some(Errno::EXDEV) => "the walk was refused, as RESOLVE_BENEATH does: inside a root an absolute \
                                           link is not an error, it starts again at the root".into(),
                    Some(Errno::ELOOP) => "links were refused altogether; images are full of honest ones".into(),
                    Some(_) => "unknown".into(),
                })
                .read(READ);
        }
        let absolute = root.open_regular("absolute/file").map(drop);
        judge("whether an absolute link starts again at the root")
            .expected(Ok(()))
            .seen(absolute.map_err(|error| errno(&error)))
            .cause(|seen| match seen {
                Err(Errno::ENOENT) => "the link led to the host's /dir: RESOLVE_IN_ROOT is missing".into(),
                Err(Errno::EXDEV) => "RESOLVE_BENEATH refuses absolute links; RESOLVE_IN_ROOT follows them inside".into(),
                Err(Errno::ELOOP) => "links were refused altogether; images are full of honest ones".into(),
                _ => "unknown".into(),
            })
            .read(READ);
    }

    /// A judge of the exercise `walk`: `/proc/self/root` is a link that no name stands behind.
    fn magic_links_are_refused(host) {
        let root = host.dir().join("root");
        fs::create_dir(&root).expect("a directory");
        // A root whose /proc is real: there the link works.
        let root = RootDir::open(Path::new("/")).expect("the host's own root");
        let seen = root.resolve("/proc/self/root/etc").map(drop).map_err(|error| errno(&error));
        judge("what a path through /proc/self/root gives")
            .expected(Err(Errno::ELOOP))
            .seen(seen)
            .cause(|seen| match seen {
                Ok(()) => "a magic link was followed: it jumps to wherever its process is, whatever root we walk in; \
                    RESOLVE_NO_MAGICLINKS is missing".into(),
                Err(Errno::EXDEV) => "RESOLVE_NO_MAGICLINKS is missing: the walk stopped at the magic link only because \
                    today's kernels follow none in a walk that is tied to a root (EXDEV)".into(),
                Err(_) => "unknown".into(),
            })
            .read(READ);
    }

    /// A judge of the exercise `walk`: while one thread walks, another swaps a directory for a link to the outside.
    fn a_swap_during_the_walk_gets_nobody_out(host) {
        const TRIES: usize = 20_000;
        let root_path = host.dir().join("root");
        fs::create_dir_all(root_path.join("dir")).expect("directories");
        fs::create_dir(host.dir().join("outside")).expect("a directory");
        fs::write(root_path.join("dir/file"), "inside").expect("a file");
        fs::write(host.dir().join("outside/file"), "the host's").expect("a file");
        symlink("../outside", root_path.join("link")).expect("a link");
        let secret = fs::metadata(host.dir().join("outside/file")).expect("a file").ino();
        let root = RootDir::open(&root_path).expect("the root");
        let stop = AtomicBool::new(false);
        let (escapes, gave_up) = thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    renameat2(AT_FDCWD, &root_path.join("dir"), AT_FDCWD, &root_path.join("link"), RenameFlags::RENAME_EXCHANGE)
                        .expect("an exchange");
                }
            });
            // Also when the walk panics: the other thread would go on for ever.
            let _stop = Stop(&stop);
            let escapes = (0..TRIES)
                .filter_map(|_| root.open_regular("dir/file").ok())
                .filter(|file| fstat(file).expect("fstat").st_ino == secret)
                .count();
            // Past a `..` the kernel gives up with EAGAIN when somebody renames meanwhile: one in a few walks.
            let gave_up = (0..TRIES)
                .filter_map(|_| root.resolve("dir/../dir").err())
                .filter(|error| errno(error) == Errno::EAGAIN)
                .count();
            (escapes, gave_up)
        });
        judge("how often a walk ended outside")
            .expected(0)
            .seen(escapes)
            .cause(|_| "between the look and the use a directory became a link: only the kernel can do both in one \
                        step, with RESOLVE_IN_ROOT".into())
            .read(READ);
        judge("how often a walk gave up because of a rename (EAGAIN)")
            .expected(0)
            .seen(gave_up)
            .cause(|_| "EAGAIN is no answer: a rename came between, so try again".into())
            .read(READ);
    }

    /// A judge of the exercise `walk`: who renames without end keeps nobody here for ever.
    fn a_walk_that_never_succeeds_ends(host) {
        let root = hostile(host);
        let inside = Inmate::new(|| {
            refuse(Call("openat2", libc::SYS_openat2, None), Errno::EAGAIN);
            format!("{:?}", root.resolve("dir").map(drop).map_err(|error| errno(&error)))
        });
        judge("what a walk gives that the kernel cannot finish")
            .expected("Err(EAGAIN)".to_owned())
            .seen(inside.said().to_owned())
            .cause(|seen| match seen.as_str() {
                "Ok(())" => "the file was opened without openat2: only that call resolves and opens in one step".into(),
                _ => "unknown".into(),
            })
            .read(READ);
    }

    /// A judge of the exercise `walk`: what was asked for arrives at the kernel.
    fn a_walk_opens_as_it_was_asked(host) {
        let root = hostile(host);
        let place = root.resolve("dir").expect("a directory");
        let flags = fcntl(&place, FcntlArg::F_GETFL).map(OFlag::from_bits_truncate).expect("flags");
        let marked = fcntl(&place, FcntlArg::F_GETFD).expect("flags") & libc::FD_CLOEXEC != 0;
        judge("whether a place is only a place (O_PATH), and close-on-exec")
            .expected((true, true))
            .seen((flags.contains(OFlag::O_PATH), marked))
            .cause(|seen| match seen {
                (false, _) => "the flags did not reach openat2".into(),
                (_, false) => "O_CLOEXEC is missing: a program in the container would have a file of the host's open".into(),
                _ => "unknown".into(),
            })
            .read(READ);
        judge("what comes of a new file")
            .expected(Ok(()))
            .seen(root.create_file("dir/made", 0o600).map(drop).map_err(|error| errno(&error)))
            .cause(|_| "unknown".into())
            .read(READ);
        judge("what the empty path leads to")
            .expected(Ok(()))
            .seen(root.resolve("").map(drop).map_err(|error| errno(&error)))
            .cause(|_| "openat2 refuses an empty path: it means the root itself".into())
            .read(READ);
    }

    fn loops_end(host) {
        assert_eq!(errno(&hostile(host).resolve("loop").expect_err("a loop")), Errno::ELOOP);
    }

    fn directories_are_made_inside_also_through_links(host) {
        let root = hostile(host);
        root.create_dir_all("/absolute/new/er", 0o755).expect("directories");
        assert!(host.dir().join("root/dir/new/er").is_dir());
        root.create_dir_all("far-up/passwd.d", 0o755).expect("directories");
        assert!(host.dir().join("root/etc/passwd.d").is_dir());
        assert!(!Path::new("/etc/passwd.d").exists());
        assert_eq!(errno(&root.create_dir_all("loop/new", 0o755).expect_err("a loop")), Errno::ELOOP);
        root.create_file("dir/a/b/c", 0o600).expect("a file");
        assert_eq!(fs::metadata(host.dir().join("root/dir/a/b/c")).expect("the file").mode() & 0o777, 0o600);
        root.create_file("up/file", 0o600).expect("a file");
        assert!(host.dir().join("root/outside/file").is_file());
        assert!(!host.dir().join("outside/file").exists());
    }

    fn only_regular_files_are_read(host) {
        let root = hostile(host);
        let path = host.dir().join("root");
        mkfifo(&path.join("fifo"), Mode::from_bits_truncate(0o644)).expect("a FIFO");
        fs::write(path.join("long"), "x".repeat(100)).expect("a file");
        assert_eq!(root.read_file("dir/file", 100).expect("a file"), b"inside");
        let failure = |path: &str| Failure::from(root.read_file(path, 99).expect_err(path)).message;
        // Nothing is opened to find out what it is: that alone can have effects.
        mknod(&path.join("device"), SFlag::S_IFCHR, Mode::from_bits_truncate(0o666), makedev(1, 3)).expect("a device");
        let watch = Watch::new(&[&path.join("fifo"), &path.join("device")]);
        for name in ["fifo", "device"] {
            root.read_file(name, 99).expect_err(name);
        }
        assert_eq!(watch.opened(), 0);
        fs::File::open(path.join("device")).expect("the device");
        assert_eq!(watch.opened(), 1, "an opening is seen");
        insta::assert_snapshot!("unreadable_files", ["fifo", "dir", "long", "nothing", "loop"].map(failure).join("\n"));
    }
}
