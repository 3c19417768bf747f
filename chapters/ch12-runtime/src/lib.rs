//! Chapter 12: the runtime.
//!
//! From an OCI specification to a running container: this is where the chapters below meet. The specification is the
//! only description of a container; everything that it asks for is checked before anything is made.

pub mod attend;
mod attributes;
mod become_program;
mod container;
mod containers;
mod door;
pub mod environment;
mod error;
mod exec;
pub mod files;
mod group;
pub mod hooks;
mod inside;
mod inside_error;
pub mod limits;
mod net_devices;
mod notice;
mod notice_error;
mod plan;
mod process_plan;
mod runtime_error;
pub mod security;
mod shared_memory;
pub mod spec;
mod state;
mod stdio;
mod text;
pub mod user;
mod visitor;

pub use container::{Container, Created, Running};
pub use containers::{Containers, ContainersError, Entry, Record, Request};
pub use door::{Door, DoorError};
pub use error::PlanError;
pub use exec::{Exec, Executed, root_of};
pub use inside::Setup;
pub use net_devices::{NetDevice, NetDeviceError};
pub use notice_error::NoticeError;
pub use plan::cgroup_of;
pub use runtime_error::RuntimeError;
pub use shared_memory::shared_memory_of;
pub use state::{State, Status};
pub use stdio::{Ends, Stdio};
pub use text::Text;
