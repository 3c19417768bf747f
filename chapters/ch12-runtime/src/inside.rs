//! Between clone and exec: everything that the child does to itself, in the one order that works.
//!
//! Mounts come before the pivot, for their sources are outside. The user comes after all that needs root, and the
//! filter last of all, for it forbids what was done before.

use std::convert::Infallible;
use std::os::fd::AsFd;

use namespaces::{Kind, NamespacesError};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{chdir, setsid};
use process::{Diagnose, Failure, FailureKind, Gate, Pty, pty, step, sys};
use rootfs::{Entered, Prepared, Root, Sources};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use thiserror::Error;

use crate::plan::Plan;
use crate::stdio::Inner;

/// Why the child could not become the program.
#[derive(Debug, Error)]
pub(crate) enum InsideError {
    /// A call that is ours alone.
    #[error("{action}: {errno}")]
    Kernel { action: String, errno: Errno },
    /// The working directory.
    #[error("change to the working directory {path:?}: {errno}")]
    WorkingDirectory { path: std::path::PathBuf, errno: Errno },
    /// The working directory is not below the root.
    #[error("the working directory {0:?} is outside the container's root")]
    OutsideRoot(std::path::PathBuf),
    /// Namespaces.
    #[error(transparent)]
    Namespaces(#[from] NamespacesError),
}

impl Diagnose for InsideError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Namespaces)
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Kernel { errno, .. } | Self::WorkingDirectory { errno, .. } => (*errno).into(),
            Self::OutsideRoot(_) => FailureKind::Invalid,
            Self::Namespaces(_) => return None,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::WorkingDirectory { errno: Errno::EACCES, .. } => Some("the container's user may not enter it".into()),
            Self::OutsideRoot(_) => Some("the image or the specification is hostile (CVE-2024-21626)".into()),
            _ => None,
        }
    }
}

fn failed(action: impl Into<String>) -> impl FnOnce(Errno) -> InsideError {
    let action = action.into();
    move |errno| InsideError::Kernel { action, errno }
}

/// Runs in the child; returns only if it could not become the program.
pub(crate) fn become_container(
    plan: &Plan,
    (root, sources): (Root, Option<Sources>),
    streams: Inner,
    attached: bool,
    gate: &Gate,
) -> Result<Infallible, Failure> {
    gate.wait()?;
    refuse_tracers();
    // A session of our own: the terminal outside, and its Ctrl-C, are not ours.
    setsid().map_err(failed("start a session"))?;
    plan.namespaces.join().map_err(InsideError::from)?;
    if plan.namespaces.is_new(Kind::Cgroup) {
        // Only now: the namespace's root is the group that its maker is in, and the parent has moved us just before.
        unshare(CloneFlags::CLONE_NEWCGROUP).map_err(failed("make a cgroup namespace"))?;
    }
    if plan.ids.is_some() {
        namespaces::become_root()?;
    }
    if plan.namespaces.is_new(Kind::Net) {
        namespaces::loopback_up()?;
    }
    if !plan.hostname.is_empty() {
        let set = if plan.namespaces.is_new(Kind::Uts) { namespaces::enter_uts } else { namespaces::set_hostname };
        set(&plan.hostname)?;
        step!(2, "host name is {}", plan.hostname);
    }
    if !plan.domainname.is_empty() {
        namespaces::set_domainname(&plan.domainname)?;
    }
    // Keys are not namespaced: without a keyring of its own the program would see ours. A kernel without keys has
    // nothing to hide.
    match sys::join_session_keyring(c"_mini-docker") {
        Ok(()) | Err(Errno::ENOSYS) => {}
        Err(errno) => return Err(failed("leave the session keyring")(errno).into()),
    }
    let prepared = match sources {
        Some(sources) => plan.rootfs.prepare_with(root, sources)?,
        None => plan.rootfs.prepare(root)?,
    };
    set_sysctls(plan, &prepared)?;
    let entered = prepared.pivot()?;
    if streams.wants_terminal() {
        open_terminal(plan, &entered, gate)?;
    }
    let (user, group, groups) = &plan.user;
    let null = streams.wants_null().then(|| entered.null()).transpose()?;
    streams.connect(null, *user).map_err(failed("connect standard input and output"))?;
    drop(entered);
    umask(Mode::from_bits_truncate(plan.umask.unwrap_or(0o022)));
    plan.rlimits.iter().try_for_each(confinement::Rlimit::apply)?;
    // Everything that was open has served. What follows uses paths that the image has made.
    gate.close_others()?;
    confine(plan, *user, *group, groups)?;
    if attached {
        end_with_parent(gate);
    }
    plan.program.exec(gate).map_err(Failure::from)
}

/// See `keep_private` in the parent. A kernel does not refuse it.
pub(crate) fn refuse_tracers() {
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Kernel parameters of the new namespaces, written before `/proc/sys` becomes read-only.
fn set_sysctls(plan: &Plan, prepared: &Prepared) -> Result<(), Failure> {
    for (path, value) in &plan.sysctl {
        prepared.write_proc(path, value)?;
    }
    if !plan.sysctl.is_empty() {
        step!(12, "{} kernel parameters set", plan.sysctl.len());
    }
    Ok(())
}

/// A terminal of the container's own devpts, so that its name means the same inside; the parent gets the other side.
fn open_terminal(plan: &Plan, root: &Entered, gate: &Gate) -> Result<(), Failure> {
    let pty = Pty::of(root.open_ptmx()?)?;
    match plan.console {
        Some(size) => pty.resize(size.height, size.width),
        // Standard input is still the caller's. Done here, for the program may ask for the size at once.
        None => pty::copy_window_size(std::io::stdin(), &pty.master),
    }
    gate.send_fd(&pty.master)?;
    root.bind_console(pty.slave.as_fd())?;
    pty::take_over(&pty.slave)?;
    step!(1, "terminal {} is standard input, output and error", pty.name);
    Ok(())
}

/// Gives up root's power, then the system calls. After this only `exec` is left to do.
fn confine(
    plan: &Plan,
    user: nix::unistd::Uid,
    group: nix::unistd::Gid,
    groups: &[nix::unistd::Gid],
) -> Result<(), Failure> {
    let access = enter_working_directory(&plan.cwd)?;
    // With no_new_privs a filter needs no privilege; without, it has to be loaded while we still have CAP_SYS_ADMIN,
    // and then must let through what comes after it.
    if !plan.no_new_privileges {
        load_filter(plan)?;
    }
    confinement::become_user(user, group, groups, &plan.capabilities)?;
    if let Access::Refused(errno) = access
        && let Access::Refused(_) = enter_working_directory(&plan.cwd)?
    {
        return Err(InsideError::WorkingDirectory { path: plan.cwd.clone(), errno }.into());
    }
    if plan.no_new_privileges {
        confinement::no_new_privs()?;
        load_filter(plan)?;
    }
    Ok(())
}

/// `PR_SET_PDEATHSIG`. Only now: a change of user takes it back. A filter that forbids `prctl` costs no more than this.
/// A parent that had died before sends no signal any more; the channel tells.
fn end_with_parent(gate: &Gate) {
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    if gate.is_abandoned() {
        sys::exit_now(process::ENGINE_FAILED);
    }
}

fn load_filter(plan: &Plan) -> Result<(), Failure> {
    plan.filter.as_ref().map_or(Ok(()), |filter| filter.load().map_err(Failure::from))
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
fn enter_working_directory(path: &std::path::Path) -> Result<Access, InsideError> {
    match chdir(path) {
        Ok(()) => {}
        Err(errno @ (Errno::EACCES | Errno::EPERM)) => return Ok(Access::Refused(errno)),
        Err(errno) => return Err(InsideError::WorkingDirectory { path: path.into(), errno }),
    }
    match std::env::current_dir() {
        Ok(here) if here.is_absolute() => Ok(Access::Yes),
        _ => Err(InsideError::OutsideRoot(path.into())),
    }
}
