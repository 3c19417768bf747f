//! Chapter 12: the runtime.
//!
//! From an OCI specification to a running container: this is where the chapters below meet. The specification is the
//! only description of a container; everything that it asks for is checked before anything is made.

pub mod attend;
mod become_program;
mod container;
pub mod environment;
mod error;
mod exec;
pub mod files;
mod group;
mod inside;
mod inside_error;
pub mod limits;
mod plan;
mod process_plan;
mod runtime_error;
pub mod security;
pub mod spec;
mod stdio;
mod text;
pub mod user;
mod visitor;

pub use container::{Container, Running};
pub use error::PlanError;
pub use exec::{Exec, Executed, root_of};
pub use plan::cgroup_of;
pub use runtime_error::RuntimeError;
pub use stdio::{Ends, Stdio};
pub use text::Text;
