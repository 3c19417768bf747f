//! Devices of the host: `--device`, and the numbers of disks that have limits of their own.
//!
//! A node is looked at when the container starts: its number may be another after a reboot.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use cgroups::{Access, BlockIo, DeviceKind};
use nix::sys::stat::{major, minor};
use process::{Diagnose, FailureKind};
use runtime::spec::{self, Device, DeviceRule};
use thiserror::Error;

use crate::create::{Resources, ThrottleDevice, WeightDevice};

/// Why a device was refused.
#[derive(Debug, Error)]
pub enum DeviceError {
    /// It cannot be looked at.
    #[error("error gathering device information while adding custom device {path:?}: {source}")]
    Missing {
        /// The path on the host.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A file of another kind, or a directory without one.
    #[error("error gathering device information while adding custom device {0:?}: not a device node")]
    NoDevice(PathBuf),
    /// Letters other than `rwm`.
    #[error(transparent)]
    Access(#[from] cgroups::AccessError),
}

impl Diagnose for DeviceError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Invalid)
    }

    fn inner(&self) -> Option<&dyn Diagnose> {
        if let Self::Access(error) = self { Some(error) } else { None }
    }
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Found {
    /// Nodes to make inside.
    pub nodes: Vec<Device>,
    /// The right to use them.
    pub rules: Vec<DeviceRule>,
    /// Limits of single disks.
    pub block_io: BlockIo,
}

/// Looks up all devices that are asked for; with `privileged`, every device of the host besides.
///
/// # Errors
/// [`DeviceError`].
pub(crate) fn find(resources: &Resources, privileged: bool) -> Result<Found, DeviceError> {
    let mut found = Found { block_io: disks(resources)?, ..Found::default() };
    if privileged {
        let all = |host: &Path, device: Device| {
            found.nodes.push(Device { path: host.into(), ..device });
        };
        collect(Path::new("/dev"), all);
    }
    for mapping in &resources.devices {
        let access: Access = mapping.cgroup_permissions.parse()?;
        let (host, inside) = (&mapping.path_on_host, &mapping.path_in_container);
        let mut added = Vec::new();
        match describe(host) {
            Ok(device) => added.push(Device { path: inside.clone(), ..device }),
            Err(DeviceError::NoDevice(_)) if host.is_dir() => collect(host, |path, device| {
                let below = path.strip_prefix(host).unwrap_or(path);
                added.push(Device { path: inside.join(below), ..device });
            }),
            Err(error) => return Err(error),
        }
        if added.is_empty() {
            return Err(DeviceError::NoDevice(host.clone()));
        }
        for device in added {
            found.rules.push(rule(&device, access));
            found.nodes.retain(|other| other.path != device.path);
            found.nodes.push(device);
        }
    }
    Ok(found)
}

fn rule(device: &Device, access: Access) -> DeviceRule {
    let kind = match device.kind {
        rootfs::DeviceKind::Block => DeviceKind::Block,
        _ => DeviceKind::Char,
    };
    DeviceRule { allow: true, kind, major: Some(device.major), minor: Some(device.minor), access }
}

fn disks(resources: &Resources) -> Result<BlockIo, DeviceError> {
    let numbers = |path: &Path| describe(path).map(|device| (device.major.into(), device.minor.into()));
    let rates = |list: &[ThrottleDevice]| {
        let rate = |device: &ThrottleDevice| {
            let (major, minor) = numbers(&device.path)?;
            Ok(spec::ThrottleDevice { major, minor, rate: device.rate })
        };
        list.iter().map(rate).collect::<Result<Vec<_>, DeviceError>>()
    };
    let weight = |device: &WeightDevice| {
        let (major, minor) = numbers(&device.path)?;
        Ok(spec::WeightDevice { major, minor, weight: device.weight, leaf_weight: 0 })
    };
    Ok(BlockIo {
        weight_device: resources.blkio_weight_device.iter().map(weight).collect::<Result<_, DeviceError>>()?,
        throttle_read_bps_device: rates(&resources.blkio_device_read_bps)?,
        throttle_write_bps_device: rates(&resources.blkio_device_write_bps)?,
        throttle_read_iops_device: rates(&resources.blkio_device_read_iops)?,
        throttle_write_iops_device: rates(&resources.blkio_device_write_iops)?,
        ..BlockIo::default()
    })
}

/// Every node below a directory; what a container has of its own is left out.
fn collect(directory: &Path, mut each: impl FnMut(&Path, Device)) {
    const OWN: [&str; 7] = ["pts", "shm", "fd", "mqueue", "console", ".lxc", ".udev"];
    let mut directories = vec![directory.to_path_buf()];
    while let Some(directory) = directories.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries.flatten().filter(|entry| !OWN.iter().any(|own| entry.file_name() == *own)) {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => directories.push(entry.path()),
                Ok(kind) if kind.is_char_device() || kind.is_block_device() => {
                    if let Ok(device) = describe(&entry.path()) {
                        each(&entry.path(), device);
                    }
                }
                _ => {}
            }
        }
    }
}

/// The node at `host`; its path inside is for the caller to say.
fn describe(host: &Path) -> Result<Device, DeviceError> {
    let metadata = fs::metadata(host).map_err(|source| DeviceError::Missing { path: host.into(), source })?;
    let kind = match metadata.file_type() {
        kind if kind.is_char_device() => rootfs::DeviceKind::Char,
        kind if kind.is_block_device() => rootfs::DeviceKind::Block,
        _ => return Err(DeviceError::NoDevice(host.into())),
    };
    let number = |part: u64| u32::try_from(part).unwrap_or(u32::MAX);
    Ok(Device {
        path: host.into(),
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
    use crate::create::DeviceMapping;

    fn find_one(host: &str, inside: &str, access: &str) -> Result<Found, DeviceError> {
        let mapping = DeviceMapping {
            path_on_host: host.into(),
            path_in_container: inside.into(),
            cgroup_permissions: access.into(),
        };
        find(&Resources { devices: vec![mapping], ..Resources::default() }, false)
    }

    #[test]
    fn a_node_has_its_number_its_path_inside_and_its_rule() {
        let found = find_one("/dev/null", "/dev/nothing", "r").expect("a device");
        let [device] = &found.nodes[..] else { panic!("{found:?}") };
        assert_eq!((device.path.as_path(), device.major, device.minor), (Path::new("/dev/nothing"), 1, 3));
        assert_eq!(found.rules, [DeviceRule::new(true, DeviceKind::Char, Some(1), Some(3), "r")]);
    }

    #[test]
    fn a_directory_is_all_its_nodes_below_another_name() {
        let found = find_one("/dev", "/other", "rwm").expect("devices");
        assert!(found.nodes.iter().any(|device| device.path == Path::new("/other/null")), "{found:?}");
        assert_eq!(found.nodes.len(), found.rules.len());
    }

    #[test]
    fn what_is_no_device_is_refused() {
        let empty = tempfile::tempdir().expect("a directory");
        let empty = empty.path().display().to_string();
        let errors = [("/etc/passwd", "rwm"), (&empty, "rwm"), ("/dev/no-such-device", "rwm"), ("/dev/null", "x")]
            .map(|(host, access)| find_one(host, "/x", access).expect_err(host).to_string().replace(&empty, "EMPTY"));
        insta::assert_snapshot!(errors.join("\n"), @r#"
        error gathering device information while adding custom device "/etc/passwd": not a device node
        error gathering device information while adding custom device "EMPTY": not a device node
        error gathering device information while adding custom device "/dev/no-such-device": No such file or directory (os error 2)
        invalid device access "x"
        "#);
    }
}
