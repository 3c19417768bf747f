//! Many commands on few containers at the same time: each works or says why not, and nothing is lost or left.

mod common;

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use common::Docker;
use nix::sys::wait::{WaitPidFlag, waitpid};
use testkit::native_test;

/// Numbers that look random and are the same in each run (`xorshift64`).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap_or(1)).unwrap_or_default()
    }
}

const NAMES: [&str; 3] = ["one", "two", "three"];

/// What somebody does to containers that others use, too.
fn line(dice: &mut Dice) -> Vec<&'static str> {
    let (name, other) = (NAMES[dice.roll(NAMES.len())], NAMES[dice.roll(NAMES.len())]);
    let sleep = ["busybox", "sleep", "1000"];
    match dice.roll(16) {
        0 => [&["run", "-d", "--name", name][..], &sleep].concat(),
        1 => [&["run", "-d", "--rm", "--name", name][..], &sleep].concat(),
        2 => [&["run", "-d", "--restart", "always", "--name", name][..], &["busybox", "true"]].concat(),
        3 => [&["create", "--name", name][..], &sleep].concat(),
        4 | 5 => vec!["start", name],
        6 => vec!["stop", "-t", "0", name],
        7 => vec!["restart", "-t", "0", name],
        8 | 9 => vec!["rm", "-f", name],
        10 => vec!["rename", name, other],
        11 => vec!["kill", name],
        12 => vec!["pause", name],
        13 => vec!["unpause", name],
        14 => vec!["container", "prune", "-f"],
        _ => vec!["ps", "-a"],
    }
}

/// What has lost its parent comes to us.
fn reap() {
    while waitpid(None, Some(WaitPidFlag::WNOHANG)).is_ok_and(|status| status.pid().is_some()) {}
}

/// One life of each. Returns their ids.
fn live(docker: &Docker, names: &[String]) -> String {
    let all = |words: &[&str]| {
        let names = names.iter().map(String::as_str);
        docker.ok(&words.iter().copied().chain(names).collect::<Vec<_>>())
    };
    let create =
        |name: &String| docker.ok(&["create", "--network", "none", "--name", name, "busybox", "sleep", "1000"]);
    let ids = names.iter().map(create).collect();
    let listed = names.join("\n") + "\n";
    assert_eq!(all(&["start"]), listed);
    assert_eq!(all(&["inspect", "-f", "{{.State.Status}}"]), "running\n".repeat(names.len()));
    assert_eq!(all(&["stop", "-t", "0"]), listed);
    assert_eq!(all(&["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}"]), "exited 137\n".repeat(names.len()));
    assert_eq!(all(&["rm"]), listed);
    ids
}

/// What there is beside a container that lives: processes, mounts, and what its shim has open.
fn look(docker: &Docker, name: &str) -> (usize, usize, usize) {
    let count = |directory: &str| fs::read_dir(directory).expect("a directory").count();
    let program = docker.ok(&["inspect", "-f", "{{.State.Pid}}", name]);
    let status = fs::read_to_string(format!("/proc/{}/status", program.trim())).expect("its program");
    let shim = status.lines().find_map(|line| line.strip_prefix("PPid:")).expect("its shim").trim();
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mounts").lines().count();
    (count("/proc"), mounts, count(&format!("/proc/{shim}/fd")))
}

/// Control groups of our containers. Others use the machine, too.
fn groups_of(ids: &str) -> Vec<String> {
    let found = Command::new("find").args(["/sys/fs/cgroup", "-path", "*/mini-docker/*", "-type", "d"]).output();
    let found = String::from_utf8(found.expect("find starts").stdout).expect("paths");
    found.lines().filter(|path| ids.lines().any(|id| path.contains(id))).map(str::to_owned).collect()
}

native_test! {
    fn commands_at_the_same_time_lose_nothing_and_leave_nothing(host) {
        const COMMANDS: u64 = 240;
        let docker = Docker::new(host);
        let done = AtomicU64::new(0);
        thread::scope(|scope| {
            for seed in 1..=4_u32 {
                let (docker, done) = (&docker, &done);
                scope.spawn(move || {
                    let mut dice = Dice(0x9e37_79b9_7f4a_7c15_u64.rotate_left(seed));
                    while done.fetch_add(1, Ordering::Relaxed) < COMMANDS {
                        let line = line(&mut dice);
                        let said = docker.run(&line);
                        assert!(said.code.is_some() && !said.stderr.contains("panicked"), "{line:?}: {said:?}");
                        // Whatever stands in the way is somebody's claim or state, and no file that is not there.
                        assert!(!said.stderr.contains("No such file"), "{line:?}: {}", said.stderr);
                    }
                });
            }
        });
        for id in docker.ok(&["ps", "-aq"]).split_whitespace() {
            docker.ok(&["rm", "-f", id]);
        }
        reap();
        assert_eq!(docker.ok(&["system", "check"]), "0 containers, 1 image, 1 layer: no fault\n");
        assert_eq!(docker.left_behind(), Vec::<String>::new());
    }

    fn a_container_can_live_a_hundred_lives(host) {
        let docker = Docker::new(host);
        docker.ok(&["create", "--name", "cat", "busybox", "sh", "-c", "echo life >>/lives; exec sleep 1000"]);
        for _ in 0..100 {
            docker.ok(&["start", "cat"]);
            docker.ok(&["stop", "-t", "0", "cat"]);
            reap();
        }
        docker.ok(&["start", "cat"]);
        assert_eq!(docker.ok(&["ps", "-a"]).lines().count(), 2);
        docker.ok(&["rm", "-f", "cat"]);
        reap();
        assert_eq!(docker.left_behind(), Vec::<String>::new());
    }

    /// In groups, as a script does it; and what one life leaves would be here five hundred times.
    fn five_hundred_containers_come_run_stop_and_go(host) {
        const GROUPS: usize = 20;
        const SIZE: usize = 25;
        let docker = Docker::new(host);
        docker.ok(&["run", "-d", "--network", "none", "--name", "witness", "busybox", "sleep", "1000"]);
        let before = look(&docker, "witness");
        let groups: Vec<Vec<String>> =
            (0..GROUPS).map(|group| (0..SIZE).map(|one| format!("of-{group}-{one}")).collect()).collect();
        let ids: String = thread::scope(|scope| {
            let halves = groups.chunks(GROUPS / 2).map(|half| {
                let docker = &docker;
                scope.spawn(move || half.iter().map(|names| live(docker, names)).collect::<String>())
            });
            let halves: Vec<_> = halves.collect();
            halves.into_iter().map(|half| half.join().expect("both come to their end")).collect()
        });
        assert_eq!(ids.lines().count(), GROUPS * SIZE);
        reap();
        assert_eq!(docker.ok(&["ps", "-a", "--format", "{{.Names}} {{.State}}"]), "witness running\n", "one was there before");
        assert_eq!(look(&docker, "witness"), before, "processes, mounts, descriptors of a shim");
        assert_eq!(groups_of(&ids), Vec::<String>::new());
        docker.ok(&["rm", "-f", "witness"]);
        reap();
        assert_eq!(docker.ok(&["system", "check"]), "0 containers, 1 image, 1 layer: no fault\n");
        assert_eq!(docker.left_behind(), Vec::<String>::new());
    }
}
