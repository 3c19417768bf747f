//! Between clone and exec: everything that the first process of a container does to itself, in the one order that works.
//!
//! Mounts come before the pivot, for their sources are outside.

use std::convert::Infallible;
use std::os::fd::AsFd;

use namespaces::Kind;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::setsid;
use process::{Failure, Gate, step};
use rootfs::{Prepared, Root, Sources};

use crate::become_program::{become_program, leave_keyring, open_terminal, refuse_tracers, take_over};
use crate::inside_error::{InsideError, failed};
use crate::plan::Plan;
use crate::stdio::Inner;

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
    leave_keyring()?;
    let prepared = match sources {
        Some(sources) => plan.rootfs.prepare_with(root, sources)?,
        None => plan.rootfs.prepare(root)?,
    };
    set_sysctls(plan, &prepared)?;
    let entered = prepared.pivot()?;
    if streams.wants_terminal() {
        let pty = open_terminal(&plan.process, &entered, gate)?;
        entered.bind_console(pty.slave.as_fd())?;
        take_over(&pty)?;
    }
    become_program(&plan.process, entered, streams, attached, gate)
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
