//! The machine goes down with containers at work, and comes up: the unit that we write starts what is to run.
//!
//! The power cut is real for processes: each one of the throw-away host is killed at once. The boot has another id.

mod common;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::Docker;
use nix::mount::{MsFlags, mount, umount};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::wait;
use nix::unistd::Pid;
use testkit::{Host, Need, kernel_test, native_test, require};

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const SLEEP: [&str; 3] = ["busybox", "sleep", "1000"];

/// Everybody is killed; what was in memory is gone; the kernel names another boot.
fn power_cut(host: &Host, docker: &Docker) {
    kill(Pid::from_raw(-1), Signal::SIGKILL).expect("everybody but us");
    while wait().is_ok() {}
    let containers = fs::read_dir(docker.root().join("containers")).expect("containers");
    for id in containers.flatten().map(|entry| entry.file_name()) {
        remove_groups(Path::new("/sys/fs/cgroup"), &id);
    }
    let other = host.dir().join("boot_id");
    fs::write(&other, "00000000-0000-4000-8000-000000000000\n").expect("another boot");
    mount(Some(&other), BOOT_ID, None::<&str>, MsFlags::MS_BIND, None::<&str>).expect("a boot of its own");
}

/// What is below the groups of `id`, in each hierarchy.
fn remove_groups(directory: &Path, id: &OsString) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        let is_its = entry.file_name() == *id || directory.ends_with(id);
        if is_its || directory.components().count() < 7 {
            remove_groups(&entry.path(), id);
        }
        if is_its {
            fs::remove_dir(entry.path()).expect("an empty group");
        }
    }
}

/// The words of a line of a unit, as systemd reads them: systemd.service(5), *Command lines*; and systemd.syntax(7).
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut is_quoted) = (Vec::new(), None::<String>, false);
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            ' ' if !is_quoted => words.extend(word.take()),
            '\\' | '%' | '$' => {
                let escaped = characters.next().expect("what is escaped");
                assert!(character == '\\' || escaped == character, "{character}{escaped} means something to systemd");
                word.get_or_insert_default().push(escaped);
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

/// Does what the unit says. Returns what the journal would have.
fn boot(unit: &str) -> String {
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("what the unit executes");
    let words = words(line);
    let mut command = Command::new(&words[0]);
    // systemd gives a service little more.
    command.args(&words[1..]).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").current_dir("/");
    let output = command.stdin(Stdio::null()).output().expect("the unit's program starts");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("names")
}

/// A data root whose name systemd would not read as it stands.
fn at_an_odd_place(host: &Host) -> Docker {
    require(Need::Busybox);
    require(Need::Overlay);
    let docker = Docker::at(&host.dir().join("50 %$HOME\\ \"data\""));
    docker.ok(&["image", "bootstrap", "busybox"]);
    docker
}

/// How a container is: its status, its exit code, how often its policy started it.
fn look(docker: &Docker, name: &str) -> String {
    docker.ok(&["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", name]).trim().to_owned()
}

fn network(docker: &Docker, name: &str) -> PathBuf {
    let pid = docker.ok(&["inspect", "-f", "{{.State.Pid}}", name]);
    fs::read_link(format!("/proc/{}/ns/net", pid.trim())).expect("a namespace")
}

kernel_test! {
    fn after_a_power_cut_the_unit_starts_what_is_to_run(host) {
        let docker = at_an_odd_place(host);
        let made = |name: &str, flags: &[&str]| {
            docker.ok(&[&["create", "--network", "none", "--name", name][..], flags, &SLEEP].concat());
        };
        // Older than the one whose network it has.
        made("owner", &["--restart", "always"]);
        docker.ok(&[&["create", "--name", "guest", "--restart", "always", "--network", "container:owner"][..], &SLEEP].concat());
        docker.ok(&["rename", "owner", "first"]);
        docker.ok(&["rename", "first", "owner"]);
        made("once", &[]);
        made("unless", &["--restart", "unless-stopped"]);
        made("unless-by-hand", &["--restart", "unless-stopped"]);
        made("always-by-hand", &["--restart", "always"]);
        made("never-ran", &["--restart", "always"]);
        for name in ["owner", "guest", "once", "unless", "unless-by-hand", "always-by-hand"] {
            docker.ok(&["start", name]);
        }
        docker.ok(&["stop", "-t", "0", "unless-by-hand", "always-by-hand"]);
        docker.ok(&[&["run", "-d", "--rm", "--network", "none", "--name", "temporary"][..], &SLEEP].concat());
        let unit = docker.ok(&["system", "restore", "--print-unit"]);

        power_cut(host, &docker);
        for name in ["owner", "guest", "once", "unless"] {
            assert_eq!(look(&docker, name), "exited 255", "{name}: it ended with the machine");
        }
        assert_eq!(boot(&unit), "owner\nguest\nunless\nalways-by-hand\n", "the oldest first");
        for (name, expected) in [
            ("owner", "running 0"),
            ("guest", "running 0"),
            ("unless", "running 0"),
            ("always-by-hand", "running 0"),
            ("once", "exited 255"),
            ("unless-by-hand", "exited 137"),
            ("never-ran", "created 0"),
        ] {
            assert_eq!(look(&docker, name), expected, "{name}");
        }
        assert_eq!(network(&docker, "owner"), network(&docker, "guest"));
        assert_eq!(docker.run(&["inspect", "temporary"]).code, Some(1), "it went with the machine");
        assert_eq!(boot(&unit), "", "once for each boot");

        let ids = docker.ok(&["ps", "-aq"]);
        docker.ok(&[&["rm", "-f"][..], &ids.split_whitespace().collect::<Vec<_>>()].concat());
        umount(BOOT_ID).expect("the kernel's own");
        assert_eq!(docker.left_behind(), Vec::<String>::new());
    }
}

native_test! {
    /// systemd's own word on it.
    fn systemd_has_nothing_to_say_of_the_unit(host) {
        require(Need::Program("systemd-analyze", "apt-get install systemd"));
        let docker = at_an_odd_place(host);
        let unit = host.dir().join("mini-docker-restore.service");
        fs::write(&unit, docker.ok(&["system", "restore", "--print-unit"])).expect("a unit");
        fs::set_permissions(&unit, fs::Permissions::from_mode(0o644)).expect("a mode");
        let output = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // It looks at all that this machine has, too.
        let ours: Vec<&str> = said.lines().filter(|line| line.contains("mini-docker-restore")).collect();
        assert_eq!((output.status.success(), ours), (true, Vec::new()), "{said}");
    }
}
