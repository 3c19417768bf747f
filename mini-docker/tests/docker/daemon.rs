//! A docker daemon of the test's own: its release 28, where `cargo wb test` has fetched it, else what is installed.
#![allow(dead_code, reason = "each test file uses a part")]

use std::fs::{self, File};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use testkit::{Host, Need, require};

/// Where release 28 is unpacked: Debian's packages, beside the system.
const FETCHED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/wb/docker-28");
const DAEMON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/wb/docker-28/usr/sbin/dockerd");
const SYSTEM: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// The programs that are the reference.
#[derive(Debug)]
pub(crate) struct Programs {
    path: String,
}

impl Programs {
    /// Release 28, which `cargo wb test` fetches: the table has its words. Without it the test is skipped, by the name of
    /// what is missing.
    pub(crate) fn find() -> Self {
        require(Need::Program(DAEMON, "cargo wb test fetches it"));
        require(Need::Program("runc", "runc"));
        let directory = fs::canonicalize(FETCHED).unwrap_or_else(|_| FETCHED.into());
        let directory = directory.display();
        Self { path: format!("{directory}/usr/sbin:{directory}/usr/bin:{SYSTEM}") }
    }

    /// The client.
    pub(crate) fn client(&self) -> PathBuf {
        let mut folders = self.path.split(':').map(|folder| Path::new(folder).join("docker"));
        folders.find(|path| path.is_file()).expect("the docker client is there")
    }
}

/// A daemon in a mount and a PID namespace that end with it.
pub(crate) struct Daemon {
    unshare: Child,
    socket: PathBuf,
    cgroup: String,
}

impl Daemon {
    /// Starts one and waits until it says that it is ready.
    pub(crate) fn start(host: &Host, programs: &Programs) -> Self {
        Self::start_with(host, programs, &[])
    }

    /// The same with more flags.
    pub(crate) fn start_with(host: &Host, programs: &Programs, flags: &[&str]) -> Self {
        // The daemon writes into /run, /etc/docker and /opt/containerd, wherever its data is. Those are in memory: it
        // waits for the disk at every step. Forwarding is a setting of the test's own network namespace; without it
        // every `run` warns.
        const SCRIPT: &str = r#"
            set -e
            mkdir -p "$1/etc-upper" "$1/etc-work" "$1/data" "$1/exec"
            mount -t tmpfs data "$1/data"
            mount -t tmpfs exec "$1/exec"
            mount -t tmpfs run /run
            mount -t tmpfs opt /opt
            mount -t overlay overlay -o "lowerdir=/etc,upperdir=$1/etc-upper,workdir=$1/etc-work" /etc
            echo 1 >/proc/sys/net/ipv4/ip_forward
            shift
            # Without a daemon it is the caller who sets the limit, and no more than the caller may.
            files=$(ulimit -Hn)
            exec "$@" --default-ulimit "nofile=$files:$files"
        "#;
        let directory = host.dir().join("docker");
        fs::create_dir(&directory).expect("a directory");
        let path = |name: &str| directory.join(name).display().to_string();
        let ready = UnixDatagram::bind(path("notify")).expect("a socket");
        ready.set_read_timeout(Some(Duration::from_mins(1))).expect("a time limit");
        let log = File::create(path("log")).expect("a file");
        let cgroup = host.cgroup_name();
        let unshare = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .args(["sh", "-c", SCRIPT, "sh", &path(""), "dockerd", "--iptables=false", "--ip6tables=false"])
            .args(["--bridge=none", "--cgroup-parent", &format!("/{cgroup}")])
            .args(["--data-root", &path("data"), "--exec-root", &path("exec"), "--pidfile", &path("pid")])
            .args(["--host", &format!("unix://{}", path("socket")), "--userland-proxy=false"])
            .args(flags)
            .env("PATH", &programs.path)
            .env("NOTIFY_SOCKET", path("notify"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a descriptor"))
            .stderr(log)
            .spawn()
            .expect("unshare starts");
        let daemon = Self { unshare, socket: path("socket").into(), cgroup };
        let mut message = [0; 64];
        let length = ready.recv(&mut message).unwrap_or_default();
        let log = fs::read_to_string(path("log")).unwrap_or_default();
        assert!(message[..length].starts_with(b"READY=1"), "dockerd is not ready: {log}");
        daemon
    }

    /// For `DOCKER_HOST`.
    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.socket.display())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let children = format!("/proc/{0}/task/{0}/children", self.unshare.id());
        let daemon = fs::read_to_string(children).unwrap_or_default().split_whitespace().next().map(str::parse);
        if let Some(Ok(pid)) = daemon {
            // Asked politely it waits for its containers.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        // The daemon is process 1 of its namespace: when it has been waited for, everything in there has ended.
        let _ = self.unshare.wait();
        remove_groups(&self.cgroup);
    }
}

/// The group `name` of every hierarchy, and those below.
pub(crate) fn remove_groups(name: &str) {
    for hierarchy in fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten() {
        let _ = remove_tree(&hierarchy.path().join(name));
    }
    let _ = remove_tree(&Path::new("/sys/fs/cgroup").join(name));
}

/// Containers that were running when the daemon ended leave their groups, empty.
fn remove_tree(group: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(group)?.flatten().filter(|entry| entry.path().is_dir()) {
        remove_tree(&entry.path())?;
    }
    fs::remove_dir(group)
}
