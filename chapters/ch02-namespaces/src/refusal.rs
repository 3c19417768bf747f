//! Why a kernel says no to namespaces: the settings that distributions use to forbid them, looked up only when it has
//! happened.

use std::fs;

use nix::errno::Errno;
use nix::unistd::geteuid;

use crate::kind::{self, Kind};

/// What to do about `errno`, with which the kernel refused to make (or let us join) namespaces of these `kinds`.
///
/// Reads settings under `/proc/sys`, so call it for a message, not on the way. `None` if nothing is known.
pub(crate) fn cure(errno: Errno, kinds: &[Kind]) -> Option<String> {
    cure_with(errno, kinds, geteuid().is_root(), &|name| {
        let text = fs::read_to_string(format!("/proc/sys/{}", name.replace('.', "/"))).ok()?;
        text.trim().parse().ok()
    })
}

/// [`cure`] with the machine as a parameter: whether we are root, and how a setting reads.
fn cure_with(errno: Errno, kinds: &[Kind], root: bool, setting: &dyn Fn(&str) -> Option<i64>) -> Option<String> {
    let user = kinds.contains(&Kind::User);
    match errno {
        Errno::EPERM | Errno::EACCES if user && setting("kernel.unprivileged_userns_clone") == Some(0) => Some(
            "kernel.unprivileged_userns_clone is 0; allow it with `sysctl -w kernel.unprivileged_userns_clone=1`, or run as root".into(),
        ),
        Errno::EPERM | Errno::EACCES
            if user && setting("kernel.apparmor_restrict_unprivileged_userns") == Some(1) =>
        {
            Some("kernel.apparmor_restrict_unprivileged_userns is 1 (Ubuntu); allow it with `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, or give the program an AppArmor profile with `userns,`".into())
        }
        Errno::EPERM if !user && !root => {
            Some("only root may do this without a user namespace; run as root, or ask for a new user namespace too".into())
        }
        Errno::EPERM => Some(
            "CAP_SYS_ADMIN is missing: inside a container, the outer one must be started with it (docker run --privileged)".into(),
        ),
        Errno::ENOSPC => kinds.iter().map(|kind| limit_of(*kind)).find(|name| setting(name) == Some(0)).map_or_else(
            || {
                Some(format!(
                    "too many namespaces ({}) or more than 32 nested; see the limits in /proc/sys/user/max_*_namespaces",
                    kind::list(kinds.iter().copied())
                ))
            },
            |name| Some(format!("{name} is 0; allow some with `sysctl -w {name}=15000`")),
        ),
        Errno::EINVAL | Errno::ENOSYS => {
            Some(format!("this kernel may be built without one of these namespaces: {}", kind::list(kinds.iter().copied())))
        }
        _ => None,
    }
}

/// The setting that limits how many namespaces of `kind` a user may have.
fn limit_of(kind: Kind) -> String {
    format!("user.max_{}_namespaces", kind.proc_name())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cure_on(settings: &[(&str, i64)], errno: Errno, kinds: &[Kind]) -> String {
        let setting = |name: &str| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        cure_with(errno, kinds, false, &setting).unwrap_or_default()
    }

    #[test]
    fn the_setting_that_forbids_user_namespaces_is_named() {
        let user = [Kind::User];
        insta::assert_snapshot!(
            cure_on(&[("kernel.unprivileged_userns_clone", 0)], Errno::EPERM, &user),
            @"kernel.unprivileged_userns_clone is 0; allow it with `sysctl -w kernel.unprivileged_userns_clone=1`, or run as root"
        );
        insta::assert_snapshot!(
            cure_on(&[("kernel.apparmor_restrict_unprivileged_userns", 1)], Errno::EACCES, &user),
            @"kernel.apparmor_restrict_unprivileged_userns is 1 (Ubuntu); allow it with `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, or give the program an AppArmor profile with `userns,`"
        );
        insta::assert_snapshot!(
            cure_on(&[("user.max_user_namespaces", 0)], Errno::ENOSPC, &user),
            @"user.max_user_namespaces is 0; allow some with `sysctl -w user.max_user_namespaces=15000`"
        );
    }

    #[test]
    fn a_limit_that_is_not_zero_is_not_blamed() {
        insta::assert_snapshot!(
            cure_on(&[("user.max_net_namespaces", 100)], Errno::ENOSPC, &[Kind::Net, Kind::Pid]),
            @"too many namespaces (network, pid) or more than 32 nested; see the limits in /proc/sys/user/max_*_namespaces"
        );
    }

    #[test]
    fn without_root_and_without_a_user_namespace_the_cure_is_either() {
        insta::assert_snapshot!(
            cure_on(&[], Errno::EPERM, &[Kind::Uts]),
            @"only root may do this without a user namespace; run as root, or ask for a new user namespace too"
        );
    }
}
