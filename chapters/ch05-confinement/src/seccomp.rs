//! A filter for system calls: from a profile that people write to a program that the kernel runs before every call.
//!
//! `profile` (Docker's file, with conditions) → `oci` (the runtime specification's form, without) → `rules` (numbers) →
//! `dispatch` and `condition` (BPF) → `filter` (the kernel).

mod bpf;
mod cache;
mod compile;
mod condition;
mod dispatch;
mod filter;
mod names;
mod oci;
mod profile;
mod rules;
mod table;

pub use compile::SeccompError;
pub use filter::{Filter, Listener};
pub use names::number;
pub use oci::{Action, Architecture, Argument, Operator, Rule, Seccomp};
pub use profile::{ProfileError, SeccompProfile};
pub use rules::RuleError;
