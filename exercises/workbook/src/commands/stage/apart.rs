//! A place apart for root's stages: namespaces that are thrown away, in which the machine's files are read-only. The stages
//! of the first chapters isolate nothing; a mistake in them, or a `hostname x`, must not reach the machine.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::statvfs::{FsFlags, statvfs};

/// The hidden command that is PID 1 there.
const INIT: &str = "stage-init";

/// What a stage may leave behind goes when this is dropped; its processes go with PID 1.
#[derive(Debug)]
pub(super) struct Apart {
    /// Where it may write.
    scratch: PathBuf,
    /// And where else.
    root: Option<PathBuf>,
    /// Whether the machine's network is reached.
    network: bool,
}

impl Apart {
    pub(super) fn prepare(scratch: &Path, root: Option<&Path>, network: bool) -> Result<Self> {
        let scratch = scratch.join(std::process::id().to_string());
        fs::create_dir_all(&scratch).with_context(|| format!("create {}", scratch.display()))?;
        Ok(Self { scratch, root: root.map(Path::to_owned), network })
    }

    /// The command that runs `program` there. To be started right away: new PID namespaces are for children.
    pub(super) fn command(&self, program: &Path) -> Result<Command> {
        let mut new = CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWPID;
        new.set(CloneFlags::CLONE_NEWNET, !self.network);
        let runner = std::env::current_exe().context("find the runner's own program")?;
        unshare(new).context("make namespaces for the stage")?;
        let mut command = Command::new(runner);
        command.arg(INIT).arg(number().to_string()).arg(&self.scratch);
        command.arg(self.root.as_deref().unwrap_or(&self.scratch)).arg(program);
        command.env("TMPDIR", &self.scratch);
        Ok(command)
    }
}

/// The stage's PID there: not that of any other stage that runs now, for its control group is called after it.
fn number() -> u32 {
    std::process::id()
}

impl Drop for Apart {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.scratch);
        let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        for line in table.lines().filter(|line| line.contains(" - cgroup")) {
            let group = line.split(' ').nth(4).unwrap_or_default();
            remove_group(&Path::new(group).join(format!("mini-docker/stage-{}", number())));
        }
    }
}

/// A control group and those below it: their processes have gone with the namespace.
fn remove_group(group: &Path) {
    let entries = fs::read_dir(group).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        remove_group(&entry.path());
    }
    // Frozen ones do not even die.
    let _ = fs::write(group.join("freezer.state"), "THAWED");
    let _ = fs::write(group.join("cgroup.kill"), "1");
    let _ = fs::remove_dir(group);
}

/// PID 1 there: closes the machine's files to writing, runs the stage and ends with it, and everything ends with PID 1.
pub(crate) fn become_init(words: &[OsString]) -> Result<ExitCode> {
    let [number, scratch, root, program, arguments @ ..] = words else { anyhow::bail!("{INIT} is not for people") };
    set_up(Path::new(scratch), Path::new(root))?;
    let before = number.to_string_lossy().parse::<u32>().context("a number")?.saturating_sub(1);
    // Where the kernel cannot be told (CONFIG_CHECKPOINT_RESTORE), two stages must not run at once.
    let _ = fs::write("/proc/sys/kernel/ns_last_pid", before.to_string());
    let status = Command::new(program).args(arguments).status().context("run the stage")?;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

fn set_up(scratch: &Path, root: &Path) -> Result<()> {
    let none = None::<&str>;
    // Not sooner: whoever started us must be able to write when the stage has ended.
    unshare(CloneFlags::CLONE_NEWNS).context("make a mount table for the stage")?;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).context("make the mounts private")?;
    for path in [scratch, root] {
        mount(Some(path), path, none, MsFlags::MS_BIND, none).with_context(|| format!("mount {}", path.display()))?;
    }
    let table = fs::read_to_string("/proc/self/mountinfo").context("read the mount table")?;
    for place in table.lines().filter_map(|line| line.split(' ').nth(4)).map(Path::new) {
        let kernels = ["/proc", "/sys", "/dev"].iter().any(|kernels| place.starts_with(kernels));
        if !kernels && place != scratch && place != root {
            // What cannot be reached under another mount cannot be written to either.
            let _ = close(place);
        }
    }
    mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), none).context("mount /proc")
}

/// Makes a mount read-only, and leaves it else as it is.
fn close(place: &Path) -> nix::Result<()> {
    let now = statvfs(place)?.flags();
    let mut flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    for (is, stays) in [
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
    ] {
        if now.contains(is) {
            flags |= stays;
        }
    }
    mount(None::<&str>, place, None::<&str>, flags, None::<&str>)
}
