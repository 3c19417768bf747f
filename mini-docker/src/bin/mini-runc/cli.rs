//! The command line, as `runc --help` has it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use process::{Failure, FailureKind};

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\nspec: 1.3.0");

/// An OCI runtime: makes, starts and removes containers from bundles.
#[derive(Debug, Parser)]
#[command(name = "mini-runc", disable_version_flag = true, version = VERSION)]
#[allow(clippy::struct_excessive_bools, reason = "flags are what they are")]
pub(crate) struct Cli {
    /// Narrate on standard error what is done, and how long each step takes.
    #[arg(long, global = true)]
    pub(crate) explain: bool,
    /// Accepted as runc's; there is no debug log.
    #[arg(long)]
    debug: bool,
    /// Write errors to this file, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// How: text or json.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: String,
    /// Where containers are written down; a reboot should empty it.
    #[arg(long, value_name = "DIR", default_value = "/run/mini-runc")]
    pub(crate) root: PathBuf,
    /// Refused: control groups are made without systemd.
    #[arg(long)]
    pub(crate) systemd_cgroup: bool,
    /// Accepted as runc's; who may do what is asked of the kernel.
    #[arg(long, value_name = "true|false|auto")]
    rootless: Option<String>,
    /// Print the version.
    #[arg(short = 'v', long, action = clap::ArgAction::Version)]
    version: Option<bool>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a container from a bundle; its program waits to be started.
    Create(Create),
    /// Start the program of a container that was created.
    Start { id: String },
    /// Create a container from a bundle, start it, and wait for it.
    Run(Run),
    /// Print a container's state.
    State { id: String },
    /// Send a signal (TERM) to a container's first process.
    Kill {
        id: String,
        #[arg(default_value = "SIGTERM")]
        signal: String,
        /// To all of its processes.
        #[arg(short, long)]
        all: bool,
    },
    /// Remove what is left of a container.
    Delete {
        id: String,
        /// End it first; none at all is fine.
        #[arg(short, long)]
        force: bool,
    },
    /// Run another process in a container.
    Exec(Box<Exec>),
    /// Show a container's processes.
    Ps {
        /// Select one.
        #[arg(short, long, value_enum, default_value = "table")]
        format: Format,
        id: String,
        /// For ps(1).
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// List containers.
    List {
        /// Select one.
        #[arg(short, long, value_enum, default_value = "table")]
        format: Format,
        /// Ids only.
        #[arg(short, long)]
        quiet: bool,
    },
    /// Stop all processes of a container.
    Pause { id: String },
    /// Let them go on.
    Resume { id: String },
    /// Change a container's limits.
    Update(Box<Update>),
    /// Print what a container uses, and when its memory is out.
    Events {
        id: String,
        /// How often: 5s.
        #[arg(long, value_parser = seconds, default_value = "5s")]
        interval: u32,
        /// Once.
        #[arg(long)]
        stats: bool,
    },
    /// Write a config.json to begin with.
    Spec {
        /// The directory for it.
        #[arg(short, long, default_value = ".")]
        bundle: PathBuf,
        /// For an ordinary user.
        #[arg(long)]
        rootless: bool,
    },
    /// Print what this runtime can do.
    Features,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The directory with config.json.
    #[arg(short, long, default_value = ".")]
    pub(crate) bundle: PathBuf,
    /// A unix socket that gets the terminal.
    #[arg(long, value_name = "SOCKET")]
    pub(crate) console_socket: Option<PathBuf>,
    /// A file for the number of the first process.
    #[arg(long, value_name = "FILE")]
    pub(crate) pid_file: Option<PathBuf>,
    /// Refused: a chroot is no container.
    #[arg(long)]
    pub(crate) no_pivot: bool,
    /// The program keeps the session keyring of the caller.
    #[arg(long)]
    pub(crate) no_new_keyring: bool,
    /// Descriptors, from 3 on, that the program gets.
    #[arg(long, value_name = "N", default_value = "0")]
    pub(crate) preserve_fds: u16,
    /// A name for it.
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) create: Create,
    /// Do not wait for it.
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// Do not remove it when it has ended.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Accepted as runc's: orphans of the container are its own.
    #[arg(long)]
    no_subreaper: bool,
}

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "flags are what they are")]
pub(crate) struct Exec {
    /// A file with the process, as in config.json.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) process: Option<PathBuf>,
    /// Give it a terminal.
    #[arg(short, long)]
    pub(crate) tty: bool,
    /// UID[:GID].
    #[arg(short, long)]
    pub(crate) user: Option<String>,
    /// More groups.
    #[arg(short = 'g', long, value_name = "GID")]
    pub(crate) additional_gids: Vec<u32>,
    /// Working directory, inside.
    #[arg(long)]
    pub(crate) cwd: Option<PathBuf>,
    /// More variables.
    #[arg(short, long, value_name = "NAME=VALUE")]
    pub(crate) env: Vec<OsString>,
    /// More capabilities.
    #[arg(short, long, value_name = "CAPABILITY")]
    pub(crate) cap: Vec<String>,
    /// exec gives no more rights.
    #[arg(long)]
    pub(crate) no_new_privs: bool,
    /// A profile of the security module, instead of the container's.
    #[arg(long, value_name = "PROFILE")]
    pub(crate) apparmor: Option<String>,
    /// A label of the security module, instead of the container's.
    #[arg(long, value_name = "LABEL")]
    pub(crate) process_label: Option<String>,
    /// Refused: it is in the container's group.
    #[arg(long, value_name = "PATH")]
    pub(crate) cgroup: Option<String>,
    /// Do not wait for it.
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// A file for its number.
    #[arg(long, value_name = "FILE")]
    pub(crate) pid_file: Option<PathBuf>,
    /// A unix socket that gets the terminal.
    #[arg(long, value_name = "SOCKET")]
    pub(crate) console_socket: Option<PathBuf>,
    /// Descriptors, from 3 on, that it gets.
    #[arg(long, value_name = "N", default_value = "0")]
    pub(crate) preserve_fds: u16,
    /// The container.
    pub(crate) id: String,
    /// Program and arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// A file with limits, as in config.json, or - for standard input. Other flags are then ignored.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) resources: Option<PathBuf>,
    #[arg(long)]
    pub(crate) blkio_weight: Option<u16>,
    #[arg(long)]
    pub(crate) cpu_period: Option<u64>,
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) cpu_quota: Option<i64>,
    #[arg(long)]
    pub(crate) cpu_burst: Option<u64>,
    #[arg(long)]
    pub(crate) cpu_idle: Option<i64>,
    #[arg(long)]
    pub(crate) cpu_rt_period: Option<u64>,
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) cpu_rt_runtime: Option<i64>,
    #[arg(long)]
    pub(crate) cpu_share: Option<u64>,
    #[arg(long)]
    pub(crate) cpuset_cpus: Option<String>,
    #[arg(long)]
    pub(crate) cpuset_mems: Option<String>,
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) memory: Option<i64>,
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) memory_reservation: Option<i64>,
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) memory_swap: Option<i64>,
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) pids_limit: Option<i64>,
    /// The container.
    pub(crate) id: String,
}

fn seconds(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix('s').unwrap_or(text).parse::<u32>().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "a number of seconds, at least 1".into())
}

pub(crate) fn refused(flag: &str, reason: &str) -> Failure {
    Failure::new(FailureKind::Unsupported, format!("{flag} is not supported: {reason}"))
}

pub(crate) fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Invalid, message)
}
