//! The commands of a container's life, one by one: what the kernel shows between them, and what is left after the last.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use cgroups::{Cgroup, Layout, Limits};
use common::{plain, remove_parent, words};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use process::Failure;
use runtime::spec::{Hook, Kind, Spec};
use runtime::{Containers, Entry, Request, Status, Stdio};
use testkit::{Host, Need, judge, kernel_test, require};

const STAY: &str = "exec sleep 1000";

/// One container, made by one command and found again by the next.
struct Life {
    containers: Containers,
    bundle: PathBuf,
    spec: Spec,
}

impl Life {
    fn new(host: &Host, script: &str) -> Self {
        require(Need::Busybox);
        let mut spec = plain();
        spec.root = Some(runtime::spec::Root { path: host.rootfs(), readonly: false });
        spec.linux.cgroups_path = PathBuf::from(host.cgroup_name()).join("c").display().to_string();
        spec.process.as_mut().expect("a process").args = words(&["sh", "-c", script]);
        Self { containers: Containers::at(&host.dir().join("state")), bundle: host.dir().into(), spec }
    }

    /// Its first process, which is a child of ours.
    fn create(&self) -> Result<Pid, Failure> {
        let request = Request {
            id: "c",
            bundle: &self.bundle,
            spec: self.spec.clone(),
            stdio: Stdio::Inherit,
            attached: false,
            waits: true,
            preserved: 0,
            keep_keyring: false,
        };
        let (_, running) = self.containers.create(&request)?;
        let pid = running.child().pid();
        running.leave();
        Ok(pid)
    }

    fn entry(&self) -> Entry {
        self.containers.find_to_change("c").map_err(Failure::from).expect("a container")
    }

    fn start(&self) -> Result<(), Failure> {
        Ok(self.entry().start()?)
    }

    fn running(&self) -> Pid {
        let pid = self.create().expect("created");
        self.start().expect("started");
        pid
    }

    fn root(&self) -> &Path {
        &self.spec.root.as_ref().expect("a root").path
    }

    /// Ends it by the command that is to end everything; what that says, and whether the process lives afterwards.
    fn delete(&self, init: Pid) -> (String, bool) {
        let said = self.entry().delete(true).map_or_else(|error| error.to_string(), |()| "deleted".into());
        (said, is_alive(init))
    }

    fn group(&self) -> Cgroup {
        let group = Cgroup::open(&Layout::detect().expect("hierarchies"), Path::new(&self.spec.linux.cgroups_path));
        group.map_err(Failure::from).expect("a group")
    }

    /// The end of a container that the test does not delete.
    fn end(&self, init: Pid) {
        let _ = kill(init, Signal::SIGKILL);
        waitpid(init, None).expect("a child of ours");
        self.group().remove().expect("no group");
        remove_parent(Path::new(&self.spec.linux.cgroups_path));
        fs::remove_dir_all(self.bundle.join("state")).expect("a directory");
    }

    /// Nothing is left of a deleted container but a child that has ended. A group would keep the one above it from going.
    fn deleted(self, init: Pid) {
        waitpid(init, None).expect("a child of ours");
        remove_parent(Path::new(&self.spec.linux.cgroups_path));
    }
}

/// Thawed whatever comes of the test: who stands still would keep even its PID namespace from ending.
struct Thawed(Cgroup);

impl Drop for Thawed {
    fn drop(&mut self) {
        let _ = self.0.thaw();
    }
}

/// Whether it runs; one that has ended and is not waited for does not.
fn is_alive(pid: Pid) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" Z")))
}

fn executes_busybox(pid: Pid) -> bool {
    fs::read_link(format!("/proc/{pid}/exe")).expect("a process").ends_with("bin/busybox")
}

/// Waits until it sleeps: at the door, or in its program.
fn until_it_waits(pid: Pid) {
    let waits = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
        stat.rsplit_once(") ").is_some_and(|(_, fields)| fields.starts_with(['S', 'Z']))
    };
    while !waits() {
        std::thread::yield_now();
    }
}

fn shell(script: &str) -> Vec<Hook> {
    vec![Hook {
        path: "/bin/sh".into(),
        args: words(&["sh", "-c", script]),
        env: words(&["PATH=/bin:/usr/bin"]),
        timeout: None,
    }]
}

kernel_test! {
    /// Between create and start is where somebody else may attach networks.
    fn the_program_is_executed_by_start_and_not_before(host) {
        const READ: &str = "ch12-runtime, \"Cut in two\"";
        let mut life = Life::new(host, STAY);
        life.spec.hooks.start_container = shell("echo ran >/tmp/hook");
        let pid = life.create().expect("created");
        let hook = life.root().join("tmp/hook");
        until_it_waits(pid);
        judge("what create has left: whether /proc/PID/exe is the container's program, and whether its hooks have run")
            .expected((false, false))
            .seen((executes_busybox(pid), hook.exists()))
            .cause(|seen| match seen {
                (true, _) => "/proc/PID/exe is the container's program already: nobody waited at the door, and whoever attaches a network comes too late".into(),
                _ => "the startContainer hooks ran in create: they belong to start, right before the program".into(),
            })
            .read(READ);
        assert_eq!(life.entry().status(), Status::Created);
        life.start().expect("started");
        judge("what start has done: whether /proc/PID/exe is the container's program, and whether its hooks have run")
            .expected((true, true))
            .seen((executes_busybox(pid), hook.exists()))
            .cause(|seen| if seen.0 { "the startContainer hooks were left out".into() } else { "unknown".into() })
            .read(READ);
        assert_eq!(life.entry().status(), Status::Running);
        life.end(pid);
    }

    /// Each to whoever waits for an answer at that moment.
    fn a_program_that_cannot_be_executed_is_told_as_soon_as_that_is_known(host) {
        const READ: &str = "ch12-runtime, \"Cut in two\"";
        let mut life = Life::new(host, STAY);
        life.spec.process.as_mut().expect("a process").args = words(&["nosuch"]);
        let told = |outcome: Result<(), Failure>| outcome.map_or_else(|failure| failure.message, |()| "nothing".into());
        let created = life.create();
        let init = created.as_ref().ok().copied();
        let said = told(created.map(drop));
        if let Some(init) = init {
            life.end(init);
        }
        judge("what create says of a program that is not there")
            .expected(true)
            .seen(said.contains("executable file not found"))
            .cause(|_| format!("create said {said:?}: what can be known of the program without executing it was not asked, and start has to tell it"))
            .read(READ);
        // Only the kernel can tell that this is no program.
        let file = life.root().join("bin/empty");
        fs::write(&file, "no program").expect("a file");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("a mode");
        life.spec.process.as_mut().expect("a process").args = words(&["empty"]);
        let pid = life.create().expect("created");
        let said = told(life.start());
        judge("what start says of a program that only the kernel can refuse")
            .expected(true)
            .seen(said.contains("exec format error"))
            .cause(|_| format!("start said {said:?}: the way to report to it was closed before exec"))
            .read(READ);
        life.end(pid);
    }

    fn a_failing_hook_keeps_the_program_from_being_executed(host) {
        let mut life = Life::new(host, "echo ran >/tmp/program");
        life.spec.hooks.start_container = shell("echo no luck; exit 3");
        let pid = life.create().expect("created");
        let failure = life.start().expect_err("a failure");
        assert!(failure.message.contains("error running startContainer hook \"/bin/sh\": exit status: 3: no luck"), "{failure}");
        assert!(!life.root().join("tmp/program").exists());
        life.end(pid);
    }

    fn a_create_container_hook_comes_from_outside_and_runs_inside(host) {
        const READ: &str = "ch12-runtime, \"A program from outside, run inside\"";
        // The same directory exists inside: a hook that is run there leaves its mark there.
        let mut life = Life::new(host, STAY);
        let mark = host.dir().join("mark");
        let inside = life.root().join(mark.strip_prefix("/").expect("absolute"));
        fs::create_dir_all(inside.parent().expect("a directory")).expect("a directory");
        life.spec.hooks.create_container = shell(&format!("readlink /proc/self/ns/mnt >{}", mark.display()));
        let pid = life.create().expect("created");
        let its = fs::read_link(format!("/proc/{pid}/ns/mnt")).expect("a namespace").display().to_string();
        let seen = fs::read_to_string(&mark).ok().map(|text| text.trim().to_owned());
        judge("the mark of a createContainer hook, outside: the mount namespace that it ran in")
            .expected(Some(its))
            .seen(seen)
            .cause(|seen| match seen {
                None if inside.exists() => "the mark is missing outside, and there is one inside: after the pivot, /bin/sh is the container's".into(),
                None => "the mark is missing: the hook did not run".into(),
                Some(_) => "the hook ran in another mount namespace than the container's".into(),
            })
            .read(READ);
        life.end(pid);
        life.spec.hooks.create_container = shell("echo no luck; exit 3");
        let outcome = life.create();
        if let Ok(pid) = outcome {
            life.end(pid);
        }
        judge("whether create fails with its hook, and names it")
            .expected(true)
            .seen(outcome.is_err_and(|failure| failure.message.contains("error running createContainer hook")))
            .cause(|_| "the failure of a hook was dropped: the container was created without what the hook should have done".into())
            .read(READ);
        remove_parent(Path::new(&life.spec.linux.cgroups_path));
    }

    fn a_container_that_stands_still_is_deleted(host) {
        const READ: &str = "ch12-runtime, \"Gone means gone\"";
        let life = Life::new(host, "sleep 1000 & exec sleep 1000");
        let pid = life.running();
        if life.entry().set_paused(true).is_err() {
            require(Need::CgroupV1("freezer"));
        }
        let _thawed = Thawed(life.group());
        assert_eq!(life.entry().status(), Status::Paused);
        let outcome = life.delete(pid);
        judge("deleting a paused container: what is said, and whether its first process lives")
            .expected(("deleted".into(), false))
            .seen(outcome)
            .cause(|(said, _)| if said.contains("does not end") {
                "a frozen process was sent SIGKILL and waited for: on cgroup v1 it does not even die before it is thawed".into()
            } else {
                "unknown".into()
            })
            .read(READ);
        life.deleted(pid);
    }

    /// Without a PID namespace the kernel ends nobody else when the first process ends.
    fn everybody_in_the_group_is_ended(host) {
        const READ: &str = "ch12-runtime, \"Gone means gone\"";
        let mut life = Life::new(host, "sleep 1000 & echo $! >/tmp/other; exec sleep 1000");
        life.spec.linux.namespaces.retain(|namespace| namespace.kind != Kind::Pid);
        let pid = life.running();
        let other = life.root().join("tmp/other");
        while !fs::read_to_string(&other).is_ok_and(|text| text.ends_with('\n')) {
            std::thread::yield_now();
        }
        let other = Pid::from_raw(fs::read_to_string(&other).expect("a number").trim().parse().expect("a number"));
        let outcome = life.delete(pid);
        let stayed = is_alive(other);
        if stayed {
            kill(other, Signal::SIGKILL).expect("a signal");
        }
        judge("deleting a container without a PID namespace: what is said, and whether a child of its first process lives")
            .expected(("deleted".to_owned(), false))
            .seen((outcome.0.clone(), stayed))
            .cause(|(_, stayed)| if *stayed {
                "only the first process was ended: here the kernel ends nobody with it, and a group with somebody in it cannot be removed".into()
            } else {
                "unknown".into()
            })
            .read(READ);
        // An orphan comes to us: we are PID 1 here.
        waitpid(other, None).expect("an orphan of ours");
        life.deleted(pid);
    }

    fn who_has_left_the_group_is_ended_all_the_same(host) {
        const READ: &str = "ch12-runtime, \"Gone means gone\"";
        let life = Life::new(host, STAY);
        let pid = life.running();
        let elsewhere = PathBuf::from(host.cgroup_name()).join("elsewhere");
        let layout = Layout::detect().expect("hierarchies");
        let other = Cgroup::create(&layout, &elsewhere, &Limits::default()).map_err(Failure::from).expect("a group");
        other.add(pid).map_err(Failure::from).expect("moved");
        let (said, lives) = life.delete(pid);
        other.kill().map_err(Failure::from).expect("an empty group");
        judge("deleting a container whose first process was moved to another group: what is said, and whether it lives")
            .expected(("deleted".to_owned(), false))
            .seen((said, lives))
            .cause(|(_, lives)| if *lives {
                "the first process was not in the group, and nobody else had sent it a signal".into()
            } else {
                "unknown".into()
            })
            .read(READ);
        waitpid(pid, None).expect("a child of ours");
        other.remove().map_err(Failure::from).expect("removed");
        remove_parent(Path::new(&life.spec.linux.cgroups_path));
    }
}
