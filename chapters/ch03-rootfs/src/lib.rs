//! Chapter 3: a root file system of its own.
//!
//! Mounts in a private mount namespace, `pivot_root`, device nodes, masks; and a way to follow a path inside a root
//! that somebody hostile has made.

mod arrange;
mod console;
mod copy_up;
pub mod defaults;
mod device;
mod errno;
mod id_mapped;
mod mask;
mod mount;
mod mount_error;
mod mount_table;
mod options;
mod pivot;
mod places;
mod procfs;
mod propagation;
mod root_dir;
mod rootfs;
mod shared_memory;

pub use arrange::arrange;
pub use console::ConsoleError;
pub use device::{DEVICE_LINKS, Device, DeviceError, DeviceKind};
pub use id_mapped::map_in_place;
pub use mask::MaskError;
pub use mount::Mount;
pub use mount_error::MountError;
pub use mount_table::Mounted;
pub use options::{Attributes, MountOptions, Reach};
pub use pivot::{PivotError, pivot};
pub use propagation::{PropagationError, isolate};
pub use root_dir::{RootDir, RootDirError, reopen};
pub use rootfs::{Entered, Prepared, Root, Rootfs, RootfsError, Sources};
pub use shared_memory::{SHARED_MEMORY, copy_shared_memory};
