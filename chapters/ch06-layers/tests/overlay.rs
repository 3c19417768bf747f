//! Overlays as the kernel does them: each claim is checked in the directories below, not through the overlay.

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use common::{Container, Mounted, is_opaque, is_whiteout, message, plant, set_xattr, tree, xattr};
use layers::{Overlay, Upper};
use nix::sched::{CloneFlags, unshare};
use testkit::{Need, kernel_test, require};

/// One lower layer with a few files, and a container on it.
fn one_layer(directory: &Path) -> (PathBuf, Container) {
    let lower = directory.join("lower");
    plant(&lower, &["etc/hosts", "bin/sh", "data/a", "data/b"], "from the image");
    let container = Container::new(&directory.join("container"), std::slice::from_ref(&lower));
    (lower, container)
}

/// What the kernel says of the mount on `place`.
fn options_of(place: &Path) -> String {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    let line = mounts.lines().find(|line| line.contains(&format!(" {} ", place.display()))).unwrap_or_default();
    line.split_once(" - ").map(|(_, options)| options.to_owned()).unwrap_or_default()
}

kernel_test! {
    fn the_first_write_copies_the_file_up(host) {
        require(Need::Overlay);
        let (lower, container) = one_layer(host.dir());
        let before = fs::metadata(lower.join("etc/hosts")).expect("a lower file");
        assert_eq!(tree(&container.upper), ". directory 755 0:0\n", "reading copies nothing");
        fs::write(container.path("etc/hosts"), "changed").expect("a write");
        assert_eq!(container.read("etc/hosts"), "changed");
        assert_eq!(fs::read_to_string(lower.join("etc/hosts")).expect("the lower file"), "from the image");
        let after = fs::metadata(lower.join("etc/hosts")).expect("the lower file");
        assert_eq!((before.ino(), before.mtime_nsec(), before.ctime_nsec()), (after.ino(), after.mtime_nsec(), after.ctime_nsec()));
        assert_eq!(fs::read_to_string(container.upper.join("etc/hosts")).expect("the upper file"), "changed");
    }

    fn opening_for_writing_is_enough(host) {
        require(Need::Overlay);
        let (_, container) = one_layer(host.dir());
        fs::File::options().append(true).open(container.path("bin/sh")).expect("open");
        assert_eq!(fs::read_to_string(container.upper.join("bin/sh")).ok().as_deref(), Some("from the image"));
    }

    fn a_deleted_file_is_a_whiteout(host) {
        require(Need::Overlay);
        let (lower, container) = one_layer(host.dir());
        fs::remove_file(container.path("etc/hosts")).expect("rm");
        assert!(!container.path("etc/hosts").exists());
        assert!(is_whiteout(&container.upper.join("etc/hosts")), "{}", tree(&container.upper));
        assert!(lower.join("etc/hosts").exists(), "the lower layer still has it");
        // What was never below leaves nothing behind.
        fs::write(container.path("etc/new"), "").expect("touch");
        fs::remove_file(container.path("etc/new")).expect("rm");
        assert!(fs::symlink_metadata(container.upper.join("etc/new")).is_err());
    }

    fn a_directory_that_is_made_anew_is_opaque(host) {
        require(Need::Overlay);
        let (lower, container) = one_layer(host.dir());
        fs::remove_dir_all(container.path("data")).expect("rm -r");
        assert!(is_whiteout(&container.upper.join("data")), "one whiteout hides the whole tree");
        fs::create_dir(container.path("data")).expect("mkdir");
        assert!(is_opaque(&container.upper.join("data")), "{}", tree(&container.upper));
        assert_eq!(fs::read_dir(container.path("data")).expect("ls").count(), 0);
        assert_eq!(fs::read_dir(lower.join("data")).expect("ls").count(), 2);
    }

    fn a_renamed_file_is_a_copy_and_a_whiteout(host) {
        require(Need::Overlay);
        let (_, container) = one_layer(host.dir());
        fs::rename(container.path("data/a"), container.path("data/c")).expect("mv");
        assert!(is_whiteout(&container.upper.join("data/a")));
        assert_eq!(fs::read_to_string(container.upper.join("data/c")).ok().as_deref(), Some("from the image"));
    }

    /// With redirects the upper directory would say "this is what is called data below": no archive can say that.
    fn a_directory_of_the_image_cannot_be_renamed_but_copied(host) {
        require(Need::Overlay);
        let (_, container) = one_layer(host.dir());
        let refused = fs::rename(container.path("data"), container.path("other")).expect_err("a rename");
        assert_eq!(refused.raw_os_error(), Some(libc_exdev()), "mv(1) copies then");
        fs::create_dir(container.path("mine")).expect("mkdir");
        fs::rename(container.path("mine"), container.path("yours")).expect("one's own directory can be renamed");
    }

    fn hard_links_made_inside_are_one_file(host) {
        require(Need::Overlay);
        let (lower, container) = one_layer(host.dir());
        fs::hard_link(container.path("bin/sh"), container.path("bin/ash")).expect("ln");
        fs::write(container.path("bin/ash"), "changed").expect("a write");
        assert_eq!(container.read("bin/sh"), "changed");
        let inode = |name: &str| fs::metadata(container.upper.join(name)).expect(name).ino();
        assert_eq!(inode("bin/sh"), inode("bin/ash"));
        assert_eq!(fs::read_to_string(lower.join("bin/sh")).expect("the lower file"), "from the image");
    }

    fn attributes_owner_and_mode_survive_the_copy(host) {
        require(Need::Overlay);
        let lower = host.dir().join("lower");
        plant(&lower, &["ping"], "program");
        let ping = lower.join("ping");
        chown(&ping, Some(1000), Some(2000)).expect("chown");
        fs::set_permissions(&ping, Permissions::from_mode(0o4755)).expect("chmod");
        // cap_net_raw=ep, as setcap(8) writes it.
        let capability = [1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        set_xattr(&ping, "security.capability", &capability);
        set_xattr(&ping, "user.note", b"line\nline");
        let container = Container::new(&host.dir().join("c"), &[lower]);
        fs::File::options().append(true).open(container.path("ping")).expect("open for writing, without a write");
        let upper = container.upper.join("ping");
        assert_eq!(xattr(&upper, "security.capability").as_deref(), Some(&capability[..]));
        assert_eq!(xattr(&upper, "user.note").as_deref(), Some(&b"line\nline"[..]));
        let metadata = fs::metadata(&upper).expect("metadata");
        assert_eq!((metadata.mode() & 0o7777, metadata.uid(), metadata.gid()), (0o4755, 1000, 2000));
    }

    fn of_128_layers_the_topmost_wins(host) {
        require(Need::Overlay);
        // Longer together than the page that mount(2) takes its options in.
        let store = host.dir().join("a-directory-with-a-name-that-is-not-short").join("0123456789abcdef".repeat(4));
        let lowers: Vec<PathBuf> = (0..128).map(|number| store.join(format!("layer-{number}"))).collect();
        for (number, lower) in lowers.iter().enumerate() {
            plant(lower, &["top", &format!("only-{number}")], &number.to_string());
        }
        let container = Container::new(&host.dir().join("c"), &lowers);
        assert_eq!(container.read("top"), "0");
        assert_eq!(container.read("only-127"), "127");
        assert_eq!(fs::read_dir(&container.merged).expect("ls").count(), 129);
    }

    fn names_with_overlayfs_own_syntax_are_names(host) {
        require(Need::Overlay);
        let long = "x".repeat(200);
        let names = ["colon:s", "comma,s", "back\\slash", "space and\ttab", "new\nline", &format!("{long}/{long}")];
        let lowers: Vec<PathBuf> = names.iter().map(|name| host.dir().join(name)).collect();
        for (lower, name) in lowers.iter().zip(names) {
            plant(lower, &[&format!("in-{}", name.len())], name);
        }
        let container = Container::new(&host.dir().join("con:tainer"), &lowers);
        assert_eq!(fs::read_dir(&container.merged).expect("ls").count(), names.len());
        fs::write(container.path("written"), "1").expect("a write");
        assert!(container.upper.join("written").exists());
    }

    fn two_containers_share_the_image_and_nothing_else(host) {
        require(Need::Overlay);
        let lower = host.dir().join("lower");
        plant(&lower, &["shared", "deleted-by-one"], "from the image");
        let image = tree(&lower);
        let one = Container::new(&host.dir().join("one"), std::slice::from_ref(&lower));
        let two = Container::new(&host.dir().join("two"), std::slice::from_ref(&lower));
        fs::write(one.path("shared"), "mine").expect("a write");
        fs::write(one.path("new"), "mine").expect("a write");
        fs::remove_file(one.path("deleted-by-one")).expect("rm");
        assert_eq!(two.read("shared"), "from the image");
        assert_eq!(two.read("deleted-by-one"), "from the image");
        assert!(!two.path("new").exists());
        assert_eq!(tree(&lower), image);
    }

    /// The root of a container is the upper directory's, not the image's.
    fn the_root_looks_like_the_images(host) {
        require(Need::Overlay);
        let lower = host.dir().join("lower");
        plant(&lower, &["f"], "");
        chown(&lower, Some(5), Some(6)).expect("chown");
        fs::set_permissions(&lower, Permissions::from_mode(0o1751)).expect("chmod");
        let container = Container::new(&host.dir().join("c"), &[lower]);
        let root = fs::metadata(&container.merged).expect("the root");
        assert_eq!((root.mode() & 0o7777, root.uid(), root.gid()), (0o1751, 5, 6));
    }

    fn options_are_fixed_whatever_the_kernels_defaults(host) {
        require(Need::Overlay);
        plant(host.dir(), &["lower/f", "c/"], "");
        let upper = Upper::create(&host.dir().join("c"), None).expect("an upper");
        let tree = Overlay::new(vec![host.dir().join("lower")], &upper).volatile(true).mount().expect("a mount");
        let place = host.dir().join("merged");
        let _mount = Mounted::new(&tree, &place);
        let options = options_of(&place);
        assert!(options.contains(",volatile"), "{options}");
        // The kernel shows what differs from its defaults; these must never be on.
        for forbidden in ["redirect_dir=on", "metacopy=on", "index=on"] {
            assert!(!options.contains(forbidden), "{options}");
        }
    }

    /// A volatile overlay that was not unmounted properly must not be trusted; ours starts anew.
    fn a_volatile_overlay_can_be_mounted_again(host) {
        require(Need::Overlay);
        plant(host.dir(), &["lower/f", "c/"], "");
        for round in 0..2 {
            let upper = Upper::create(&host.dir().join("c"), None).expect("an upper");
            let overlay = Overlay::new(vec![host.dir().join("lower")], &upper).volatile(true);
            let tree = overlay.mount().unwrap_or_else(|error| panic!("round {round}: {error}"));
            let mount = Mounted::new(&tree, &host.dir().join("merged"));
            fs::write(host.dir().join(format!("merged/{round}")), "").expect("a write");
            drop((tree, mount));
        }
        assert!(host.dir().join("c/upper/0").exists(), "what was written is still there");
    }

    fn nothing_of_a_container_remains(host) {
        require(Need::Overlay);
        let (_, container) = one_layer(host.dir());
        // Deeper than there are descriptors, and than a path can name.
        let mut deep = container.path("deep");
        fs::create_dir(&deep).expect("mkdir");
        for _ in 0..40 {
            deep.push("d".repeat(50));
            fs::create_dir(&deep).expect("mkdir");
        }
        fs::set_permissions(container.path("deep"), Permissions::from_mode(0)).expect("chmod");
        fs::remove_file(container.path("bin/sh")).expect("rm");
        std::os::unix::fs::symlink(host.dir(), container.path("link")).expect("ln -s");
        drop(container);
        let directory = host.dir().join("container");
        assert!(directory.join("work/work").exists(), "the kernel's workshop, of mode 000");
        Upper::remove(&directory).expect("Upper::remove");
        Upper::remove(&directory).expect("a second time");
        assert_eq!(tree(&directory), ". directory 755 0:0\n./merged directory 755 0:0\n");
        assert!(host.dir().join("lower/etc/hosts").exists(), "the link was not followed");
    }

    fn what_the_kernel_refuses_is_explained(host) {
        require(Need::Overlay);
        plant(host.dir(), &["lower/f", "c/", "deep/"], "");
        let lower = host.dir().join("lower");
        let upper = Upper::create(&host.dir().join("c"), None).expect("an upper");
        let refused = |lowers: Vec<PathBuf>, upper: &Upper| {
            message(Overlay::new(lowers, upper).mount().expect_err("a refusal"), host.dir())
        };
        let missing = refused(vec![lower.clone(), host.dir().join("gone")], &upper);
        let file = refused(vec![lower.join("f")], &upper);
        let none = refused(vec![], &upper);
        let many = refused(vec![lower.clone(); 501], &upper);
        // A container in a container: the upper directory would be on an overlay.
        let container = Container::new(&host.dir().join("outer"), std::slice::from_ref(&lower));
        let inner = Upper::create(&container.merged, None).expect("an upper");
        let nested = refused(vec![lower], &inner);
        insta::assert_snapshot!([missing, file, none, many, nested].join("\n\n"));
    }

    /// Root of a user namespace, as in a container without root: overlayfs then keeps its notes in `user.` attributes.
    fn a_user_namespace_is_enough(host) {
        require(Need::Overlay);
        require(Need::UserNamespaces);
        let (lower, c) = (host.dir().join("lower"), host.dir().join("c"));
        plant(&lower, &["data/a"], "from the image");
        let child = fork_in_user_namespace(|| {
            let container = Container::new(&c, std::slice::from_ref(&lower));
            fs::remove_dir_all(container.path("data")).expect("rm -r");
            fs::create_dir(container.path("data")).expect("mkdir");
            assert_eq!(fs::read_dir(container.path("data")).expect("ls").count(), 0);
        });
        assert_eq!(child, 0);
        assert_eq!(xattr(&c.join("upper/data"), "user.overlay.opaque").as_deref(), Some(&b"y"[..]));
    }
}

fn libc_exdev() -> i32 {
    nix::errno::Errno::EXDEV as i32
}

/// The exit status of a child that runs `inside` as root of a user namespace where nobody else is mapped.
#[allow(unsafe_code, reason = "fork in a process with one thread")]
fn fork_in_user_namespace(inside: impl FnOnce()) -> i32 {
    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::{ForkResult, fork};
    // SAFETY: fork(2). A kernel test has one thread, so no lock is held by another.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Child => {
            unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS).expect("unshare");
            fs::write("/proc/self/setgroups", "deny").expect("setgroups");
            fs::write("/proc/self/uid_map", "0 0 1").expect("uid_map");
            fs::write("/proc/self/gid_map", "0 0 1").expect("gid_map");
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(inside));
            std::process::exit(i32::from(outcome.is_err()))
        }
        ForkResult::Parent { child } => match waitpid(child, None).expect("waitpid") {
            WaitStatus::Exited(_, code) => code,
            _ => -1,
        },
    }
}
