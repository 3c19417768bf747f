//! `--device`: a node of the host inside the container, and the right to use it.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use cgroups::{Access, DeviceKind};
use nix::sys::stat::{major, minor};
use process::Diagnose;
use runtime::spec::{Device, DeviceRule};
use thiserror::Error;

/// Why a device was refused.
#[derive(Debug, Error)]
pub enum DeviceError {
    /// Not in the form `/dev/x[:/dev/y][:rwm]`.
    #[error("invalid device specification: {0:?}")]
    Format(String),
    /// It cannot be looked at.
    #[error("error gathering device information while adding custom device {path:?}: {source}")]
    Missing {
        /// The path on the host.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A file of another kind.
    #[error("error gathering device information while adding custom device {0:?}: not a device node")]
    NoDevice(PathBuf),
}

impl Diagnose for DeviceError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Format(_) => Some("write /dev/host[:/dev/inside][:rwm]".into()),
            _ => None,
        }
    }
}

/// Reads one `--device`.
///
/// # Errors
/// [`DeviceError`].
pub(crate) fn parse(text: &str) -> Result<(Device, DeviceRule), DeviceError> {
    let access = |text: &str| text.parse::<Access>().ok().filter(|_| !text.is_empty());
    let parts: Vec<&str> = text.split(':').collect();
    let (host, inside, access) = match parts[..] {
        [host] => (host, host, Some(Access::default())),
        [host, last] if access(last).is_some() => (host, host, access(last)),
        [host, inside] => (host, inside, Some(Access::default())),
        [host, inside, last] => (host, inside, access(last)),
        _ => (text, text, None),
    };
    let access = access.ok_or_else(|| DeviceError::Format(text.into()))?;
    if !host.starts_with('/') || !inside.starts_with('/') {
        return Err(DeviceError::Format(text.into()));
    }
    let device = describe(Path::new(host), PathBuf::from(inside))?;
    let rule = DeviceRule {
        allow: true,
        kind: match device.kind {
            rootfs::DeviceKind::Block => DeviceKind::Block,
            _ => DeviceKind::Char,
        },
        major: Some(device.major),
        minor: Some(device.minor),
        access,
    };
    Ok((device, rule))
}

/// Every node below `/dev`, for `--privileged`; what the container has of its own is left out.
pub(crate) fn of_the_host() -> Vec<Device> {
    let mut found = Vec::new();
    collect(Path::new("/dev"), &mut found);
    found
}

fn collect(directory: &Path, found: &mut Vec<Device>) {
    const OWN: [&str; 7] = ["pts", "shm", "fd", "mqueue", "console", ".lxc", ".udev"];
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten().filter(|entry| !OWN.iter().any(|own| entry.file_name() == *own)) {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => collect(&entry.path(), found),
            Ok(kind) if kind.is_char_device() || kind.is_block_device() => {
                found.extend(describe(&entry.path(), entry.path()));
            }
            _ => {}
        }
    }
}

fn describe(host: &Path, inside: PathBuf) -> Result<Device, DeviceError> {
    let metadata = fs::metadata(host).map_err(|source| DeviceError::Missing { path: host.into(), source })?;
    let kind = match metadata.file_type() {
        kind if kind.is_char_device() => rootfs::DeviceKind::Char,
        kind if kind.is_block_device() => rootfs::DeviceKind::Block,
        _ => return Err(DeviceError::NoDevice(host.into())),
    };
    let number = |part: u64| u32::try_from(part).unwrap_or(u32::MAX);
    Ok(Device {
        path: inside,
        kind,
        major: number(major(metadata.rdev())),
        minor: number(minor(metadata.rdev())),
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_parts_or_fewer() {
        let (device, rule) = parse("/dev/null:/dev/nothing:r").expect("a device");
        assert_eq!((device.path, device.major, device.minor), ("/dev/nothing".into(), 1, 3));
        assert_eq!(rule.access.to_string(), "r");
        assert_eq!(parse("/dev/zero:rw").expect("a device").0.path, PathBuf::from("/dev/zero"));
    }

    #[test]
    fn what_is_no_device_is_refused() {
        let errors = ["null", "/dev/null:x", "/dev/null:/x:q", "/etc", "/dev/no-such-device"]
            .map(|text| parse(text).expect_err(text).to_string());
        insta::assert_snapshot!(errors.join("\n"), @r#"
        invalid device specification: "null"
        invalid device specification: "/dev/null:x"
        invalid device specification: "/dev/null:/x:q"
        error gathering device information while adding custom device "/etc": not a device node
        error gathering device information while adding custom device "/dev/no-such-device": No such file or directory (os error 2)
        "#);
    }
}
