//! Chapter 6: layers.
//!
//! Archives become directories, directories are stacked by overlayfs, and what a container writes becomes an archive.

mod atomic;
mod beneath;
mod changes;
mod compression;
mod diff_id;
mod digest;
mod entries;
mod error;
mod extract;
mod header;
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
mod walk;
mod way;
mod write;
mod xattr;
mod xz;
mod zstd;

pub use atomic::write_atomically;
pub use changes::{Change, ChangeKind, changes};
pub use diff_id::DiffId;
pub use error::{LayerError, Refusal};
pub use mount_error::OverlayError;
pub use overlay::Overlay;
pub use pack::create_tar;
pub use store::{Layer, LayerStore};
pub use unpack::{Applied, UnpackLimits, apply_tar};
pub use upper::Upper;
