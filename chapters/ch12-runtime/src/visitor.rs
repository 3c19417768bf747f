//! Between clone and exec of a process that joins a container: into its namespaces, its root, and its confinement.
//!
//! What a program has left running when it ends becomes a child of the container's first process, which may not care for
//! it: killed, it would stay a zombie. So where nothing is to be left, a process of ours stands in between.

use std::convert::Infallible;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use cgroups::{Cgroup, CgroupError, Killer};
use confinement::{Capabilities, CapabilitySets, ExecCpuAffinity};
use namespaces::{Kind, Target, become_root, enter};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, dup2_stderr, dup2_stdin, dup2_stdout, setsid};
use process::signals::Forwarded;
use process::{Failure, Gate, Spawn, init, sys};
use rootfs::Entered;
use rustix::process::{WaitOptions, set_child_subreaper, wait};

use crate::become_program::{
    Last, become_program, end_with_parent, leave_keyring, open_terminal, refuse_tracers, take_over,
};
use crate::inside_error::{InsideError, failed};
use crate::notice::Notice;
use crate::process_plan::ProcessPlan;
use crate::stdio::Inner;

/// How long what was killed may take to end. Who has left the group meanwhile is not waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// What `ps` shows inside of who stands between.
const SHOWN: &str = "mini-docker: waits for an exec";

/// Who goes in, and where.
#[derive(Debug)]
pub(crate) struct Visitor<'a> {
    pub(crate) plan: &'a ProcessPlan,
    pub(crate) target: &'a Target,
    pub(crate) affinity: Option<&'a ExecCpuAffinity>,
    pub(crate) notice: Option<&'a Notice>,
    pub(crate) attached: bool,
    pub(crate) preserved: i32,
}

impl Visitor<'_> {
    /// Runs in the child, which is in the PID namespace already; returns only if it could not become the program.
    pub(crate) fn join(&self, streams: Inner, gate: &Gate) -> Result<Infallible, Failure> {
        gate.wait()?;
        refuse_tracers();
        setsid().map_err(failed("start a session"))?;
        // Ours, for the container's may be anything.
        let proc = open("/proc", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
            .map_err(failed("open /proc"))?;
        let notice = self.notice.map(Notice::prepare).transpose()?;
        self.affinity.map_or(Ok(()), ExecCpuAffinity::apply)?;
        // ANCHOR: join
        self.enter()?;
        leave_keyring()?;
        let root = Entered::by_joining(proc)?;
        if streams.wants_terminal() {
            let pty = open_terminal(self.plan, &root, gate)?;
            take_over(&pty)?;
        }
        let last = Last { attached: self.attached, preserved: self.preserved, joins: true, ..Last::default() };
        become_program(self.plan, root, streams, &last, notice, gate)
        // ANCHOR_END: join
    }

    /// Into all namespaces of the container that are not ours already. Root and working directory are then its own.
    fn enter(&self) -> Result<(), Failure> {
        let entered = enter(self.target, &Kind::ALL).map_err(InsideError::from)?;
        if entered.kinds.contains(&Kind::User) {
            become_root()?;
        }
        Ok(())
    }
}

/// Who stands between the container's first process and what a program leaves running.
#[derive(Debug)]
pub(crate) struct Reaper {
    /// Of the program, and all that it starts.
    group: Cgroup,
    killer: Killer,
}

impl Reaper {
    /// In `part` it is itself; the program is in a group below.
    pub(crate) fn new(part: &Cgroup) -> Result<Self, CgroupError> {
        let group = part.part("program")?;
        let killer = group.killer()?;
        Ok(Self { group, killer })
    }

    /// The program's group. Once it is empty, the reaper ends by itself.
    pub(crate) fn into_group(self) -> Cgroup {
        self.group
    }

    /// Runs in the child: has the program as a child of its own, and ends as the program does, when all else in the
    /// program's group has ended, too.
    pub(crate) fn look_after(&self, visitor: &Visitor, streams: Inner, gate: &Gate) -> Result<Infallible, Failure> {
        gate.wait()?;
        refuse_tracers();
        // Everybody inside can read our command line, in which there may be a secret for one program. While /proc is ours.
        let _ = process::show_as(SHOWN);
        setsid().map_err(failed("start a session"))?;
        let signals = Forwarded::block_with(&[Signal::SIGCHLD]).map_err(failed("block signals"))?;
        // Orphans of our PID namespace then come to us, and not to its first process.
        set_child_subreaper(rustix::process::Pid::from_raw(1))
            .map_err(|error| failed("adopt orphans")(errno(error)))?;
        let null =
            open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty()).map_err(failed("open /dev/null"))?;
        // Made by who may, and not yet inside: in a user namespace nobody has a right to a group.
        let pending = self.group.start(Spawn::new(), |own| visitor.join(streams, own))?;
        visitor.enter()?;
        let mut child = pending.release()?;
        if let Some(terminal) = child.take_fd() {
            gate.send_fd(terminal)?;
        }
        keep_nothing(null)?;
        let kept: Vec<_> = self.killer.descriptors().into_iter().chain([signals.as_fd(), child.as_fd()]).collect();
        gate.close_all_but(&kept)?;
        if visitor.attached {
            end_with_parent(gate);
        }
        gate.done();
        let status = init::supervise(&child, &signals)?;
        self.killer.kill();
        reap_the_rest(&signals);
        sys::exit_now(status.code())
    }
}

/// What a process that only waits needs: to pass signals on, to whomever the program has become.
fn keep_nothing(null: OwnedFd) -> Result<(), Failure> {
    let streams = dup2_stdin(&null).and_then(|()| dup2_stdout(&null)).and_then(|()| dup2_stderr(&null));
    streams.map_err(failed("leave the standard streams"))?;
    drop(null);
    let kill: Capabilities = "CAP_KILL".parse().ok().into_iter().collect();
    let sets = CapabilitySets { permitted: kill, effective: kill, ..CapabilitySets::default() };
    confinement::become_user(Uid::from_raw(0), Gid::from_raw(0), &[], &sets)?;
    confinement::no_new_privs()?;
    refuse_tracers();
    Ok(())
}

fn reap_the_rest(signals: &Forwarded) {
    let until = Instant::now() + PATIENCE;
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) | Err(rustix::io::Errno::INTR) => continue,
            Ok(None) => {}
            // Nobody is left.
            Err(_) => return,
        }
        let left = until.saturating_duration_since(Instant::now());
        let mut interest = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        if let Ok(0) = poll(&mut interest, PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO)) {
            return;
        }
        while let Ok(Some(_)) = signals.next() {}
    }
}

fn errno(error: rustix::io::Errno) -> Errno {
    Errno::from_raw(error.raw_os_error())
}
