//! A filter for system calls: from a profile that people write to a program that the kernel runs before every call.
//!
//! `profile` (Docker's file, with conditions) → `oci` (the runtime specification's form, without) → `compile` (BPF).

mod bpf;
mod compile;
mod filter;
mod names;
mod oci;
mod profile;
mod table;

pub use compile::SeccompError;
pub use filter::Filter;
pub use oci::{Action, Architecture, Argument, Operator, Rule, Seccomp};
pub use profile::{ProfileError, SeccompProfile};
