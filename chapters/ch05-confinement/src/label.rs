//! Profiles of `AppArmor` and labels of `SELinux`: what a security module of the kernel holds the program to.
//!
//! Both are asked for by writing to a file of this process in `/proc`, and come into force at `exec`. A kernel without the
//! module would take no notice, so there it is an error.

use std::fs;

use nix::errno::Errno;
use nix::sys::statfs::{FsType, statfs};
use process::{Diagnose, FailureKind, step};
use thiserror::Error;

/// `<linux/magic.h>`; nix has no name for it.
const SELINUX_MAGIC: FsType = FsType(0xf97c_ff8c);

/// A profile or label that cannot be. The words are runc's, up to the reason.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum LabelError {
    /// No `AppArmor`.
    #[error("unable to apply apparmor profile: apparmor: config provided but apparmor not supported")]
    NoAppArmor,
    /// No `SELinux`.
    #[error("selinux label is specified in config, but selinux is disabled or not supported")]
    NoSelinux,
    /// The module refused.
    #[error("unable to apply apparmor profile: apparmor failed to apply profile {profile}: {errno}")]
    AppArmor {
        /// Which.
        profile: String,
        /// The reason.
        errno: Errno,
    },
    /// The module refused.
    #[error("can't set process label {label}: {errno}")]
    Selinux {
        /// Which.
        label: String,
        /// The reason.
        errno: Errno,
    },
}

impl Diagnose for LabelError {
    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::NoAppArmor | Self::NoSelinux => FailureKind::Unsupported,
            Self::AppArmor { errno, .. } | Self::Selinux { errno, .. } => (*errno).into(),
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoAppArmor => Some("see /sys/module/apparmor/parameters/enabled; boot with apparmor=1".into()),
            Self::AppArmor { errno: Errno::ENOENT, profile } => Some(format!(
                "no profile of that name is loaded: aa-status shows them, apparmor_parser loads {profile}"
            )),
            _ => None,
        }
    }
}

/// What is asked for; nothing where it is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    apparmor: String,
    /// Where `AppArmor` is asked: `exec` in its own directory, or in that of all modules, from before several could be there.
    /// The host's `/proc` says it; that of the container is whatever its image has there.
    place: &'static str,
    selinux: String,
}

impl Labels {
    /// A profile and a label, if the kernel has the modules. Without `AppArmor` everybody is `unconfined`.
    ///
    /// # Errors
    /// [`LabelError::NoAppArmor`], [`LabelError::NoSelinux`].
    pub fn new(apparmor: &str, selinux: &str) -> Result<Self, LabelError> {
        let mut apparmor = apparmor;
        if !apparmor.is_empty() && !has_apparmor() {
            match apparmor {
                "unconfined" => apparmor = "",
                _ => return Err(LabelError::NoAppArmor),
            }
        }
        if !selinux.is_empty() && !has_selinux() {
            return Err(LabelError::NoSelinux);
        }
        let has_own = fs::exists("/proc/self/attr/apparmor").unwrap_or(true);
        let place = if has_own { "attr/apparmor/exec" } else { "attr/exec" };
        Ok(Self { apparmor: apparmor.into(), place, selinux: selinux.into() })
    }

    /// Asks for them. `write` writes to a file of `/proc/self/`, in one call.
    ///
    /// # Errors
    /// [`LabelError::AppArmor`], [`LabelError::Selinux`].
    pub fn apply(&self, write: impl Fn(&str, &str) -> Result<(), Errno>) -> Result<(), LabelError> {
        if !self.apparmor.is_empty() {
            write(self.place, &format!("exec {}", self.apparmor))
                .map_err(|errno| LabelError::AppArmor { profile: self.apparmor.clone(), errno })?;
            step!(5, "AppArmor profile {} from exec on", self.apparmor);
        }
        if !self.selinux.is_empty() {
            write("attr/exec", &self.selinux)
                .map_err(|errno| LabelError::Selinux { label: self.selinux.clone(), errno })?;
            step!(5, "SELinux label {} from exec on", self.selinux);
        }
        Ok(())
    }
}

fn has_apparmor() -> bool {
    fs::read_to_string("/sys/module/apparmor/parameters/enabled").is_ok_and(|text| text.starts_with('Y'))
}

/// Whether the kernel has `SELinux`, and it is switched on.
pub fn has_selinux() -> bool {
    statfs("/sys/fs/selinux").is_ok_and(|found| found.filesystem_type() == SELINUX_MAGIC)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// A profile that is not loaded is "no such file", too: that must not lead to another file, and another module.
    #[test]
    fn each_module_is_asked_in_one_place_whatever_it_answers() {
        let asked = RefCell::new(Vec::new());
        for place in ["attr/apparmor/exec", "attr/exec"] {
            let labels = Labels { apparmor: "box".into(), place, selinux: "label".into() };
            let refused = labels.apply(|file, wish| {
                asked.borrow_mut().push(format!("{file}: {wish}"));
                Err(Errno::ENOENT)
            });
            assert_eq!(refused, Err(LabelError::AppArmor { profile: "box".into(), errno: Errno::ENOENT }));
        }
        assert_eq!(asked.take(), ["attr/apparmor/exec: exec box", "attr/exec: exec box"]);
        let labels = Labels { selinux: "label".into(), ..Labels::default() };
        let refused = labels.apply(|file, wish| {
            asked.borrow_mut().push(format!("{file}: {wish}"));
            Err(Errno::EINVAL)
        });
        assert_eq!(refused, Err(LabelError::Selinux { label: "label".into(), errno: Errno::EINVAL }));
        assert_eq!(asked.take(), ["attr/exec: label"]);
    }
}
