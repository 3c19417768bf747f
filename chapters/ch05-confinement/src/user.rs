//! From root to the container's user, in the one order that the kernel allows.

use std::collections::BTreeSet;

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, geteuid, getgroups, getresgid, getresuid, setgroups, setresgid, setresuid};
use process::{Diagnose, FailureKind, step};
use rustix::thread::{
    CapabilitySet, CapabilitySets as KernelSets, clear_ambient_capability_set, configure_capability_in_ambient_set,
    remove_capability_from_bounding_set, set_capabilities, set_keep_capabilities, set_no_new_privs,
};
use thiserror::Error;

use crate::capability::{Capabilities, Capability, CapabilitySets};

/// A step of the way down was refused.
#[derive(Debug, Error)]
#[error("{action}: {errno}")]
pub struct UserError {
    action: String,
    errno: Errno,
}

impl Diagnose for UserError {
    fn kind(&self) -> Option<FailureKind> {
        Some(self.errno.into())
    }

    fn hint(&self) -> Option<String> {
        match self.errno {
            Errno::EINVAL if self.action.starts_with("take the id") => {
                Some("user and group ids are 0 to 2147483647".into())
            }
            Errno::EINVAL if self.action.contains("id") => {
                Some("in a user namespace only mapped ids exist: see /proc/self/uid_map".into())
            }
            Errno::EPERM if self.action.contains("supplementary") && setgroups_is_denied() => {
                Some("a user namespace of an ordinary user has no supplementary groups; ask for none".into())
            }
            Errno::EPERM if self.action.contains("capabilit") => {
                Some("nobody can give what they do not have: see CapPrm and CapBnd in /proc/self/status".into())
            }
            _ => None,
        }
    }
}

fn failed(action: impl Into<String>) -> impl FnOnce(Errno) -> UserError {
    let action = action.into();
    move |errno| UserError { action, errno }
}

fn errno(error: rustix::io::Errno) -> Errno {
    Errno::from_raw(error.raw_os_error())
}

/// Becomes `user` with exactly these groups and capabilities. After `exec` there is no way back.
///
/// # Errors
/// [`UserError`], also for an id that is none, and for one that did not change.
pub fn become_user(user: Uid, group: Gid, groups: &[Gid], sets: &CapabilitySets) -> Result<(), UserError> {
    let all = [user.as_raw(), group.as_raw()].into_iter().chain(groups.iter().map(|group| group.as_raw()));
    all.into_iter().try_for_each(refuse_none)?;
    step_down(user, group, groups, sets)?;
    confirm(user, group, groups)
}

/// The bounding set shrinks first, for that takes `CAP_SETPCAP`. Then the ids change, with the capabilities kept, for a
/// process that leaves user 0 loses them all. The sets come last.
// ANCHOR: become_user
fn step_down(user: Uid, group: Gid, groups: &[Gid], sets: &CapabilitySets) -> Result<(), UserError> {
    // ANCHOR: ex_become_user
    for capability in Capabilities::all().iter().filter(|capability| !sets.bounding.contains(*capability)) {
        remove_capability_from_bounding_set(kernel_set(capability.bit()))
            .map_err(|error| failed(format!("drop {capability} from the bounding set"))(errno(error)))?;
    }
    set_keep_capabilities(true).map_err(|error| failed("keep capabilities")(errno(error)))?;
    match setgroups(groups) {
        // A user namespace of an ordinary user forbids it, also to drop groups. Docker's rootless mode goes on as well.
        Err(Errno::EPERM) if groups.is_empty() && setgroups_is_denied() => {}
        other => other.map_err(failed("set the supplementary group ids"))?,
    }
    setresgid(group, group, group).map_err(failed(format!("set group id {group}")))?;
    setresuid(user, user, user).map_err(failed(format!("set user id {user}")))?;
    set_keep_capabilities(false).map_err(|error| failed("keep no capabilities")(errno(error)))?;
    apply(sets)
    // ANCHOR_END: ex_become_user
}
// ANCHOR_END: become_user

/// To the kernel, 4294967295 means "leave it as it is": whoever asks for that user would stay root. The limit is docker's.
fn refuse_none(id: u32) -> Result<(), UserError> {
    if i32::try_from(id).is_ok() { Ok(()) } else { Err(failed(format!("take the id {id}"))(Errno::EINVAL)) }
}

/// A call that succeeds and changes nothing would be the worst of all failures.
fn confirm(user: Uid, group: Gid, groups: &[Gid]) -> Result<(), UserError> {
    let users = getresuid().map_err(failed("read the user ids"))?;
    let groups_now = getresgid().map_err(failed("read the group ids"))?;
    if [users.real, users.effective, users.saved] != [user; 3] {
        return Err(failed(format!("stay user {user}, being {}", users.effective))(Errno::EPERM));
    }
    if [groups_now.real, groups_now.effective, groups_now.saved] != [group; 3] {
        return Err(failed(format!("stay group {group}, being {}", groups_now.effective))(Errno::EPERM));
    }
    let set = |list: &[Gid]| list.iter().map(|group| group.as_raw()).collect::<BTreeSet<_>>();
    let have = getgroups().map_err(failed("read the supplementary group ids"))?;
    if set(&have) != set(groups) && !setgroups_is_denied() {
        return Err(failed("take the supplementary groups, having others")(Errno::EPERM));
    }
    Ok(())
}

/// Whether the user namespace was made so, by an ordinary user (`user_namespaces(7)`).
fn setgroups_is_denied() -> bool {
    // Without /proc nobody can say. What root may not do is then an error, as it should be outside of such a namespace.
    std::fs::read_to_string("/proc/self/setgroups").is_ok_and(|text| text.trim() == "deny")
}

/// The sets of this process, all but the bounding one. A user other than root is left with none after `exec` unless
/// they are ambient: that is the kernel's rule. It is so from now on, or the program would be looked up, and executed,
/// with a power that it will not have: a file that only root may read would run for anybody.
fn apply(sets: &CapabilitySets) -> Result<(), UserError> {
    // The kernel makes only what is permitted and inheritable ambient. The specification says to go on without the rest.
    let possible = |one: &Capability| sets.permitted.contains(*one) && sets.inheritable.contains(*one);
    let ambient: Capabilities = sets.ambient.iter().filter(possible).collect();
    let (effective, permitted) =
        if geteuid().is_root() { (sets.effective, sets.permitted) } else { (ambient, ambient) };
    let kernel = KernelSets {
        effective: kernel_set(effective.bits()),
        permitted: kernel_set(permitted.bits()),
        inheritable: kernel_set(sets.inheritable.bits()),
    };
    set_capabilities(None, kernel).map_err(|error| failed("set capabilities")(errno(error)))?;
    clear_ambient_capability_set().map_err(|error| failed("clear ambient capabilities")(errno(error)))?;
    for capability in ambient.iter() {
        configure_capability_in_ambient_set(kernel_set(capability.bit()), true)
            .map_err(|error| failed(format!("make capability {capability} ambient"))(errno(error)))?;
    }
    step!(5, "{} of {} capabilities left", effective.len(), Capabilities::KNOWN);
    Ok(())
}

fn kernel_set(bits: u64) -> CapabilitySet {
    CapabilitySet::from_bits_retain(bits)
}

/// From now on `exec` gives no more rights: setuid and file capabilities do nothing, for this process and all that come
/// of it (`PR_SET_NO_NEW_PRIVS`).
///
/// # Errors
/// `EINVAL` before Linux 3.5.
// ANCHOR: no_new_privs
pub fn no_new_privs() -> Result<(), UserError> {
    set_no_new_privs(true).map_err(|error| failed("set no_new_privs")(errno(error)))?;
    step!(5, "no_new_privs: exec gives no more rights");
    Ok(())
}
// ANCHOR_END: no_new_privs
