//! `/etc/mini-docker/config.toml`: what the machine's administrator says about registries, in the words of docker's
//! daemon.json. Only commands that talk to a registry read it.
//!
//! ```toml
//! registry-mirrors = ["https://mirror.example.com"]   # of docker.io, asked first
//! insecure-registries = ["reg.example.com:5000", "10.0.0.0/8"]
//! ```

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use process::{Diagnose, FailureKind};
use serde::Deserialize;
use thiserror::Error;

use crate::network::Network;

/// The file cannot be used.
#[derive(Debug, Error)]
#[error("read {path}: {reason}")]
pub struct SettingsError {
    path: PathBuf,
    reason: String,
}

impl Diagnose for SettingsError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Invalid)
    }
}

/// What the file has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Settings {
    /// URLs, for docker.io.
    pub registry_mirrors: Vec<String>,
    /// `host[:port]`, or a network as `10.0.0.0/8`: plain HTTP and unknown certificates will do.
    pub insecure_registries: Vec<String>,
}

impl Settings {
    /// Where it is.
    pub const PATH: &str = "/etc/mini-docker/config.toml";

    /// What stands in the file at `path`; nothing if it is not there.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let wrong = |reason: String| SettingsError { path: path.into(), reason };
        match fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text).map_err(|error| wrong(error.to_string())),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(Self::default())
            }
            Err(error) => Err(wrong(error.to_string())),
        }
    }

    /// Whether a registry was declared insecure: by its name as it is written, or by the network that its address, if that is
    /// what the name is, lies in. A name is never looked up for this: who answers for it could choose.
    pub fn allows_insecure(&self, authority: &str, host: &str) -> bool {
        let address: Option<IpAddr> = host.parse().ok();
        self.insecure_registries.iter().any(|entry| {
            let network = || address.zip(entry.parse::<Network>().ok()).is_some_and(|(address, net)| net.has(address));
            entry == authority || (entry == host && !entry.is_empty()) || network()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_insecure_only_if_it_was_named() {
        let text = "insecure-registries = [\"reg.example:5000\", \"10.0.0.0/8\"]\n";
        let settings: Settings = toml::from_str(text).expect("settings");
        let insecure = |authority, host| settings.allows_insecure(authority, host);
        assert!(insecure("reg.example:5000", "reg.example") && insecure("10.1.2.3:5000", "10.1.2.3"));
        assert!(!insecure("reg.example", "reg.example") && !insecure("11.0.0.1", "11.0.0.1"));
        assert!(!insecure("ten.example", "ten.example"));
    }

    #[test]
    fn a_word_that_is_not_known_is_a_mistake() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("config.toml");
        assert_eq!(Settings::read(&path).expect("no file"), Settings::default());
        fs::write(&path, "registry-miror = []").expect("a file");
        assert!(Settings::read(&path).expect_err("a mistake").to_string().contains("unknown field"));
    }
}
