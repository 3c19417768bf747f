//! A docker daemon for the time of the comparison: it shares neither data nor a socket with the machine's own.

use std::fs::{self, File};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// All of it is on a private `/run`.
const SOCKET: &str = "unix:///run/wb-docker.sock";
const NOTIFY: &str = "/run/wb-docker-ready.sock";
const LIMIT: Duration = Duration::from_secs(30);

/// The daemon, in a PID namespace of its own: nothing that it starts survives it.
#[derive(Debug)]
pub(crate) struct Daemon {
    unshare: Child,
}

impl Daemon {
    /// Starts it and waits until it says that it is ready.
    pub(crate) fn start(data: &Path, group: &str) -> Result<Self> {
        let ready = UnixDatagram::bind(NOTIFY).with_context(|| format!("make {NOTIFY}"))?;
        ready.set_read_timeout(Some(LIMIT))?;
        let path = data.with_extension("log");
        let log = File::create(&path).with_context(|| format!("create {}", path.display()))?;
        let unshare = Command::new("unshare")
            .args(["--fork", "--pid", "--mount-proc", "--kill-child=SIGKILL", "dockerd"])
            .arg("--data-root")
            .arg(data)
            .args(["--exec-root=/run/wb-docker", "--pidfile=/run/wb-docker.pid", "--host", SOCKET])
            .args(["--iptables=false", "--ip6tables=false", "--bridge=none"])
            .args(["--default-ulimit=nofile=1024:4096", "--exec-opt=native.cgroupdriver=cgroupfs"])
            .arg(format!("--cgroup-parent=/{group}"))
            .env("NOTIFY_SOCKET", NOTIFY)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("run unshare dockerd")?;
        let daemon = Self { unshare };
        let mut message = [0; 256];
        loop {
            match ready.recv(&mut message) {
                Ok(length) if message[..length].starts_with(b"READY=1") => return Ok(daemon),
                Ok(_) => {}
                Err(_) => {
                    let log = fs::read_to_string(&path).unwrap_or_default();
                    bail!("dockerd is not ready after 30 s: {}", log.lines().last().unwrap_or("it says nothing"));
                }
            }
        }
    }

    /// The words in front of every docker command.
    pub(crate) fn client() -> [&'static str; 3] {
        ["docker", "--host", SOCKET]
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // `unshare` waits for the daemon, and the daemon tidies up when it is asked to end.
        let id = self.unshare.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        let asked = children.split_whitespace().filter_map(|pid| pid.parse().ok()).map(Pid::from_raw);
        if asked.filter(|pid| kill(*pid, Signal::SIGTERM).is_ok()).count() == 0 {
            let _ = self.unshare.kill();
        }
        let _ = self.unshare.wait();
    }
}
