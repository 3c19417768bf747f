//! The UTS namespace: a host name of one's own. "UTS" is UNIX Time-sharing System, from `struct utsname`.

use std::ffi::OsString;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::sethostname;
use process::{Diagnose, FailureKind, step};
use rustix::system::setdomainname;

use crate::kind::Kind;
use crate::refusal;

/// The longest name that the kernel takes, in bytes: `__NEW_UTS_LEN`, `HOST_NAME_MAX`.
pub const MAX_LEN: usize = 64;

/// A host name could not be given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UtsError {
    /// It breaks the rules of names.
    #[error("host name {name:?}: {reason}")]
    Invalid {
        /// The name.
        name: String,
        /// The rule.
        reason: &'static str,
    },
    /// `unshare(2)` refused.
    #[error("leave the host's UTS namespace: {0}")]
    Unshare(Errno),
    /// `sethostname(2)` or `setdomainname(2)` refused.
    #[error("set {what} name {name:?}: {errno}")]
    Set {
        /// "host" or "domain".
        what: &'static str,
        /// The name.
        name: String,
        /// The kernel's reason.
        errno: Errno,
    },
}

impl Diagnose for UtsError {
    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Invalid { .. } => FailureKind::Invalid,
            Self::Unshare(errno) | Self::Set { errno, .. } => (*errno).into(),
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Invalid { .. } => {
                Some("use at most 64 letters, digits, '-', '.' and '_', as in web-1.example.org".into())
            }
            Self::Unshare(errno) | Self::Set { errno, .. } => refusal::cure(*errno, &[Kind::Uts]),
        }
    }
}

/// Leaves the caller's UTS namespace for a new one, and names the machine `hostname` in there. A container's start calls
/// it in the child: this namespace is made when it gets its name.
///
/// # Errors
/// [`UtsError::Invalid`] as [`check_name`]; [`UtsError::Unshare`] and [`UtsError::Set`] (`EPERM` without
/// `CAP_SYS_ADMIN`).
// ANCHOR: enter_uts
pub fn enter_uts(hostname: &str) -> Result<(), UtsError> {
    check_name(hostname)?;
    let set = |errno| UtsError::Set { what: "host", name: hostname.to_owned(), errno };
    // ANCHOR: ex_enter_uts
    unshare(CloneFlags::CLONE_NEWUTS).map_err(UtsError::Unshare)?;
    sethostname(hostname).map_err(set)
    // ANCHOR_END: ex_enter_uts
}
// ANCHOR_END: enter_uts

/// Sets the host name in the UTS namespace that the caller is in; for one that was joined.
///
/// # Errors
/// [`UtsError::Invalid`] as [`check_name`]; [`UtsError::Set`].
pub fn set_hostname(name: &str) -> Result<(), UtsError> {
    check_name(name)?;
    sethostname(name).map_err(|errno| UtsError::Set { what: "host", name: name.to_owned(), errno })
}

/// Sets the NIS domain name (`docker run --domainname`), which most programs never ask for.
///
/// # Errors
/// [`UtsError::Invalid`] past 64 bytes; [`UtsError::Set`].
pub fn set_domainname(name: &str) -> Result<(), UtsError> {
    if name.len() > MAX_LEN {
        return Err(UtsError::Invalid { name: name.to_owned(), reason: "longer than 64 bytes" });
    }
    setdomainname(name.as_bytes()).map_err(|error| UtsError::Set {
        what: "domain",
        name: name.to_owned(),
        errno: Errno::from_raw(error.raw_os_error()),
    })?;
    step!(2, "domain name is {name}");
    Ok(())
}

/// Whether `name` can be a host name: 1 to 64 letters, digits, `-`, `.` and `_`.
///
/// RFC 1123 is stricter, and docker once was: it stopped when images with names such as `my_app` broke. What is refused
/// here would mean something else in `/etc/hosts`, where the name ends up too.
///
/// # Errors
/// [`UtsError::Invalid`] with the rule that it breaks.
pub fn check_name(name: &str) -> Result<(), UtsError> {
    let reason = if name.is_empty() {
        "empty"
    } else if name.len() > MAX_LEN {
        "longer than 64 bytes"
    } else if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) {
        "a character other than letters, digits, '-', '.' and '_'"
    } else {
        return Ok(());
    };
    Err(UtsError::Invalid { name: name.to_owned(), reason })
}

/// The host name as the caller sees it.
///
/// # Errors
/// [`Errno::ENAMETOOLONG`] only.
pub fn hostname() -> Result<OsString, Errno> {
    nix::unistd::gethostname()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_docker_accepts() {
        for name in ["a", "3f2a9c0b1d4e", "web-1.example.org", "my_app", &"x".repeat(64)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn names_that_break_a_rule_are_told_which() {
        let reasons: Vec<String> = ["", "a b", "a\nb", "a#b", "ä", &"x".repeat(65)]
            .iter()
            .map(|name| check_name(name).unwrap_err().to_string())
            .collect();
        insta::assert_snapshot!(reasons.join("\n"), @r#"
        host name "": empty
        host name "a b": a character other than letters, digits, '-', '.' and '_'
        host name "a\nb": a character other than letters, digits, '-', '.' and '_'
        host name "a#b": a character other than letters, digits, '-', '.' and '_'
        host name "ä": a character other than letters, digits, '-', '.' and '_'
        host name "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx": longer than 64 bytes
        "#);
    }
}
