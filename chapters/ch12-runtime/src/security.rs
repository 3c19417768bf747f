//! `--security-opt`, `--cap-add`, `--privileged`: what a container may do.

use confinement::{Capabilities, CapabilityError, ProfileError, SeccompProfile};
use process::{Diagnose, FailureKind};
use thiserror::Error;

/// Why the wish was refused.
#[derive(Debug, Error)]
pub enum SecurityError {
    /// Not an option that we know.
    #[error("invalid --security-opt: {0:?}")]
    Unknown(String),
    /// A profile that is none.
    #[error("seccomp profile: {0}")]
    Profile(#[from] ProfileError),
    /// An unknown capability.
    #[error(transparent)]
    Capability(#[from] CapabilityError),
}

impl Diagnose for SecurityError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        match self {
            Self::Unknown(_) => None,
            Self::Profile(error) => Some(error),
            Self::Capability(error) => Some(error),
        }
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Invalid)
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown(_) => Some(
                "known are seccomp=FILE, seccomp=unconfined, no-new-privileges, systempaths=unconfined, \
                 apparmor=unconfined and label=disable"
                    .into(),
            ),
            _ => None,
        }
    }
}

/// The filter of system calls.
#[derive(Debug, PartialEq, Eq)]
pub enum Filtering {
    /// Docker's own profile.
    Docker,
    /// None.
    Unconfined,
    /// Another profile.
    Profile(SeccompProfile),
}

/// All of it, decided.
#[derive(Debug)]
pub struct Security {
    /// What the program may be given.
    pub capabilities: Capabilities,
    /// The filter.
    pub seccomp: Filtering,
    /// `exec` gives no more rights.
    pub no_new_privileges: bool,
    /// Hide and protect parts of `/proc` and `/sys`.
    pub mask_system_paths: bool,
}

/// What was wished for, in docker's words.
#[derive(Debug, Clone, Copy, Default)]
pub struct SecurityWish<'a> {
    /// Everything allowed.
    pub privileged: bool,
    /// Capabilities to add.
    pub cap_add: &'a [String],
    /// Capabilities to drop.
    pub cap_drop: &'a [String],
    /// `no-new-privileges`, `seccomp=…`: the profile itself, not its file's name.
    pub options: &'a [String],
}

/// Decides by docker's rules.
///
/// # Errors
/// [`SecurityError`].
pub fn decide(wish: SecurityWish) -> Result<Security, SecurityError> {
    let SecurityWish { privileged, cap_add, cap_drop, options } = wish;
    // Checked in any case. But who is privileged has all of them, whatever else was said.
    let adjusted = Capabilities::docker_default().adjust(cap_add, cap_drop)?;
    let mut security = Security {
        capabilities: if privileged { Capabilities::all() } else { adjusted },
        seccomp: if privileged { Filtering::Unconfined } else { Filtering::Docker },
        no_new_privileges: false,
        mask_system_paths: !privileged,
    };
    for option in options {
        let unknown = || SecurityError::Unknown(option.clone());
        // Docker takes `name=value`, and the older `name:value`.
        let separator = if option.contains('=') { '=' } else { ':' };
        let (name, value) = match option.split_once(separator) {
            Some((name, value)) => (name, Some(value)),
            None => (option.as_str(), None),
        };
        match (name, value) {
            ("no-new-privileges", None) => security.no_new_privileges = true,
            ("no-new-privileges", Some(value)) => security.no_new_privileges = go_bool(value).ok_or_else(unknown)?,
            ("seccomp", Some("unconfined")) => security.seccomp = Filtering::Unconfined,
            ("seccomp", Some("builtin")) => security.seccomp = Filtering::Docker,
            ("seccomp", Some(json)) if !json.is_empty() => {
                security.seccomp = Filtering::Profile(SeccompProfile::from_json(json.as_bytes())?);
            }
            ("systempaths", Some("unconfined")) => security.mask_system_paths = false,
            // We load no AppArmor or SELinux policy, so there is none to switch off.
            ("apparmor", Some("unconfined")) | ("label", Some("disable")) => {}
            _ => return Err(unknown()),
        }
    }
    Ok(security)
}

/// As Go's `strconv.ParseBool` reads it, and with it all of docker's command line and API.
pub fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(wish: SecurityWish) -> Result<Security, String> {
        decide(wish).map_err(|error| error.to_string())
    }

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn the_privileged_keep_what_was_dropped() {
        let drop = words(&["ALL", "CHOWN"]);
        let security =
            of(SecurityWish { privileged: true, cap_drop: &drop, ..SecurityWish::default() }).expect("valid");
        assert_eq!(security.capabilities, Capabilities::all());
        let drop = words(&["NOSUCH"]);
        let error = of(SecurityWish { privileged: true, cap_drop: &drop, ..SecurityWish::default() });
        assert_eq!(error.expect_err("no capability"), "invalid capability: unknown capability \"NOSUCH\"");
    }

    #[test]
    fn both_separators_and_every_boolean() {
        for (option, expected) in [
            ("no-new-privileges", Ok(true)),
            ("no-new-privileges=1", Ok(true)),
            ("no-new-privileges:TRUE", Ok(true)),
            ("no-new-privileges=false", Ok(false)),
            ("no-new-privileges:0", Ok(false)),
            ("no-new-privileges=", Err("invalid --security-opt: \"no-new-privileges=\"".to_owned())),
            ("no-new-privileges=foo", Err("invalid --security-opt: \"no-new-privileges=foo\"".to_owned())),
            ("SECCOMP=unconfined", Err("invalid --security-opt: \"SECCOMP=unconfined\"".to_owned())),
        ] {
            let options = words(&[option]);
            let decided = of(SecurityWish { options: &options, ..SecurityWish::default() });
            assert_eq!(decided.map(|security| security.no_new_privileges), expected, "{option}");
        }
    }

    #[test]
    fn a_profile_is_its_text_and_later_ones_win() {
        let json = r#"{"defaultAction": "SCMP_ACT_ALLOW"}"#;
        let options = words(&["seccomp=unconfined", &format!("seccomp={json}")]);
        let security = of(SecurityWish { options: &options, ..SecurityWish::default() }).expect("a profile");
        let profile = SeccompProfile::from_json(json.as_bytes()).expect("a profile");
        assert_eq!(security.seccomp, Filtering::Profile(profile));
    }
}
