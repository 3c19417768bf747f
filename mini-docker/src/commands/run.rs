//! `run`.

use std::path::PathBuf;

use confinement::Rlimit;
use engine::options::{LimitOptions, Network, RunOptions};
use engine::{Bytes, Engine, EngineError, NanoCpus};
use images::Reference;
use process::Failure;

use crate::explain::Narrator;
use crate::outcome;

/// Flags are docker's.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of docker run")]
pub(crate) struct Args {
    /// Keep standard input open.
    #[arg(short, long)]
    interactive: bool,
    /// Give it a terminal.
    #[arg(short, long)]
    tty: bool,
    /// Remove the container when it ends; every container is.
    #[arg(long)]
    rm: bool,
    /// A name for it.
    #[arg(long)]
    name: Option<String>,
    /// Host name inside.
    #[arg(short = 'h', long)]
    hostname: Option<String>,
    /// Set a variable; without =value, pass ours on.
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Read variables from a file.
    #[arg(long, value_name = "FILE")]
    env_file: Vec<PathBuf>,
    /// Working directory inside.
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<PathBuf>,
    /// User, name or number, and perhaps group.
    #[arg(short, long, value_name = "USER[:GROUP]")]
    user: Option<String>,
    /// Replace the image's entrypoint.
    #[arg(long, value_name = "COMMAND")]
    entrypoint: Option<String>,
    /// Make the root file system read-only.
    #[arg(long)]
    read_only: bool,
    /// Mount a tmpfs.
    #[arg(long, value_name = "PATH[:OPTIONS]")]
    tmpfs: Vec<String>,
    /// Memory limit, as 64m or 1.5g.
    #[arg(short, long, value_name = "BYTES")]
    memory: Option<Bytes>,
    /// Limit of memory and swap together; -1 for no limit.
    #[arg(long, value_name = "BYTES", allow_negative_numbers = true)]
    memory_swap: Option<Bytes>,
    /// Soft memory limit.
    #[arg(long, value_name = "BYTES")]
    memory_reservation: Option<Bytes>,
    /// Number of processors, as 1.5.
    #[arg(long, value_name = "NUMBER")]
    cpus: Option<NanoCpus>,
    /// Relative weight of processor time; 1024 is normal.
    #[arg(short, long, value_name = "WEIGHT")]
    cpu_shares: Option<u64>,
    /// Processors to use, as 0-2,4.
    #[arg(long, value_name = "LIST")]
    cpuset_cpus: Option<String>,
    /// Number of processes; -1 for no limit.
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pids_limit: Option<i64>,
    /// Relative weight of disk traffic, 10 to 1000.
    #[arg(long, value_name = "WEIGHT")]
    blkio_weight: Option<u16>,
    /// Limit of setrlimit(2), as nofile=1024:2048.
    #[arg(long, value_name = "NAME=SOFT[:HARD]")]
    ulimit: Vec<Rlimit>,
    /// Add a capability.
    #[arg(long, value_name = "NAME")]
    cap_add: Vec<String>,
    /// Drop a capability.
    #[arg(long, value_name = "NAME")]
    cap_drop: Vec<String>,
    /// Allow everything.
    #[arg(long)]
    privileged: bool,
    /// seccomp=FILE, seccomp=unconfined, no-new-privileges, …
    #[arg(long, value_name = "OPTION")]
    security_opt: Vec<String>,
    /// Give it a device of the host.
    #[arg(long, value_name = "HOST[:INSIDE][:rwm]")]
    device: Vec<String>,
    /// Run a process that reaps and forwards signals in front of the command.
    #[arg(long)]
    init: bool,
    /// Process ids: host shares the host's.
    #[arg(long, value_name = "MODE", value_parser = ["host", "private"])]
    pid: Option<String>,
    /// System V and POSIX IPC: host shares the host's.
    #[arg(long, value_name = "MODE", value_parser = ["host", "private"])]
    ipc: Option<String>,
    /// Host name: host shares the host's.
    #[arg(long, value_name = "MODE", value_parser = ["host", "private"])]
    uts: Option<String>,
    /// Users: private maps root inside to a user without rights outside.
    #[arg(long, value_name = "MODE", value_parser = ["host", "private"])]
    userns: Option<String>,
    /// Network: none has a loopback interface only.
    #[arg(long, visible_alias = "net", value_name = "MODE", value_parser = ["none", "host"], default_value = "none")]
    network: String,
    /// Write the container's id to a file.
    #[arg(long, value_name = "FILE")]
    cidfile: Option<PathBuf>,
    /// Narrate on standard error what is done, and how long each step takes.
    #[arg(long)]
    explain: bool,
    /// Print help.
    #[arg(long, action = clap::ArgAction::HelpLong)]
    help: Option<bool>,
    /// The image, and what to run in it in place of its own command.
    ///
    /// One list, for our flags end where the image is named: whatever follows belongs to the container's program.
    #[arg(required = true, trailing_var_arg = true, value_name = "IMAGE [COMMAND] [ARG...]")]
    words: Vec<String>,
}

pub(crate) fn run(args: Args, open: impl FnOnce() -> Result<Engine, EngineError>) -> Result<u8, Failure> {
    let narrator = args.explain.then(Narrator::start);
    let options = options(args);
    let result = open().and_then(|engine| engine.run(&options));
    if let Some(narrator) = narrator {
        narrator.print();
    }
    if matches!(&result, Err(error) if error.is_image_missing()) {
        let image = &options.image;
        let name = image.parse::<Reference>().map_or_else(|_| image.clone(), |reference| reference.familiar());
        outcome::complain(format_args!("Unable to find image '{name}' locally\n"));
    }
    Ok(result?.code())
}

fn options(args: Args) -> RunOptions {
    let host = |mode: Option<String>| mode.as_deref() == Some("host");
    let mut words = args.words.into_iter();
    RunOptions {
        image: words.next().unwrap_or_default(),
        command: words.collect(),
        entrypoint: args.entrypoint,
        interactive: args.interactive,
        tty: args.tty,
        name: args.name,
        hostname: args.hostname,
        env: args.env,
        env_files: args.env_file,
        workdir: args.workdir,
        user: args.user,
        read_only: args.read_only,
        tmpfs: args.tmpfs,
        limits: LimitOptions {
            memory: args.memory,
            memory_swap: args.memory_swap,
            memory_reservation: args.memory_reservation,
            cpus: args.cpus,
            cpu_shares: args.cpu_shares,
            cpuset_cpus: args.cpuset_cpus,
            pids: args.pids_limit,
            blkio_weight: args.blkio_weight,
        },
        ulimits: args.ulimit,
        cap_add: args.cap_add,
        cap_drop: args.cap_drop,
        privileged: args.privileged,
        security: args.security_opt,
        devices: args.device,
        init: args.init,
        host_pid: host(args.pid),
        host_ipc: host(args.ipc),
        host_uts: host(args.uts),
        private_users: args.userns.as_deref() == Some("private"),
        network: if args.network == "host" { Network::Host } else { Network::None },
        cidfile: args.cidfile,
    }
}
