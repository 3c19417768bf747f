//! Chapter 12: the runtime.
//!
//! From an OCI specification to a running container: this is where the chapters below meet. The specification is the
//! only description of a container; everything that it asks for is checked before anything is made.

pub mod attend;
mod container;
mod error;
mod inside;
mod plan;
pub mod spec;
mod stdio;

pub use container::{Container, Running, RuntimeError};
pub use error::PlanError;
pub use plan::cgroup_of;
pub use stdio::{Ends, Stdio};
