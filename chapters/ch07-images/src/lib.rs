//! Chapter 7: images.
//!
//! A name, the layers it stands for, and how to run them. The layers themselves belong to chapter 6.

mod check;
mod config;
mod reference;
mod store;

pub use config::{ContainerConfig, HealthConfig, ImageConfig, RootFs, go_architecture};
pub use reference::{Reference, ReferenceError};
pub use store::{Image, ImageStore, ImageStoreError};
