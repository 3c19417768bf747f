//! Chapter 6: layers.
//!
//! Archives become directories, directories are stacked by overlayfs, and what a container writes becomes an archive.

mod atomic;
mod beneath;
mod changes;
mod compression;
mod data_root;
mod diff_id;
mod digest;
mod disk_error;
mod entries;
mod error;
mod extract;
mod first_version;
mod header;
mod held;
mod lock;
mod lowers;
mod metadata;
mod mount_error;
mod name;
mod number;
mod one_string;
mod overlay;
mod pack;
mod pax;
mod removal;
mod store;
mod times;
mod unpack;
mod upper;
mod usage;
mod walk;
mod way;
mod write;
mod xattr;
mod xz;
mod zstd;

pub use atomic::{Durability, read_json, write_atomically, write_json};
pub use changes::{Change, ChangeKind, changes};
pub use data_root::{DataRoot, DataRootError};
pub use diff_id::DiffId;
pub use disk_error::DiskError;
pub use error::{LayerError, Refusal};
pub use first_version::FirstVersionError;
pub use held::Held;
pub use lock::{Lock, Rank};
pub use mount_error::OverlayError;
pub use overlay::Overlay;
pub use pack::create_tar;
pub use removal::remove_all;
pub use store::{Layer, LayerStore};
pub use unpack::{Applied, UnpackLimits, apply_tar};
pub use upper::Upper;
pub use usage::usage;
