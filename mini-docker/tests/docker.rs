//! Docker is the judge: the same command lines, the same output, the same exit codes.

mod common;

use std::fs::{self, File};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{Docker, Said};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use testkit::{Host, Need, kernel_test, require};

/// After `run --rm --network none`; IMAGE stands for the image. Without `--privileged`, which old dockers cannot do on
/// a machine that lacks a capability, and without `/dev/core`, which runc makes only where there is a `/proc/kcore`.
const LINES: &[&[&str]] = &[
    &["IMAGE", "echo", "hello"],
    &["IMAGE", "sh", "-c", "exit 7"],
    &["IMAGE", "sh", "-c", "kill -KILL $$; exit 3"],
    &["IMAGE", "nosuch"],
    &["IMAGE", "/bin/nosuch"],
    &["IMAGE", "/etc/passwd"],
    &["IMAGE", "/etc"],
    &["-u", "bob", "IMAGE", "true"],
    &["-w", "relative", "IMAGE", "true"],
    &["--memory", "1m", "IMAGE", "true"],
    &["--entrypoint", "echo", "IMAGE", "-n", "one", "two"],
    &["-h", "ship", "-e", "A=b=c", "-e", "EMPTY=", "IMAGE", "sh", "-c", "env | grep -v SHLVL | sort; hostname"],
    &["-u", "alice", "-w", "/new/place", "IMAGE", "sh", "-c", "id; pwd; echo $HOME; stat -c '%u:%g %a' ."],
    &["-u", "1000:50", "IMAGE", "id"],
    &["-u", "4000", "IMAGE", "sh", "-c", "id; echo $HOME; grep Cap /proc/self/status"],
    &["IMAGE", "grep", "-E", "^(Cap|NoNewPrivs|Seccomp:)", "/proc/self/status"],
    &["--cap-drop", "ALL", "--cap-add", "CHOWN", "IMAGE", "grep", "^Cap", "/proc/self/status"],
    &["--security-opt", "no-new-privileges", "IMAGE", "grep", "NoNewPrivs", "/proc/self/status"],
    &["--security-opt", "seccomp=unconfined", "IMAGE", "grep", "Seccomp:", "/proc/self/status"],
    &["--ulimit", "nofile=100:200", "IMAGE", "sh", "-c", "ulimit -n; ulimit -Hn"],
    &["--read-only", "IMAGE", "touch", "/x"],
    &["--tmpfs", "/run:size=1m", "IMAGE", "grep", " /run ", "/proc/mounts"],
    &["IMAGE", "mount", "-t", "tmpfs", "x", "/tmp"],
    &["IMAGE", "sh", "-c", "stat -c '%A %u:%g %t,%T %N' /dev/* | grep -v core; ls /sys/class/net; umask; echo $$"],
    &["--device", "/dev/null:/dev/nothing", "IMAGE", "stat", "-c", "%A %t,%T", "/dev/nothing"],
];

/// A docker daemon of the test's own, in a mount and a PID namespace that end with it.
struct Daemon {
    unshare: Child,
    socket: PathBuf,
    cgroup: String,
}

impl Daemon {
    /// Starts one and waits until it says that it is ready.
    fn start(host: &Host) -> Self {
        // The daemon writes into /run, /etc/docker and /opt/containerd, wherever its data is.
        const SCRIPT: &str = r#"
            set -e
            mkdir -p "$1/etc-upper" "$1/etc-work"
            mount -t tmpfs run /run
            mount -t tmpfs opt /opt
            mount -t overlay overlay -o "lowerdir=/etc,upperdir=$1/etc-upper,workdir=$1/etc-work" /etc
            shift
            exec "$@"
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
            .args(["--bridge=none", "--default-ulimit", "nofile=1024:4096", "--cgroup-parent", &format!("/{cgroup}")])
            .args(["--data-root", &path("data"), "--exec-root", &path("exec"), "--pidfile", &path("pid")])
            .args(["--host", &format!("unix://{}", path("socket"))])
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

    fn command(&self) -> Command {
        let mut command = Command::new("docker");
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null());
        command.arg("--host").arg(format!("unix://{}", self.socket.display()));
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        self.command().args(arguments).output().expect("docker starts").into()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let children = format!("/proc/{0}/task/{0}/children", self.unshare.id());
        let daemon = fs::read_to_string(children).unwrap_or_default().split_whitespace().next().map(str::parse);
        if let Some(Ok(pid)) = daemon {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        // The daemon is process 1 of its namespace: when it has been waited for, everything in there has ended.
        let _ = self.unshare.wait();
        for hierarchy in fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten() {
            let _ = fs::remove_dir(hierarchy.path().join(&self.cgroup));
        }
        let _ = fs::remove_dir(Path::new("/sys/fs/cgroup").join(&self.cgroup));
    }
}

kernel_test! {
    fn docker_does_the_same(host) {
        require(Need::Program("dockerd", "docker.io"));
        require(Need::Program("docker", "docker.io"));
        let ours = Docker::new(host);
        let root = host.rootfs();
        let archive = host.dir().join("image.tar");
        let status = Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(&root).arg(".").status().expect("tar");
        assert!(status.success());
        let archive = archive.display().to_string();
        let daemon = Daemon::start(host);
        ours.ok(&["import", &archive, "parity"]);
        let imported = daemon.run(&["import", &archive, "parity"]);
        assert_eq!(imported.code, Some(0), "{}", imported.stderr);
        let differences: Vec<String> = LINES.iter().filter_map(|line| {
            let mut arguments = vec!["run", "--rm", "--network", "none"];
            arguments.extend(line.iter().map(|word| if *word == "IMAGE" { "parity" } else { *word }));
            let (we, docker) = (ours.run(&arguments), daemon.run(&arguments));
            let differ = (&we.stdout, we.code) != (&docker.stdout, docker.code);
            differ.then(|| format!("{}\n  ours:   {we:?}\n  docker: {docker:?}", arguments.join(" ")))
        }).collect();
        drop(daemon);
        assert_eq!(ours.left_behind(), Vec::<String>::new());
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}
