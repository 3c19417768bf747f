//! Chapter 5: confinement.
//!
//! What a program may do although it is root: capabilities, resource limits, `no_new_privs`, and a filter for system
//! calls, compiled here from Docker's profile to the kernel's BPF.

pub mod attribute;
mod capability;
pub mod label;
mod privileges;
mod rlimit;
pub mod seccomp;
mod user;

pub use attribute::{AttributeError, ExecCpuAffinity, IoPriority, MemoryPolicy, Personality, Scheduler};
pub use capability::{Capabilities, Capability, CapabilityError, CapabilitySets};
pub use label::{LabelError, Labels};
pub use privileges::{Privileges, SeccompMode};
pub use rlimit::{Resource, Rlimit, RlimitError};
pub use seccomp::{Filter, ProfileError, Seccomp, SeccompError, SeccompProfile};
pub use user::{UserError, become_user, no_new_privs};
