//! Chapter 1: a process of our own making.
//!
//! `clone3`, `exec`, waiting by pidfd, signals, pipes and terminals: what every container starts from. The rest of
//! the workspace makes its processes with [`Spawn`] and speaks to the kernel, where no library does, through [`sys`].

mod channel;
mod child;
mod descriptors;
mod detach_keys;
mod exec;
mod failure;
mod fault;
mod identity;
pub mod init;
pub mod numbers;
pub mod own_binary;
mod proc_dir;
pub mod pty;
pub mod relay;
mod show_as;
pub mod signals;
mod single_thread;
mod spawn;
mod step;
pub mod sys;

pub use child::{Child, ChildError, ExitStatus};
pub use descriptors::DescriptorError;
pub use detach_keys::{DetachKeys, DetachKeysError};
pub use exec::{DEFAULT_PATH, ExecError, Program};
pub use failure::{CALLER_FAILED, CANNOT_EXECUTE, Diagnose, ENGINE_FAILED, Failure, FailureKind, NOT_FOUND};
#[cfg(debug_assertions)]
#[doc(hidden)]
pub use fault::fault_at;
pub use identity::{Identity, IdentityError, has_ended};
pub use proc_dir::ProcDir;
pub use pty::Pty;
pub use show_as::show_as;
pub use single_thread::SingleThread;
pub use spawn::{Gate, Pending, Spawn, SpawnError};
pub use step::{narrate_to, untold};

/// Re-exported for [`step!`], so that a crate that reports steps needs no dependency of its own.
#[doc(hidden)]
pub use tracing;
