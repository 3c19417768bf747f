//! The guest itself: what it does when it starts, and QEMU around it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::binaries::Binary;
use super::kernel::Kernel;

/// A guest that takes longer hangs.
const LIMIT: Duration = Duration::from_mins(30);
/// In MiB.
const MEMORY: &str = "2048";
/// Begins a line that is ours.
pub(crate) const MARK: &str = "@@";

/// Mounts, modules; and a root that can be pivoted away from, which a kernel's first file system cannot.
const START: &str = r"#!/bin/sh
if [ ! -e /switched ]; then
  mount -t proc proc /proc
  mount -t tmpfs -o size=90%,mode=755 tmpfs /new
  mkdir /new/proc /new/sys /new/dev
  for d in /*; do case $d in /new|/proc|/sys|/dev) ;; *) cp -a $d /new/ ;; esac; done
  touch /new/switched
  umount /proc
  exec switch_root /new /init
fi
export PATH=/bin HOME=/root TERM=linux
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm /sys/fs/cgroup
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for m in /modules/*.ko; do insmod $m 2>/dev/null; done
mkdir /disk
mount -t ext4 /dev/vda /disk || mount -t tmpfs tmpfs /disk
# A workspace may be below /tmp, and its snapshots and programs with it.
cp -a /tmp/. /disk/
mount -o move /disk /tmp
chmod 1777 /tmp
ifconfig lo 127.0.0.1 up
hostname guest
";

/// Runs every binary and reports over the serial line.
pub(crate) fn tests(binaries: &[Binary], filters: &[String], root: &Path) -> String {
    let mut script = String::from(START);
    let root = root.display();
    let _ = write!(
        script,
        "export INSTA_WORKSPACE_ROOT={root} INSTA_UPDATE=no WB_SKIPS=/skips TESTKIT_SECONDS=300 RUST_BACKTRACE=0\ntouch /skips\n"
    );
    for binary in binaries.iter().filter(|binary| !binary.is_program) {
        let filters = filters.join(" ");
        let _ = write!(
            script,
            "echo \"{MARK} begin {name}\"\ncd {directory}\n{program} --test-threads=2 {filters} 2>&1\necho \"{MARK} end {name} $?\"\n",
            name = binary.name,
            directory = binary.manifest_directory.display(),
            program = binary.inside().display(),
        );
    }
    let _ = write!(script, "echo \"{MARK} skips\"\ncat /skips\necho \"{MARK} done\"\npoweroff -f\n");
    script
}

/// Gives a shell.
pub(crate) fn shell() -> String {
    format!("{START}echo; echo 'Linux with cgroup v2. Leave with: exit'\nsetsid cttyhack sh\npoweroff -f\n")
}

/// How the guest's processor is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Accelerator {
    /// By the machine's own.
    Kvm,
    /// In software: slow, and works everywhere.
    Tcg,
}

/// What is booted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine<'a> {
    pub(crate) kernel: &'a Kernel,
    pub(crate) initramfs: &'a Path,
    pub(crate) disk: &'a Path,
}

impl Machine<'_> {
    /// Runs it until it is off, and returns what it said. Each line is also written to `log` and given to `listener`.
    pub(crate) fn boot(self, log: &Path, mut listener: impl FnMut(&str)) -> Result<String> {
        // A /dev/kvm that is there does not always work, for one inside another virtual machine: the proof is the guest.
        if Path::new("/dev/kvm").exists() {
            let said = run(self.qemu(Accelerator::Kvm), log, &mut listener)?;
            if said.contains(MARK) {
                return Ok(said);
            }
        }
        run(self.qemu(Accelerator::Tcg), log, &mut listener)
    }

    /// Runs it in this terminal.
    pub(crate) fn interactive(self) -> Result<ExitCode> {
        let status = self
            .qemu(Accelerator::Tcg)
            .args(["-display", "none", "-serial", "mon:stdio"])
            .status()
            .context("run qemu-system-x86_64\nhint: apt-get install qemu-system-x86")?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn qemu(self, accelerator: Accelerator) -> Command {
        let mut command = Command::new("qemu-system-x86_64");
        command.arg("-kernel").arg(&self.kernel.image).arg("-initrd").arg(self.initramfs);
        command.args(["-append", "console=ttyS0 quiet loglevel=1 panic=-1 cgroup_no_v1=all"]);
        command.args(["-m", MEMORY, "-smp", "2", "-nic", "none", "-no-reboot", "-nodefaults"]);
        command.arg("-drive").arg(format!("file={},if=virtio,format=raw,cache=unsafe", self.disk.display()));
        match accelerator {
            Accelerator::Kvm => command.args(["-accel", "kvm", "-cpu", "host"]),
            Accelerator::Tcg => command.args(["-accel", "tcg,thread=multi", "-cpu", "max"]),
        };
        command
    }
}

fn run(mut command: Command, log: &Path, listener: &mut impl FnMut(&str)) -> Result<String> {
    command.args(["-display", "none", "-monitor", "none", "-serial", "stdio"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = child.context("run qemu-system-x86_64\nhint: apt-get install qemu-system-x86")?;
    let mut log = File::create(log).with_context(|| format!("create {}", log.display()))?;
    // Whoever reads cannot also look at a clock: one thread each.
    let (lines, received) = mpsc::channel();
    let console = child.stdout.take();
    let reader = thread::spawn(move || {
        let console = console.into_iter().flat_map(|console| BufReader::new(console).split(b'\n'));
        for line in console.map_while(Result::ok) {
            if lines.send(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned()).is_err() {
                return;
            }
        }
    });
    let (start, mut said) = (Instant::now(), String::new());
    loop {
        let line = match received.recv_timeout(LIMIT.saturating_sub(start.elapsed())) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => break,
            // The report says which test it was.
            Err(RecvTimeoutError::Timeout) => {
                child.kill()?;
                let line = format!("the guest was stopped: it still ran after {} minutes", LIMIT.as_secs() / 60);
                said.push_str(&line);
                break;
            }
        };
        writeln!(log, "{line}")?;
        listener(&line);
        said.push_str(&line);
        said.push('\n');
    }
    child.wait()?;
    let _ = reader.join();
    Ok(said)
}
