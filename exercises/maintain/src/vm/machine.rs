//! The guest from outside: QEMU, with the machine's own processor or one in software, and what it says.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use workbook::machine::kvm::Trial;

use super::guest::MARK;
use super::kernel::Kernel;

/// The program.
pub(crate) const QEMU: &[&str] = &["qemu-system-x86_64"];
/// With KVM, a kernel speaks within a second. A KVM that neither works nor fails keeps it silent for ever.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// A guest that takes longer hangs.
const LIMIT: Duration = Duration::from_mins(30);
/// How long QEMU may take to die, before the next one wants the same disk.
const GRACE: Duration = Duration::from_secs(5);
/// In MiB.
const MEMORY: &str = "2048";

/// How the guest's processor is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Accelerator {
    /// By the machine's own.
    Kvm,
    /// In software: slow, and works everywhere.
    Tcg,
}

/// What is booted, and by what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine<'a> {
    /// A program, and its first words.
    pub(crate) qemu: &'a [&'a str],
    /// Whether there is a `/dev/kvm`.
    pub(crate) kvm: bool,
    pub(crate) kernel: &'a Kernel,
    pub(crate) initramfs: &'a Path,
    pub(crate) disk: &'a Path,
    /// How long a guest with KVM may be silent before it is up.
    pub(crate) patience: Duration,
}

/// What one run of QEMU came to.
struct Run {
    said: String,
    /// Whether the guest came as far as to speak for itself.
    up: bool,
    /// Why it ended before it was up.
    seen: String,
}

impl Machine<'_> {
    /// Runs it until it is off, and returns what it said. Each line is also written to `log` and given to `listener`. What
    /// came of KVM is remembered below `root`.
    pub(crate) fn boot(self, root: &Path, log: &Path, mut listener: impl FnMut(&str)) -> Result<String> {
        let known = Trial::last(root);
        if self.kvm && known.as_ref().is_none_or(|trial| trial.works) {
            let run = self.run(Accelerator::Kvm, log, &mut listener)?;
            let trial = Trial::now(run.up, if run.up { "a guest came up with it".into() } else { run.seen });
            trial.keep(root)?;
            if run.up {
                return Ok(run.said);
            }
            eprintln!("  with KVM, {}: once more, in software", trial.seen);
        } else if let Some(trial) = known {
            eprintln!("  in software: with KVM, {}", trial.seen);
        }
        Ok(self.run(Accelerator::Tcg, log, &mut listener)?.said)
    }

    /// Runs it in this terminal.
    pub(crate) fn interactive(self) -> Result<ExitCode> {
        let mut command = self.command(Accelerator::Tcg);
        let status = command.args(["-display", "none", "-serial", "mon:stdio"]).status().with_context(no_qemu)?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn command(self, accelerator: Accelerator) -> Command {
        let mut command = Command::new(self.qemu[0]);
        command.args(&self.qemu[1..]);
        command.arg("-kernel").arg(&self.kernel.image).arg("-initrd").arg(self.initramfs);
        // The kernel's first notices prove that the processor runs; the guest then tells it to be quiet.
        command.args(["-append", "console=ttyS0 loglevel=6 panic=-1 cgroup_no_v1=all"]);
        command.args(["-m", MEMORY, "-smp", "2", "-nic", "none", "-no-reboot", "-nodefaults"]);
        command.arg("-drive").arg(format!("file={},if=virtio,format=raw,cache=unsafe", self.disk.display()));
        match accelerator {
            Accelerator::Kvm => command.args(["-accel", "kvm", "-cpu", "host"]),
            Accelerator::Tcg => command.args(["-accel", "tcg,thread=multi", "-cpu", "max"]),
        };
        command
    }

    fn run(self, accelerator: Accelerator, log: &Path, listener: &mut impl FnMut(&str)) -> Result<Run> {
        let complaints = log.with_extension("err");
        let mut command = self.command(accelerator);
        command.args(["-display", "none", "-monitor", "none", "-serial", "stdio"]).stdin(Stdio::null());
        let stderr = File::create(&complaints).with_context(|| format!("create {}", complaints.display()))?;
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().with_context(no_qemu)?;
        let mut file = File::create(log).with_context(|| format!("create {}", log.display()))?;
        let lines = lines(&mut child);
        let (start, mut run) = (Instant::now(), Run { said: String::new(), up: false, seen: String::new() });
        loop {
            let left = LIMIT.saturating_sub(start.elapsed());
            let patience = if run.up || accelerator == Accelerator::Tcg { left } else { left.min(self.patience) };
            match lines.recv_timeout(patience) {
                Ok(line) => {
                    writeln!(file, "{line}")?;
                    listener(&line);
                    run.up |= line.starts_with(MARK);
                    run.said.push_str(&line);
                    run.said.push('\n');
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let text = fs::read_to_string(&complaints).unwrap_or_default();
                    let last = text.lines().rfind(|line| !line.is_empty()).unwrap_or("without a word");
                    run.seen = format!("QEMU ended: {last}");
                    break end(child, None);
                }
                Err(RecvTimeoutError::Timeout) => {
                    run.seen = if patience < left {
                        format!("the guest was silent for {} s", patience.as_secs_f32())
                    } else {
                        format!("the guest was stopped: it still ran after {} minutes", LIMIT.as_secs() / 60)
                    };
                    // The report says which test it was.
                    run.said.push_str(&run.seen);
                    break end(child, Some(GRACE));
                }
            }
        }
        Ok(run)
    }
}

fn no_qemu() -> String {
    format!("run {}\nhint: install QEMU; in Debian and Ubuntu: apt-get install qemu-system-x86", QEMU[0])
}

/// What the guest says. Whoever reads cannot also look at a clock: one thread each.
fn lines(child: &mut Child) -> Receiver<String> {
    let (sender, received) = mpsc::channel();
    let console = child.stdout.take();
    thread::spawn(move || {
        let console = console.into_iter().flat_map(|console| BufReader::new(console).split(b'\n'));
        for line in console.map_while(Result::ok) {
            if sender.send(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned()).is_err() {
                return;
            }
        }
    });
    received
}

/// Waits for QEMU; with a limit, ends it first. One that hangs in the kernel may not even die: it is not waited for longer.
fn end(mut child: Child, limit: Option<Duration>) {
    let Some(limit) = limit else {
        // Its console is closed, so it is as good as gone.
        let _ = child.wait();
        return;
    };
    // It may have ended by itself just now.
    let _ = child.kill();
    let (sender, gone) = mpsc::channel();
    thread::spawn(move || {
        let _ = sender.send(child.wait());
    });
    let _ = gone.recv_timeout(limit);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Boots once or more with a QEMU that does what the shell script says. Returns what was said at last, what was
    /// remembered, and with which accelerators it was tried.
    fn boot(script: &str, times: usize) -> (String, Trial, String) {
        let room = tempfile::tempdir().expect("a directory");
        let calls = room.path().join("calls");
        let script = format!(
            "case \"$*\" in *'-accel kvm'*) echo kvm >>{0}; {script};; esac; echo software >>{0}; echo '@@ up'; echo '@@ done'",
            calls.display()
        );
        let machine = Machine {
            qemu: &["sh", "-c", &script, "qemu"],
            kvm: true,
            kernel: &Kernel { image: "vmlinuz".into(), modules: "modules".into() },
            initramfs: Path::new("initramfs"),
            disk: Path::new("disk"),
            patience: Duration::from_millis(300),
        };
        let boot = || machine.boot(room.path(), &room.path().join("console.log"), |_| {}).expect("it comes to an end");
        (1..times).for_each(|_| drop(boot()));
        let said = boot();
        let calls = fs::read_to_string(calls).expect("calls").trim().replace('\n', " ");
        (said, Trial::last(room.path()).expect("it is remembered"), calls)
    }

    #[test]
    fn a_kvm_that_hangs_is_tried_once() {
        // What the script starts holds the console open after its own death.
        let (said, trial, calls) = boot("sleep 10", 2);
        assert_eq!(said, "@@ up\n@@ done\n");
        assert_eq!(calls, "kvm software software");
        assert!(!trial.works);
        assert_eq!(trial.seen, "the guest was silent for 0.3 s");
    }

    #[test]
    fn a_kvm_that_boots_a_kernel_and_then_hangs_does_not_work() {
        let (_, trial, calls) = boot("echo '[0.0] Linux version'; exec sleep 10", 1);
        assert_eq!((calls.as_str(), trial.works), ("kvm software", false));
    }

    #[test]
    fn a_kvm_that_fails_says_why() {
        let (_, trial, calls) = boot("echo 'qemu: kvm: Bad address' >&2; exit 1", 1);
        assert_eq!(calls, "kvm software");
        assert_eq!(trial.seen, "QEMU ended: qemu: kvm: Bad address");
    }

    #[test]
    fn a_kvm_that_works_is_used_again() {
        let (said, trial, calls) = boot("echo '@@ up'; echo '@@ fast'; exit", 2);
        assert_eq!(said, "@@ up\n@@ fast\n");
        assert_eq!((calls.as_str(), trial.works), ("kvm kvm", true));
    }
}
