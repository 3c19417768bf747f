//! Between clone and exec: everything that the first process of a container does to itself, in the one order that works.
//!
//! Mounts come before the pivot, for their sources are outside.

use std::convert::Infallible;
use std::os::fd::{AsFd, OwnedFd};

use namespaces::Kind;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::setsid;
use process::{Failure, Gate, step};
use rootfs::{Entered, Prepared, Root, Sources};

use crate::become_program::{
    Last, become_program, hide_command_line, leave_keyring, open_terminal, refuse_tracers, take_over,
};
use crate::door::Door;
use crate::hooks;
use crate::inside_error::{InsideError, failed};
use crate::notice::Notice;
use crate::plan::Plan;
use crate::spec::Hook;
use crate::state::{State, Status};
use crate::stdio::Inner;

/// What a caller that is a runtime of its own asks for besides.
#[derive(Debug, Default)]
pub struct Setup<'a> {
    /// Where the first process waits to be started, when everything is made.
    pub door: Option<&'a Door>,
    /// For hooks; without, a specification that has some is refused.
    pub state: Option<State>,
    /// Descriptors of the caller that the program gets, from 3 on.
    pub preserved: i32,
    /// The program keeps the caller's session keyring.
    pub keep_keyring: bool,
    /// What the bind mount shows that has no source in the specification: a mount that somebody else has made.
    pub shown: Option<OwnedFd>,
    /// What [`crate::Container::attached`] says; set by the container.
    pub attached: bool,
}

/// Runs in the child; returns only if it could not become the program.
pub(crate) fn become_container(
    plan: &Plan,
    (root, sources): (Root, Option<Sources>),
    streams: Inner,
    setup: &Setup,
    notice: Option<&Notice>,
    gate: &Gate,
) -> Result<Infallible, Failure> {
    gate.wait()?;
    refuse_tracers();
    if !plan.namespaces.is_new(Kind::Pid) && !plan.namespaces.is_host(Kind::Pid) {
        hide_command_line();
    }
    let notice = notice.map(Notice::prepare).transpose()?;
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
    if !setup.keep_keyring {
        leave_keyring()?;
    }
    let prepared = match sources {
        Some(sources) => plan.rootfs.prepare_with(root, sources)?,
        None => plan.rootfs.prepare(root)?,
    };
    set_sysctls(plan, &prepared)?;
    let entered = match &setup.state {
        Some(state) if !plan.hooks.create_container.is_empty() => {
            enter_root_after(prepared, &plan.hooks.create_container, state)?
        }
        _ => prepared.pivot()?,
    };
    if streams.wants_terminal() {
        let pty = open_terminal(&plan.process, &entered, gate)?;
        entered.bind_console(pty.slave.as_fd())?;
        take_over(&pty)?;
    }
    let state = setup.state.clone().map(|state| State { status: Status::Created, ..state });
    let last = Last {
        attached: setup.attached,
        door: setup.door,
        hooks: state.map(|state| (&*plan.hooks.start_container, state)),
        preserved: setup.preserved,
        joins: false,
    };
    become_program(&plan.process, entered, streams, &last, notice, gate)
}

/// The last moment in the container's namespaces at which a path means what it means outside is that of the hooks.
// ANCHOR: enter_root_after
fn enter_root_after(prepared: Prepared, hooks: &[Hook], state: &State) -> Result<Entered, Failure> {
    // ANCHOR: ex_hooks
    hooks::run("createContainer", hooks, state)?;
    Ok(prepared.pivot()?)
    // ANCHOR_END: ex_hooks
}
// ANCHOR_END: enter_root_after

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
