//! Chapter 12: the runtime.
//!
//! From an OCI specification to a running container: this is where the chapters below meet. The specification is the
//! only description of a container; everything that it asks for is checked before anything is made.

pub mod attend;
mod container;
pub mod environment;
mod error;
pub mod files;
mod inside;
pub mod limits;
mod plan;
pub mod security;
pub mod spec;
mod stdio;
mod text;
pub mod user;

pub use container::{Container, Running, RuntimeError};
pub use error::PlanError;
pub use plan::cgroup_of;
pub use stdio::{Ends, Stdio};
pub use text::Text;
