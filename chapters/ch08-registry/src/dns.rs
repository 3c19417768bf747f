//! Names of hosts: a stub resolver of our own.
//!
//! glibc's loads shared libraries to do this (nsswitch.conf(5)), which a static program cannot do safely. What it reads
//! otherwise, this reads: hosts(5) and resolv.conf(5).

mod hosts;
mod message;
mod resolv_conf;
mod resolver;

pub use message::{MessageError, Reply, read_reply, write_query};
pub use resolv_conf::ResolvConf;
pub use resolver::{Resolver, ResolverError};

pub use hosts::addresses_in;
