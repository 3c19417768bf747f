//! What goes wrong with groups, in one place: the kernel has one word, `EINVAL`, for most of it.

use std::path::PathBuf;

use nix::errno::Errno;
use process::{Diagnose, FailureKind};
use thiserror::Error;

use crate::convert::SwapError;
use crate::directory::FileError;
use crate::layout::LayoutError;

/// A group could not be made, changed, watched or removed.
#[derive(Debug, Error)]
pub enum CgroupError {
    /// The machine.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Memory and swap do not fit together.
    #[error(transparent)]
    Swap(#[from] SwapError),
    /// A limit that this machine cannot set.
    #[error("{what} needs the {controller} controller, which is not {place}")]
    Missing {
        /// The wish: "a memory limit".
        what: &'static str,
        /// What it needs: "memory".
        controller: String,
        /// Where it was expected: "in /sys/fs/cgroup/cgroup.controllers".
        place: String,
    },
    /// Processors or memory nodes that this machine, or the parent group, does not have.
    #[error("{file} {asked}: not available here, where there is {available}")]
    Unavailable {
        /// `cpuset.cpus` or `cpuset.mems`.
        file: &'static str,
        /// What was asked for.
        asked: String,
        /// What the parent group has.
        available: String,
    },
    /// v2's rule: a group has processes or hands controllers down, not both.
    #[error("hand controllers down from {group}: it has processes of its own")]
    Occupied {
        /// The group.
        group: PathBuf,
    },
    /// A limit below what is used, with the wish to be told. The words are runc's.
    #[error("rejecting memory limit {limit} <= usage {used}")]
    BelowUsage {
        /// Bytes.
        limit: i64,
        /// Bytes.
        used: i64,
    },
    /// Somebody else's group has this path.
    #[error("control group {group} exists already, and is in use")]
    InUse {
        /// The group.
        group: PathBuf,
    },
    /// A raw setting with a name that leads elsewhere, or that only v2 has.
    #[error("invalid control group setting {name:?}: {reason}")]
    Setting {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The device program.
    #[error("{action} the device program: {errno}")]
    Devices {
        /// "load" or "attach".
        action: &'static str,
        /// The reason.
        errno: Errno,
    },
    /// Waiting for a change failed, or took too long (`ETIMEDOUT`).
    #[error("wait until {group} is {state}: {errno}")]
    Wait {
        /// The group.
        group: PathBuf,
        /// "frozen", "empty", …
        state: &'static str,
        /// The reason.
        errno: Errno,
    },
    /// A view of one's own.
    #[error("make a cgroup namespace: {0}")]
    Namespace(Errno),
    /// A path that leads elsewhere.
    #[error("invalid control group path {0:?}")]
    Path(PathBuf),
}

impl Diagnose for CgroupError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Layout | File | Swap)
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Missing { .. } => FailureKind::Unsupported,
            Self::Unavailable { .. } | Self::Setting { .. } | Self::Path(_) => FailureKind::Invalid,
            Self::Occupied { .. } | Self::InUse { .. } | Self::BelowUsage { .. } => FailureKind::Conflict,
            Self::Devices { errno, .. } | Self::Namespace(errno) => (*errno).into(),
            _ => return None,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { controller, .. } => Some(match controller.as_str() {
                "memory" => "boot with cgroup_enable=memory; see what there is: cat /proc/cgroups".into(),
                "io.weight" | "blkio.weight" => "weights need the BFQ disk scheduler, or leave the weight out".into(),
                _ => "see what there is: cat /proc/cgroups".into(),
            }),
            Self::Unavailable { .. } => Some("a group can use no more than its parent: lists look like 0-2,4".into()),
            Self::Occupied { .. } => Some(
                "move these processes to a group below it first, as systemd does (cgroups(7), \"no internal \
                 processes\")"
                    .into(),
            ),
            Self::InUse { .. } => Some("end what runs in there, or choose another parent for the group".into()),
            Self::Devices { errno: Errno::EPERM, .. } => Some("loading a BPF program needs CAP_BPF".into()),
            Self::Wait { errno: Errno::ETIMEDOUT, .. } => {
                Some("a process hangs in the kernel (state D in ps), perhaps on a disk or network mount".into())
            }
            Self::Path(_) => Some("plain names below the top of the hierarchy, without '..'".into()),
            _ => None,
        }
    }
}
