//! Chapter 6: layers.
//!
//! Archives become directories, directories are stacked by overlayfs, and what a container writes becomes an archive.

mod atomic;
mod beneath;
mod changes;
mod check;
mod compression;
mod data_root;
mod digest;
mod disk_error;
mod entries;
mod error;
mod extract;
mod first_version;
mod hashing;
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
mod place;
mod reader;
mod relay;
mod removal;
mod staging;
mod store;
mod times;
mod unpack;
mod upper;
mod usage;
mod view;
mod walk;
mod way;
mod window;
mod write;
mod xattr;
mod xz;
mod zstd;

pub use atomic::{
    Durability, move_durably, read_json, sync_directory, sync_file_system, write_atomically, write_json, write_over,
};
pub use changes::{Change, ChangeKind, changes, changes_in};
pub use check::{Cure, Fault};
pub use compression::decompressed;
pub use data_root::{DataRoot, DataRootError};
pub use digest::{DiffId, Digest, DigestError};
pub use disk_error::DiskError;
pub use error::{LayerError, Refusal};
pub use first_version::FirstVersionError;
pub use hashing::Hashing;
pub use held::Held;
pub use lock::{Lock, Rank};
pub use mount_error::OverlayError;
pub use overlay::Overlay;
pub use pack::{create_tar, create_tar_in, pack_files};
pub use place::{Ownership, PlaceError, Placed, place_archive, place_tar};
pub use reader::{ArchiveReader, Part};
pub use removal::remove_all;
pub use staging::Staged;
pub use store::{Layer, LayerStore};
pub use unpack::{Applied, UnpackLimits, apply_tar};
pub use upper::Upper;
pub use usage::usage;
pub use view::View;
pub use walk::is_pseudo;
