//! What `cargo wb` says about the machine, and the book that it shows on it.

pub mod book;
pub mod doctor;
mod facts;
pub mod kvm;

pub use facts::{is_root, layout};
