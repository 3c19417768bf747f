//! The last stretch before exec: the same for a container's first process and for one that joins it.
//!
//! The user comes after all that needs root, and the filter last of all, for it forbids what was done before.

use std::borrow::Cow;
use std::convert::Infallible;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{chdir, geteuid};
use process::{Failure, Gate, Program, Pty, pty, step, sys};
use rootfs::Entered;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use crate::door::Door;
use crate::hooks;
use crate::inside_error::{InsideError, failed};
use crate::notice::Prepared;
use crate::process_plan::ProcessPlan;
use crate::spec::Hook;
use crate::state::State;
use crate::stdio::Inner;
use crate::user;

/// [`refuse_tracers`] in the parent: from its first instant in a namespace that others may be in, the child has power that
/// they must not borrow. For an ordinary user it would be in the way of writing id maps, so there it is the child that
/// does it, afterwards.
pub(crate) fn keep_private() {
    if geteuid().is_root() {
        refuse_tracers();
    }
}

/// Neither this process nor its copy can be traced, and its files in `/proc` are root's alone (`PR_SET_DUMPABLE`): who
/// shares a PID namespace with it reaches nothing through it. `exec` takes it back. A kernel does not refuse it.
pub(crate) fn refuse_tracers() {
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Keys are not namespaced: without a keyring of its own the program would see ours. A kernel without keys has nothing to
/// hide.
pub(crate) fn leave_keyring() -> Result<(), InsideError> {
    match sys::join_session_keyring(c"_mini-docker") {
        Ok(()) | Err(Errno::ENOSYS) => Ok(()),
        Err(errno) => Err(failed("leave the session keyring")(errno)),
    }
}

/// A terminal of the container's own devpts, so that its name means the same inside; the parent gets the other side.
pub(crate) fn open_terminal(plan: &ProcessPlan, root: &Entered, gate: &Gate) -> Result<Pty, Failure> {
    let pty = Pty::of(root.open_ptmx()?)?;
    match plan.console {
        Some(size) => pty.resize(size.height, size.width),
        // Standard input is still the caller's. Done here, for the program may ask for the size at once.
        None => pty::copy_window_size(std::io::stdin(), &pty.master),
    }
    gate.send_fd(&pty.master)?;
    Ok(pty)
}

/// Makes it the controlling terminal and the standard streams.
pub(crate) fn take_over(pty: &Pty) -> Result<(), Failure> {
    pty::take_over(&pty.slave)?;
    step!(1, "terminal {} is standard input, output and error", pty.name);
    Ok(())
}

/// Inside the container's root, with all that only root can do done: connects the streams, gives up root's power, and
/// executes the program.
pub(crate) fn become_program(
    plan: &ProcessPlan,
    root: Entered,
    streams: Inner,
    last: &Last,
    notice: Option<Prepared>,
    gate: &Gate,
) -> Result<Infallible, Failure> {
    let null = streams.wants_null().then(|| root.null()).transpose()?;
    streams.connect(null, plan.user.0).map_err(failed("connect standard input and output"))?;
    let mut program = Cow::Borrowed(&plan.program);
    if program.lacks("HOME") {
        // An engine leaves that to the runtime, for it is the container's files that tell.
        program.to_mut().set("HOME", user::home_of(plan.user.0.as_raw(), root.directory()).as_ref())?;
    }
    plan.labels.apply(|file, value| root.write_own(file, value))?;
    drop(root);
    umask(Mode::from_bits_truncate(plan.umask.unwrap_or(0o022)));
    plan.rlimits.iter().try_for_each(confinement::Rlimit::apply)?;
    plan.attributes.apply()?;
    // Everything that was open has served. What follows uses paths that the image has made.
    let kept = last.kept();
    let until_confined: Vec<_> = kept.iter().copied().chain(notice.as_ref().map(AsFd::as_fd)).collect();
    gate.close_all_but(&until_confined)?;
    confine(plan, last.joins, notice)?;
    if last.attached {
        end_with_parent(gate);
    }
    let failure = match wait_and_execute(&program, last, gate, &kept) {
        Ok(never) => match never {},
        Err(failure) => failure,
    };
    last.door.into_iter().for_each(|door| door.report(&failure));
    Err(failure)
}

/// The end of `create`, and all that is left for `start`. What fails is reported by the caller, to both.
// ANCHOR: wait_and_execute
fn wait_and_execute(program: &Program, last: &Last, gate: &Gate, kept: &[BorrowedFd]) -> Result<Infallible, Failure> {
    // ANCHOR: ex_seam
    if let Some(door) = last.door {
        // Whatever can be said now is said now: who lets the program go may be somebody else.
        program.check()?;
        gate.done();
        door.wait().map_err(failed("wait to be started"))?;
    }
    last.hooks()?;
    Ok(program.exec_with(gate, kept)?)
    // ANCHOR_END: ex_seam
}
// ANCHOR_END: wait_and_execute

/// What is left to do before exec, and what is still open then.
#[derive(Debug, Default)]
pub(crate) struct Last<'a> {
    /// Whether the program ends with whoever starts it.
    pub(crate) attached: bool,
    /// Where it waits to be started.
    pub(crate) door: Option<&'a Door>,
    /// What is run as the container's process, and the state that it reads.
    pub(crate) hooks: Option<(&'a [Hook], State)>,
    /// Descriptors of the caller that the program gets, from 3 on.
    pub(crate) preserved: i32,
    /// Whether it joins a container. Then nobody has made its working directory.
    pub(crate) joins: bool,
}

impl Last<'_> {
    #[allow(unsafe_code, reason = "the caller's descriptors are numbers that nobody here owns")]
    fn kept(&self) -> Vec<BorrowedFd<'_>> {
        // SAFETY: used to spare them from close_range(2), which minds no number that is not open.
        let preserved = (3..3 + self.preserved).map(|number| unsafe { BorrowedFd::borrow_raw(number) });
        preserved.chain(self.door.into_iter().flat_map(Door::descriptors)).collect()
    }

    fn hooks(&self) -> Result<(), Failure> {
        self.hooks.as_ref().map_or(Ok(()), |(hooks, state)| Ok(hooks::run("startContainer", hooks, state)?))
    }
}

/// Gives up root's power, then the system calls. After this only `exec` is left to do.
fn confine(plan: &ProcessPlan, joins: bool, mut notice: Option<Prepared>) -> Result<(), Failure> {
    let (user, group, groups) = &plan.user;
    let access = enter_working_directory(&plan.cwd, joins)?;
    // With no_new_privs a filter needs no privilege; without, it has to be loaded while we still have CAP_SYS_ADMIN,
    // and then must let through what comes after it.
    if !plan.no_new_privileges {
        load_filter(plan, notice.take())?;
    }
    confinement::become_user(*user, *group, groups, &plan.capabilities)?;
    if let Access::Refused(errno) = access
        && let Access::Refused(_) = enter_working_directory(&plan.cwd, joins)?
    {
        return Err(InsideError::WorkingDirectory { path: plan.cwd.clone(), errno, joins }.into());
    }
    if plan.no_new_privileges {
        confinement::no_new_privs()?;
        load_filter(plan, notice.take())?;
    }
    Ok(())
}

/// `PR_SET_PDEATHSIG`. Only now: a change of user takes it back. A filter that forbids `prctl` costs no more than this.
/// A parent that had died before sends no signal any more; the channel tells.
pub(crate) fn end_with_parent(gate: &Gate) {
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    if gate.is_abandoned() {
        sys::exit_now(process::ENGINE_FAILED);
    }
}

/// Everybody who is in the PID namespace already can read our command line, in which there may be a secret, until it is the
/// program's. To be called while `/proc` is ours.
pub(crate) fn hide_command_line() {
    let _ = process::show_as("mini-docker");
}

fn load_filter(plan: &ProcessPlan, notice: Option<Prepared>) -> Result<(), Failure> {
    match (&plan.filter, notice) {
        (Some(filter), Some(notice)) => {
            notice.send(&filter.load_and_listen()?)?;
            filter.narrate();
            Ok(())
        }
        (Some(filter), None) => Ok(filter.load()?),
        (None, _) => Ok(()),
    }
}

/// Whether the working directory could be entered.
enum Access {
    Yes,
    Refused(Errno),
}

/// As root first, who may enter a directory that the container's user may not; as that user where even root may not
/// (on a file system that does not know our root, NFS for one), as in docker.
///
/// A working directory that is not below the root has no path: the kernel says `(unreachable)`, and `getcwd` fails
/// (CVE-2024-21626).
fn enter_working_directory(path: &Path, joins: bool) -> Result<Access, InsideError> {
    match chdir(path) {
        Ok(()) => {}
        Err(errno @ (Errno::EACCES | Errno::EPERM)) => return Ok(Access::Refused(errno)),
        Err(errno) => return Err(InsideError::WorkingDirectory { path: path.into(), errno, joins }),
    }
    match std::env::current_dir() {
        Ok(here) if here.is_absolute() => Ok(Access::Yes),
        _ => Err(InsideError::OutsideRoot(path.into())),
    }
}
