//! Each kind of namespace: new, shared or joined, compared from outside; and what being inside one means.

mod common;

use std::fs;
use std::net::{TcpListener, TcpStream};

use common::{Inmate, Resident, link, link_path, status};
use namespaces::{Handle, Kind, Namespace, Namespaces, Offsets, loopback_up};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::getpid;
use process::Failure;
use testkit::{Host, Need, judge, kernel_test, require};

const READ: &str = "ch02-namespaces, \"New, shared, joined\"";

/// A map that changes nothing, for tests that are about other things.
fn same_ids() -> namespaces::IdMap {
    "0:0:4294967295".parse().expect("a map")
}

fn message(failure: &Failure) -> String {
    format!("{}\n{}", failure.message, failure.hint.as_deref().unwrap_or_default())
}

/// Whether `resident` is where we are, for each kind.
fn shared_with_us(resident: &Resident) -> Vec<Kind> {
    Kind::ALL.into_iter().filter(|kind| resident.link(*kind) == link(getpid(), kind.proc_name())).collect()
}

kernel_test! {
    /// The judge of the exercise `clone-flags`.
    fn only_new_namespaces_are_made(_host) {
        let elsewhere = Inmate::new(|| {
            unshare(CloneFlags::CLONE_NEWCGROUP).expect("unshare");
            String::new()
        });
        let joined = Handle::open(Kind::Cgroup, link_path(elsewhere.pid(), "cgroup")).expect("a handle");
        let plan = Namespaces::host()
            .with_joined(joined)
            .with_new(Kind::Uts)
            .with_new(Kind::Net)
            .with_new(Kind::Time)
            .with_time_offsets(Offsets { boottime: 60.into(), ..Offsets::default() });
        let inmate = Inmate::new(|| {
            unshare(plan.clone_flags()).expect("unshare with the flags of the plan");
            String::new()
        });
        // For pid and time, unshare changes what the children get: the same question to clone3.
        let made: Vec<&str> = ["user", "cgroup", "ipc", "uts", "net", "pid_for_children", "time_for_children", "mnt"]
            .into_iter()
            .filter(|name| link(inmate.pid(), name) != link(getpid(), name))
            .collect();
        judge("the namespaces that the flags make, of a plan for new uts, network and time, a joined cgroup, the rest the host's")
            .expected(vec!["uts", "net"])
            .seen(made)
            .cause(|made| match made {
                made if ["user", "ipc", "pid_for_children", "mnt"].iter().any(|host| made.contains(host)) =>
                    "there is a flag for a namespace that is to stay the host's: only Mode::New asks for one".into(),
                made if made.contains(&"cgroup") =>
                    "there is a flag for a namespace that is to be joined: a new one would be made for nothing".into(),
                made if made.contains(&"time_for_children") =>
                    "CLONE_NEWTIME is among the flags: clone3 would put the child inside at once, \
                     and nobody could set its offsets any more".into(),
                _ => "a new namespace has no flag: every Mode::New but the time namespace's needs one".into(),
            })
            .read(READ);
    }

    fn each_kind_can_be_new(_host) {
        for kind in Kind::ALL {
            let plan = Namespaces::host().with_new(kind);
            let ids = (kind == Kind::User).then(same_ids);
            let resident = Resident::new(&plan, ids.as_ref(), || Ok(String::new()));
            let expected: Vec<Kind> = Kind::ALL.into_iter().filter(|other| *other != kind).collect();
            assert_eq!(shared_with_us(&resident), expected, "all but {kind} are the host's");
        }
    }

    fn each_kind_can_be_shared(_host) {
        let resident = Resident::new(&Namespaces::host(), None, || Ok(String::new()));
        assert_eq!(shared_with_us(&resident), Kind::ALL);
    }

    fn each_kind_can_be_joined(_host) {
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::User) {
            let first = Resident::new(&Namespaces::host().with_new(kind), None, || Ok(String::new()));
            let before = link(getpid(), "pid_for_children");
            let handle = Handle::open(kind, link_path(first.pid(), kind.proc_name())).expect("a handle");
            let second = Resident::new(&Namespaces::host().with_joined(handle), None, || Ok(String::new()));
            assert_eq!(second.link(kind), first.link(kind), "joined {kind}");
            assert_eq!(link(getpid(), "pid_for_children"), before, "the maker came home");
        }
    }

    /// From a joined user namespace there is no way back, so the maker is a process of its own.
    fn a_user_namespace_is_joined_with_all_that_it_owns(_host) {
        require(Need::UserNamespaces);
        let plan = Namespaces::docker_default().with_new(Kind::User);
        let first = Resident::new(&plan, Some(&"0:100000:65536".parse().expect("a map")), || Ok(String::new()));
        let joined = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Time)
            .map(|kind| Namespace { kind, path: Some(link_path(first.pid(), kind.proc_name())) });
        let plan = Namespaces::from_list(&joined.collect::<Vec<_>>()).expect("a plan");
        let maker = Inmate::new(|| {
            let second = Resident::new(&plan, None, || Ok(String::new()));
            // The maker's own /proc does not know the new pid namespace's children by another number: it is the host's.
            let links: Vec<String> = Kind::ALL.into_iter().map(|kind| second.link(kind)).collect();
            links.join(" ")
        });
        let links: Vec<String> = Kind::ALL.into_iter().map(|kind| first.link(kind)).collect();
        assert_eq!(maker.said(), links.join(" "));
    }

    /// As `docker run --userns-remap --network container:X` would need it.
    fn a_host_network_is_joined_into_a_new_user_namespace(_host) {
        require(Need::UserNamespaces);
        let first = Resident::new(&Namespaces::host().with_new(Kind::Net), None, || Ok(String::new()));
        let handle = Handle::open(Kind::Net, link_path(first.pid(), "net")).expect("a handle");
        let plan = Namespaces::host().with_new(Kind::User).with_new(Kind::Uts).with_joined(handle);
        let own = link(getpid(), "net");
        let second = Resident::new(&plan, Some(&same_ids()), || Ok(String::new()));
        assert_eq!(second.link(Kind::Net), first.link(Kind::Net));
        assert_eq!(link(getpid(), "net"), own, "the maker came home");
    }

    fn a_maker_that_fails_on_the_way_comes_home(host) {
        let first = Resident::new(&Namespaces::host().with_new(Kind::Ipc), None, || Ok(String::new()));
        let file = bind_mount(host, "net");
        let plan = Namespaces::host()
            .with_new(Kind::User)
            .with_joined(Handle::open(Kind::Ipc, link_path(first.pid(), "ipc")).expect("a handle"))
            .with_joined(Handle::open(Kind::Uts, &file).expect("a handle of the wrong kind"));
        let own = link(getpid(), "ipc");
        plan.join_before_clone().expect_err("a net namespace as uts");
        umount2(&file, MntFlags::MNT_DETACH).expect("umount");
        assert_eq!(link(getpid(), "ipc"), own);
    }

    fn the_first_process_inside_is_number_one(_host) {
        let resident = Resident::new(&Namespaces::host().with_new(Kind::Pid), None, || Ok(getpid().to_string()));
        assert_eq!(resident.said(), "1");
        assert_eq!(status(resident.pid(), "NSpid"), format!("{} 1", resident.pid()), "one process, two numbers");
    }

    fn shared_memory_of_the_host_is_invisible_inside(_host) {
        require(Need::Program("ipcmk", "util-linux"));
        let segments = || fs::read_to_string("/proc/sysvipc/shm").expect("/proc/sysvipc/shm").lines().count() - 1;
        let before = segments();
        let made = std::process::Command::new("ipcmk").args(["--shmem", "4096"]).output().expect("ipcmk");
        assert!(made.status.success());
        assert_eq!(segments(), before + 1, "the host has one more");
        let resident = Resident::new(&Namespaces::host().with_new(Kind::Ipc), None, || Ok(segments().to_string()));
        assert_eq!(resident.said(), "0");
        let neighbour = Resident::new(&Namespaces::host(), None, || Ok(segments().to_string()));
        assert_eq!(neighbour.said(), (before + 1).to_string(), "whoever shares the namespace sees it");
    }

    fn a_new_network_has_only_a_loopback_and_it_is_turned_on(_host) {
        let connects = || {
            let listener = TcpListener::bind("127.0.0.1:0");
            listener.and_then(|listener| TcpStream::connect(listener.local_addr()?)).is_ok()
        };
        let resident = Resident::new(&Namespaces::host().with_new(Kind::Net), None, || {
            let before = connects();
            loopback_up()?;
            Ok(format!("connects before: {before}, after: {}", connects()))
        });
        assert_eq!(resident.said(), "connects before: false, after: true");
        let devices: Vec<String> = resident.proc("net/dev").lines().skip(2)
            .filter_map(|line| Some(line.split(':').next()?.trim().to_owned())).collect();
        assert_eq!(devices, ["lo"]);
    }

    fn the_loopback_is_not_for_everybody(_host) {
        let inmate = Inmate::new(|| {
            unshare(CloneFlags::CLONE_NEWNET).expect("unshare");
            common::become_user(1000);
            message(&loopback_up().expect_err("an ordinary user").into())
        });
        insta::assert_snapshot!(inmate.said(), @r"
        turn on the loopback device: set IFF_UP: EPERM: Operation not permitted
        only root may do this without a user namespace; run as root, or ask for a new user namespace too
        ");
    }

    fn a_cgroup_namespace_hides_the_path(_host) {
        let resident = Resident::new(&Namespaces::host().with_new(Kind::Cgroup), None, || {
            Ok(fs::read_to_string("/proc/self/cgroup").expect("/proc/self/cgroup"))
        });
        let paths: Vec<&str> = resident.said().lines().filter_map(|line| line.splitn(3, ':').nth(2)).collect();
        assert!(!paths.is_empty() && paths.iter().all(|path| *path == "/"), "{paths:?}");
    }

    fn a_mount_inside_is_not_outside(host) {
        let directory = host.dir().join("inside");
        fs::create_dir(&directory).expect("a directory");
        let resident = Resident::new(&Namespaces::host().with_new(Kind::Mount), None, || {
            mount(Some("none"), &directory, Some("tmpfs"), MsFlags::empty(), None::<&str>).expect("mount");
            Ok(String::new())
        });
        let name = directory.display().to_string();
        assert!(resident.proc("mountinfo").contains(&name));
        assert!(!common::proc(getpid(), "mountinfo").contains(&name));
    }

    fn clocks_of_a_plan_are_off(_host) {
        require(Need::Kernel(5, 6));
        let plan = Namespaces::host()
            .with_new(Kind::Time)
            .with_time_offsets(Offsets { boottime: 86_400.into(), monotonic: 60.into() });
        let resident = Resident::new(&plan, None, || Ok(String::new()));
        assert_eq!(common::columns(&resident.proc("timens_offsets")), "monotonic 60 0 boottime 86400 0");
    }

    fn what_cannot_be_joined_is_refused_before_anything_starts(host) {
        let refused = |kind, path: &std::path::Path| message(&Handle::open(kind, path).expect_err("not joinable").into());
        let text = host.dir().join("text");
        fs::write(&text, "uts").expect("a file");
        let fifo = host.dir().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a fifo");
        let found = [
            refused(Kind::Uts, "/proc/self/ns/net".as_ref()),
            refused(Kind::Mount, "/proc/self/ns/uts".as_ref()),
            refused(Kind::Net, &text),
            refused(Kind::Net, &fifo),
            refused(Kind::Net, host.dir()),
            refused(Kind::Net, "/proc/4000000/ns/net".as_ref()),
        ]
        .join("\n")
        .replace(&host.dir().display().to_string(), "DIR")
        .replace(&link(getpid(), "net"), "net:[INODE]")
        .replace(&link(getpid(), "uts"), "uts:[INODE]");
        insta::assert_snapshot!(found, @r"
        /proc/self/ns/net is not a uts namespace, it is net:[INODE]
        its file would be /proc/PID/ns/uts
        /proc/self/ns/uts is not a mount namespace, it is uts:[INODE]
        its file would be /proc/PID/ns/mnt
        DIR/text is not a namespace
        name a file such as /proc/PID/ns/net, or a bind mount of one such as /run/netns/NAME
        DIR/fifo is not a namespace
        name a file such as /proc/PID/ns/net, or a bind mount of one such as /run/netns/NAME
        DIR is not a namespace
        name a file such as /proc/PID/ns/net, or a bind mount of one such as /run/netns/NAME
        open network namespace /proc/4000000/ns/net: No such file or directory (os error 2)
        the process that owned it may have ended; a namespace lives as long as someone uses it or has it open
        ");
    }

    /// A bind mount, as `ip netns` makes them, does not show its kind before it is joined.
    fn a_bind_mount_of_the_wrong_kind_is_refused_when_joined(host) {
        let file = bind_mount(host, "net");
        let right = Handle::open(Kind::Net, &file).expect("a handle");
        assert!(right.is_ours().expect("an id"));
        let plan = Namespaces::host().with_joined(Handle::open(Kind::Uts, &file).expect("a handle"));
        let failure = Resident::try_new(&plan, None, || Ok(String::new())).err().expect("a failure");
        umount2(&file, MntFlags::MNT_DETACH).expect("umount");
        insta::assert_snapshot!(message(&failure).replace(&host.dir().display().to_string(), "DIR"), @r"
        DIR/net is not a uts namespace
        its file would be /proc/PID/ns/uts
        ");
    }
}

/// Our own namespace `name`, bound to a file as `ip netns add` does.
fn bind_mount(host: &Host, name: &str) -> std::path::PathBuf {
    let file = host.dir().join(name);
    fs::write(&file, "").expect("a file");
    mount(Some(&link_path(getpid(), name)), &file, None::<&str>, MsFlags::MS_BIND, None::<&str>).expect("mount --bind");
    file
}
