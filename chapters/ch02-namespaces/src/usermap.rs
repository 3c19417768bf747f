//! Giving a user namespace its maps, from outside, and becoming root inside.

use std::fs;
use std::io;

use nix::errno::Errno;
use nix::unistd::{Gid, Pid, Uid, getegid, geteuid, setgroups, setresgid, setresuid};
use process::{Diagnose, FailureKind, step};
use rustix::thread::{CapabilitySet, capabilities};

use crate::idmap::{IdMap, IdRange};

/// The maps could not be written, or the ids not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserMapError {
    /// The kernel refused what was written to `/proc/PID/uid_map`, `gid_map` or `setgroups`.
    #[error("write {text:?} to {path}: {source}")]
    Write {
        /// The file.
        path: String,
        /// What was written.
        text: String,
        /// The kernel's reason.
        source: io::Error,
    },
    /// Root inside could not be assumed.
    #[error("become root in the user namespace: {action}: {errno}")]
    Become {
        /// The call that failed.
        action: &'static str,
        /// The kernel's reason.
        errno: Errno,
    },
}

impl Diagnose for UserMapError {
    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Write { source, .. } => source.into(),
            _ => return None,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Write { path, source, .. } if source.raw_os_error() == Some(Errno::EPERM as i32) => {
                Some(why_not_permitted(path))
            }
            Self::Write { source, .. } if source.raw_os_error() == Some(Errno::EINVAL as i32) => {
                Some("each line is: first id inside, first id outside, count; lines must not overlap".into())
            }
            Self::Write { .. } => None,
            Self::Become { .. } => Some("the maps must have an entry for id 0 inside".into()),
        }
    }
}

/// The kernel has one `EPERM` for many rules; the state of the files tells which one was broken.
fn why_not_permitted(path: &str) -> String {
    if fs::read_to_string(path).is_ok_and(|map| !map.is_empty()) {
        return "a map can be written only once, in one write".into();
    }
    if !may_map_any_id() {
        return format!(
            "without CAP_SETUID and CAP_SETGID only one line is allowed, for user {} and group {} alone, and gid_map only \
             after \"deny\" is written to setgroups; more ids come from /etc/subuid through newuidmap(1)",
            geteuid(),
            getegid()
        );
    }
    "an id outside is not mapped in our own user namespace; see /proc/self/uid_map".into()
}

/// Whether the kernel lets us map ids other than our own: with `CAP_SETUID` and `CAP_SETGID`.
pub fn may_map_any_id() -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SETUID | CapabilitySet::SETGID))
}

/// Gives the new user namespace of process `pid` its maps. To be called from outside, once.
///
/// An ordinary user has to give up `setgroups(2)` in there first: who could leave a group could pass a file mode such as
/// `0604`, which shuts its group out (CVE-2014-8989). Root's containers keep it: `su` and servers need it.
///
/// # Errors
/// [`UserMapError::Write`].
// ANCHOR: write_maps
pub fn write_maps(pid: Pid, users: &IdMap, groups: &IdMap) -> Result<(), UserMapError> {
    let write = |name: &str, text: String| {
        let path = format!("/proc/{pid}/{name}");
        fs::write(&path, &text).map_err(|source| UserMapError::Write { path, text, source })
    };
    // ANCHOR: ex_write_maps
    let line = |range: &IdRange| format!("{} {} {}\n", range.inside, range.outside, range.count);
    let lines = |map: &IdMap| map.ranges().iter().map(line).collect::<Vec<_>>().concat();
    if !may_map_any_id() {
        write("setgroups", "deny".into())?;
    }
    write("uid_map", lines(users))?;
    write("gid_map", lines(groups))?;
    step!(2, "user ids mapped {users}, group ids {groups}");
    Ok(())
    // ANCHOR_END: ex_write_maps
}
// ANCHOR_END: write_maps

/// Becomes user 0 and group 0 of the user namespace that the caller is in, without supplementary groups if it may.
///
/// A child that `clone3` put into a new user namespace has every capability there, and still the user id it came with.
///
/// # Errors
/// [`UserMapError::Become`]: `EINVAL` if id 0 is not mapped.
pub fn become_root() -> Result<(), UserMapError> {
    let failed = |action| move |errno| UserMapError::Become { action, errno };
    match setgroups(&[]) {
        // "deny" is written to setgroups.
        Ok(()) | Err(Errno::EPERM) => {}
        Err(errno) => return Err(failed("setgroups")(errno)),
    }
    let (group, user) = (Gid::from_raw(0), Uid::from_raw(0));
    setresgid(group, group, group).map_err(failed("setresgid 0"))?;
    setresuid(user, user, user).map_err(failed("setresuid 0"))
}
