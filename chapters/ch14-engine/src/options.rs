//! What can be asked of a container, typed: the command line's flags after parsing, before docker's rules.

use std::path::PathBuf;

use confinement::Rlimit;

use crate::units::{Bytes, NanoCpus};

/// One container to run. Defaults are docker's.
#[derive(Debug, Default, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of docker run")]
pub struct RunOptions {
    /// Image name or id.
    pub image: String,
    /// Command and arguments, in place of the image's.
    pub command: Vec<String>,
    /// In place of the image's entrypoint; empty removes it.
    pub entrypoint: Option<String>,
    /// Keep standard input open.
    pub interactive: bool,
    /// Give it a terminal.
    pub tty: bool,
    /// A name for it.
    pub name: Option<String>,
    /// Host name inside.
    pub hostname: Option<String>,
    /// `NAME=value`, or `NAME` to pass ours on.
    pub env: Vec<String>,
    /// Files of those.
    pub env_files: Vec<PathBuf>,
    /// Working directory.
    pub workdir: Option<PathBuf>,
    /// `user[:group]`.
    pub user: Option<String>,
    /// No writing to the root file system.
    pub read_only: bool,
    /// `/path[:options]`.
    pub tmpfs: Vec<String>,
    /// Limits.
    pub limits: LimitOptions,
    /// `setrlimit` limits.
    pub ulimits: Vec<Rlimit>,
    /// Capabilities to add.
    pub cap_add: Vec<String>,
    /// Capabilities to drop.
    pub cap_drop: Vec<String>,
    /// Everything allowed.
    pub privileged: bool,
    /// `seccomp=…`, `no-new-privileges`, …
    pub security: Vec<String>,
    /// `/dev/x[:/dev/y][:rwm]`.
    pub devices: Vec<String>,
    /// A reaping PID 1.
    pub init: bool,
    /// Share the host's process ids.
    pub host_pid: bool,
    /// Share the host's System V and POSIX IPC.
    pub host_ipc: bool,
    /// Share the host's name.
    pub host_uts: bool,
    /// A user namespace of its own.
    pub private_users: bool,
    /// How it is connected.
    pub network: Network,
    /// Write the id here.
    pub cidfile: Option<PathBuf>,
}

/// What the container is connected to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// A loopback interface only.
    #[default]
    None,
    /// The host's network.
    Host,
}

/// Limits as the command line has them.
#[derive(Debug, Default, Clone)]
pub struct LimitOptions {
    /// Bytes.
    pub memory: Option<Bytes>,
    /// Bytes of memory and swap together; -1 for no limit.
    pub memory_swap: Option<Bytes>,
    /// Bytes.
    pub memory_reservation: Option<Bytes>,
    /// Processors.
    pub cpus: Option<NanoCpus>,
    /// Relative weight.
    pub cpu_shares: Option<u64>,
    /// `0-2,4`.
    pub cpuset_cpus: Option<String>,
    /// How many processes; -1 for no limit.
    pub pids: Option<i64>,
    /// 10 to 1000; 0 for none.
    pub blkio_weight: Option<u16>,
}
