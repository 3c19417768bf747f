//! `--security-opt`, `--cap-add`, `--privileged`: what a container may do.

use std::fs;
use std::io;
use std::path::PathBuf;

use confinement::{Capabilities, CapabilityError, ProfileError, SeccompProfile};
use process::Diagnose;
use thiserror::Error;

use crate::options::RunOptions;

/// Why the wish was refused.
#[derive(Debug, Error)]
pub enum SecurityError {
    /// Not an option that we know.
    #[error("invalid --security-opt: {0:?}")]
    Unknown(String),
    /// A profile that cannot be read.
    #[error("opening seccomp profile ({path}) failed: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A profile that is none.
    #[error("seccomp profile {path}: {source}")]
    Profile {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: ProfileError,
    },
    /// An unknown capability.
    #[error(transparent)]
    Capability(#[from] CapabilityError),
}

impl Diagnose for SecurityError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown(_) => Some(
                "known are seccomp=FILE, seccomp=unconfined, no-new-privileges, systempaths=unconfined, \
                 apparmor=unconfined and label=disable"
                    .into(),
            ),
            Self::Profile { source, .. } => source.hint(),
            Self::Capability(error) => error.hint(),
            Self::Open { .. } => None,
        }
    }
}

/// All of it, decided.
#[derive(Debug)]
pub(crate) struct Security {
    /// What the program may be given.
    pub capabilities: Capabilities,
    /// The filter; none for `unconfined`.
    pub seccomp: Option<SeccompProfile>,
    /// `exec` gives no more rights.
    pub no_new_privileges: bool,
    /// Hide and protect parts of `/proc` and `/sys`.
    pub mask_system_paths: bool,
}

/// Decides by the command line.
///
/// # Errors
/// [`SecurityError`].
pub(crate) fn decide(options: &RunOptions) -> Result<Security, SecurityError> {
    let base = if options.privileged { Capabilities::all() } else { Capabilities::docker_default() };
    let mut security = Security {
        capabilities: base.adjust(&options.cap_add, &options.cap_drop)?,
        seccomp: (!options.privileged).then(SeccompProfile::docker_default),
        no_new_privileges: false,
        mask_system_paths: !options.privileged,
    };
    for option in &options.security {
        // Docker takes `name=value`, and the older `name:value`.
        let (name, value) = option.split_once(['=', ':']).unwrap_or((option, ""));
        match (name, value) {
            ("no-new-privileges", "" | "true") => security.no_new_privileges = true,
            ("no-new-privileges", "false") => security.no_new_privileges = false,
            ("seccomp", "unconfined") => security.seccomp = None,
            ("seccomp", "builtin") => security.seccomp = Some(SeccompProfile::docker_default()),
            ("seccomp", path) if !path.is_empty() => security.seccomp = Some(read_profile(path.into())?),
            ("systempaths", "unconfined") => security.mask_system_paths = false,
            // We load no AppArmor or SELinux policy, so there is none to switch off.
            ("apparmor", "unconfined") | ("label", "disable") => {}
            _ => return Err(SecurityError::Unknown(option.clone())),
        }
    }
    Ok(security)
}

fn read_profile(path: PathBuf) -> Result<SeccompProfile, SecurityError> {
    let bytes = fs::read(&path).map_err(|source| SecurityError::Open { path: path.clone(), source })?;
    SeccompProfile::from_json(&bytes).map_err(|source| SecurityError::Profile { path, source })
}
