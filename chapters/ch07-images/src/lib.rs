//! Chapter 7: images.
//!
//! A name, the layers it stands for, and how to run them. The layers themselves belong to chapter 6.

mod blobs;
mod chain;
mod check;
mod config;
mod document;
mod download;
mod earlier;
mod image;
mod import;
mod ingest;
mod ingest_error;
mod load;
mod load_error;
pub mod media;
mod pack;
mod packed;
mod platform;
mod reference;
mod remove;
mod resolve;
mod save;
mod scratch;
mod store;
mod store_error;
mod sweep;
mod table;

pub use config::{ContainerConfig, HealthConfig, ImageConfig, RootFs, go_architecture};
pub use document::{Descriptor, Document, DocumentError, Index, LARGEST_DOCUMENT, Manifest, verify};
pub use download::Download;
pub use image::{Image, Known};
pub use ingest::{Fetched, Ingest, Install, diff_ids};
pub use ingest_error::IngestError;
pub use layers::{Digest, DigestError};
pub use load::Loaded;
pub use load_error::LoadError;
pub use pack::PackError;
pub use packed::PackedLayer;
pub use platform::{Platform, PlatformError};
pub use reference::{Reference, ReferenceError};
pub use remove::{RemoveError, RemoveWish, Removed};
pub use resolve::{Resolved, resolve};
pub use store::ImageStore;
pub use store_error::ImageStoreError;
pub use sweep::Use;
