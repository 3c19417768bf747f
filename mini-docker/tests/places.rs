//! Where mini-docker has its data, and where it runs: places that differ from those of the other tests.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{Docker, static_binary};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use testkit::{Need, kernel_test, require};

kernel_test! {
    /// Nearly everywhere `/run` is in memory, and `/var/lib` on a disk: nothing can be renamed from one to the other.
    fn the_default_places_are_on_two_file_systems(_host) {
        require(Need::Busybox);
        require(Need::Overlay);
        for place in ["/run", "/var/lib"] {
            fs::create_dir_all(place).expect("a directory");
            mount(Some("tmpfs"), place, Some("tmpfs"), MsFlags::empty(), None::<&str>).expect("a file system");
        }
        let docker = Docker::at(Path::new("/var/lib/mini-docker"));
        docker.ok(&["image", "bootstrap", "busybox"]);
        assert_eq!(docker.ok(&["run", "--rm", "busybox", "echo", "one"]), "one\n");
        docker.ok(&["run", "-d", "--name", "web", "busybox", "sleep", "1000"]);
        assert_eq!(docker.ok(&["exec", "web", "cat", "/proc/1/comm"]), "sleep\n");
        docker.ok(&["stop", "-t", "0", "web"]);
        docker.ok(&["start", "web"]);
        docker.ok(&["rm", "-f", "web"]);
        assert_eq!(docker.ok(&["run", "--rm", "busybox", "echo", "two"]), "two\n");
        docker.ok(&["create", "--name", "never", "busybox", "true"]);
        docker.ok(&["container", "prune", "-f"]);
        for lives in ["containers", "tmp"] {
            for held in fs::read_dir(Path::new("/run/mini-docker").join(lives)).expect("a directory").flatten() {
                fs::File::open(held.path()).map(|held| held.lock()).ok();
            }
        }
        assert_eq!(docker.ok(&["system", "check"]), "0 containers, 1 image, 1 layer: no fault\n");
        for left in ["/run/mini-docker/containers", "/run/mini-docker/tmp", "/var/lib/mini-docker/containers", "/var/lib/mini-docker/tmp"] {
            assert_eq!(fs::read_dir(left).expect("a directory").count(), 0, "{left}");
        }
        for place in ["/run", "/var/lib"] {
            umount2(place, MntFlags::MNT_DETACH).expect("an end");
        }
    }

    /// An image may have anything in the place of `/dev`, and a user may want memory of his own: neither gets the host's.
    fn shared_memory_is_the_other_containers_or_none_of_ours(host) {
        let docker = Docker::new(host);
        let (root, archive) = (host.rootfs(), host.dir().join("linked.tar"));
        fs::remove_dir_all(root.join("dev")).expect("no /dev");
        fs::create_dir(root.join("x")).expect("a directory");
        std::os::unix::fs::symlink("/x", root.join("dev")).expect("a link");
        let packed = Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&archive).arg(".").status();
        assert!(packed.expect("tar starts").success());
        docker.ok(&["import", archive.to_str().expect("a path"), "linked"]);
        docker.ok(&["run", "-d", "--name", "one", "--ipc", "shareable", "busybox", "sh", "-c", "echo one >/dev/shm/note; exec sleep 1000"]);
        docker.ok(&["exec", "one", "sh", "-c", "until test -s /dev/shm/note; do :; done"]);
        let note = host.dir().join("note");
        fs::write(&note, "host").expect("a file");
        mount(Some(host.dir()), "/dev/shm", None::<&str>, MsFlags::MS_BIND, None::<&str>).expect("the host's, with a note");
        let joins = ["run", "--rm", "--ipc", "container:one"];
        assert_eq!(docker.ok(&[&joins[..], &["busybox", "cat", "/dev/shm/note"]].concat()), "one\n");
        assert_eq!(docker.ok(&[&joins[..], &["linked", "cat", "/x/shm/note"]].concat()), "one\n");
        assert_eq!(docker.ok(&[&joins[..], &["--tmpfs", "/dev/shm", "busybox", "ls", "/dev/shm"]].concat()), "");
        umount2("/dev/shm", MntFlags::MNT_DETACH).expect("an end");
        docker.ok(&["rm", "-f", "one"]);
        assert_eq!(docker.left_behind(), Vec::<String>::new());
    }

    /// With all rights, and a file system of its own for what it keeps: an overlay does not lie on another.
    fn it_runs_in_itself(host) {
        require(Need::Program(static_binary(), "cargo wb try builds it"));
        let docker = Docker::new(host);
        let (root, archive) = (host.rootfs(), host.dir().join("inner.tar"));
        fs::copy(static_binary(), root.join("bin/mini-docker")).expect("a copy");
        let packed = Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&archive).arg(".").status();
        assert!(packed.expect("tar starts").success());
        docker.ok(&["import", archive.to_str().expect("a path"), "inner"]);
        // Groups of cgroup v2 have limits or processes: whoever wants groups with limits below the own one leaves it first. So
        // does docker's image for docker in docker.
        let script = "cd /sys/fs/cgroup && if test -e cgroup.controllers; then
              mkdir init && for pid in $(cat cgroup.procs); do echo $pid >init/cgroup.procs; done
            fi 2>/dev/null;
            mini-docker image bootstrap busybox >/dev/null && mini-docker run --rm busybox echo first &&
            mini-docker run -d --name inner busybox sleep 1000 >/dev/null && mini-docker exec inner cat /proc/1/comm &&
            mini-docker rm -f inner && mini-docker run --rm --memory 32m busybox echo last && mini-docker ps -aq";
        let said = docker.run(&[
            "run", "--rm", "--privileged", "--tmpfs", "/var/lib/mini-docker:exec", "inner", "sh", "-c", script,
        ]);
        assert_eq!((said.code, said.stdout.as_str()), (Some(0), "first\nsleep\ninner\nlast\n"), "{}", said.stderr);
        assert_eq!(docker.left_behind(), Vec::<String>::new());
    }
}
