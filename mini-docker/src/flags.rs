//! Flags that make a container: `run` has them all, and so will `create`. They become one [`Create`]; here files are read
//! and our own environment is looked at, so that nothing behind has to do it again.

pub(crate) mod attending;
mod error;
mod files;
mod health;
pub(crate) mod image;
pub(crate) mod limits;
pub(crate) mod refused;
pub(crate) mod values;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use clap::builder::{OsStringValueParser, TypedValueParser};
use engine::create::{
    Config, DeviceMapping, HostConfig, NetworkingConfig, Resources, ThrottleDevice, Ulimit, WeightDevice,
};
use engine::log::LogWish;
use engine::{Create, Streams};
use process::Failure;
use runtime::{Text, environment};

use self::error::FlagError;
use self::health::HealthFlags;
use self::limits::LimitFlags;
use crate::config_file::ConfigFile;

// Names and values are docker's. (A doc comment would become the command's description.)
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of docker run")]
pub(crate) struct ContainerFlags {
    /// Add a name and its address to /etc/hosts.
    #[arg(long, value_name = "HOST:IP", value_parser = values::extra_host)]
    add_host: Vec<String>,
    /// Add free text for tools.
    #[arg(long, value_name = "NAME=VALUE")]
    annotation: Vec<String>,
    /// Attach to standard input, output or error; without it, to all.
    #[arg(short, long, value_name = "STREAM", value_parser = values::stream)]
    attach: Vec<String>,
    /// The same for a single disk.
    #[arg(long, value_name = "DEVICE:WEIGHT", value_parser = values::weight)]
    blkio_weight_device: Vec<WeightDevice>,
    /// Add a capability.
    #[arg(long, value_name = "NAME")]
    cap_add: Vec<String>,
    /// Drop a capability.
    #[arg(long, value_name = "NAME")]
    cap_drop: Vec<String>,
    /// The group that its control group is made in.
    #[arg(long, value_name = "GROUP")]
    cgroup_parent: Option<String>,
    /// Control groups: host shows all, private its own.
    #[arg(long, value_name = "MODE")]
    cgroupns: Option<String>,
    /// Write the container's id to a file.
    #[arg(long, value_name = "FILE")]
    cidfile: Option<String>,
    /// Give it a device of the host.
    #[arg(long, value_name = "HOST[:INSIDE][:rwm]", value_parser = values::device)]
    device: Vec<DeviceMapping>,
    /// Allow it devices, as 'c 10:* rwm'.
    #[arg(long, value_name = "RULE", value_parser = values::device_rule)]
    device_cgroup_rule: Vec<String>,
    /// Limit reading from a disk, in bytes per second.
    #[arg(long, value_name = "DEVICE:BYTES", value_parser = values::rate_of_bytes)]
    device_read_bps: Vec<ThrottleDevice>,
    /// The same in operations per second.
    #[arg(long, value_name = "DEVICE:NUMBER", value_parser = values::rate_of_operations)]
    device_read_iops: Vec<ThrottleDevice>,
    /// Limit writing to a disk, in bytes per second.
    #[arg(long, value_name = "DEVICE:BYTES", value_parser = values::rate_of_bytes)]
    device_write_bps: Vec<ThrottleDevice>,
    /// The same in operations per second.
    #[arg(long, value_name = "DEVICE:NUMBER", value_parser = values::rate_of_operations)]
    device_write_iops: Vec<ThrottleDevice>,
    /// Ask this name server.
    #[arg(long, value_name = "IP", value_parser = values::address)]
    dns: Vec<String>,
    /// Set an option of the resolver.
    #[arg(long, visible_alias = "dns-opt", value_name = "OPTION")]
    dns_option: Vec<String>,
    /// Search names in this domain, too.
    #[arg(long, value_name = "DOMAIN", value_parser = values::domain)]
    dns_search: Vec<String>,
    /// NIS domain name inside.
    #[arg(long, value_name = "NAME")]
    domainname: Option<String>,
    /// Replace the image's entrypoint.
    #[arg(long, value_name = "COMMAND")]
    entrypoint: Option<OsString>,
    /// Set a variable; without =VALUE, pass ours on.
    #[arg(short, long, value_name = "NAME[=VALUE]", value_parser = variable())]
    env: Vec<Text>,
    /// Read variables from a file.
    #[arg(long, value_name = "FILE")]
    env_file: Vec<OsString>,
    /// Add a group, by name or number.
    #[arg(long, value_name = "GROUP")]
    group_add: Vec<String>,
    /// Host name inside.
    #[arg(short = 'h', long, value_name = "NAME")]
    hostname: Option<String>,
    /// Run a process that reaps and forwards signals in front of the command.
    #[arg(long)]
    init: bool,
    /// Keep standard input open.
    #[arg(short, long)]
    interactive: bool,
    /// System V and POSIX IPC: private, shareable, host, container:NAME; none has no /dev/shm.
    #[arg(long, value_name = "MODE")]
    ipc: Option<String>,
    /// Add free text.
    #[arg(short, long, value_name = "NAME[=VALUE]", value_parser = values::label)]
    label: Vec<(String, String)>,
    /// Read such text from a file.
    #[arg(long, value_name = "FILE")]
    label_file: Vec<OsString>,
    /// How its output is kept: json-file, local or none.
    #[arg(long, value_name = "DRIVER")]
    log_driver: Option<String>,
    /// An option of that, as max-size=10m.
    #[arg(long, value_name = "NAME=VALUE")]
    log_opt: Vec<String>,
    /// How eagerly to swap, 0 to 100; cgroup v1 only.
    #[arg(long, value_name = "NUMBER", value_parser = values::int64)]
    memory_swappiness: Option<i64>,
    /// A name for it.
    #[arg(long)]
    name: Option<String>,
    /// Network: none has a loopback interface only, host and container:NAME are somebody else's.
    #[arg(long, visible_alias = "net", value_name = "MODE")]
    network: Vec<String>,
    #[command(flatten)]
    health: HealthFlags,
    #[command(flatten)]
    limits: LimitFlags,
    /// Stop instead of kill when memory is out; cgroup v1 only.
    #[arg(long)]
    oom_kill_disable: bool,
    /// How soon it is killed when memory is out, -1000 to 1000.
    #[arg(long, value_name = "NUMBER", value_parser = values::int64)]
    oom_score_adj: Option<i64>,
    /// Process ids: host shares the host's, container:NAME another container's.
    #[arg(long, value_name = "MODE")]
    pid: Option<String>,
    /// Allow everything.
    #[arg(long)]
    privileged: bool,
    /// Make the root file system read-only.
    #[arg(long)]
    read_only: bool,
    /// Remove the container when it ends.
    #[arg(long)]
    rm: bool,
    /// The runtime: runc and mini-runc are both our own.
    #[arg(long, value_name = "NAME")]
    runtime: Option<String>,
    /// seccomp=FILE, seccomp=unconfined, no-new-privileges, …
    #[arg(long, value_name = "OPTION")]
    security_opt: Vec<String>,
    /// Start it again when it ends: no, on-failure[:MOST], always or unless-stopped.
    #[arg(long, value_name = "POLICY")]
    restart: Option<String>,
    /// Size of /dev/shm.
    #[arg(long, value_name = "BYTES", value_parser = values::bytes)]
    shm_size: Option<i64>,
    /// The signal that asks it to end.
    #[arg(long, value_name = "SIGNAL")]
    stop_signal: Option<String>,
    /// Seconds until it is killed after that.
    #[arg(long, value_name = "SECONDS", value_parser = values::int64)]
    stop_timeout: Option<i64>,
    /// Set a kernel parameter of its namespaces.
    #[arg(long, value_name = "NAME=VALUE", value_parser = values::sysctl)]
    sysctl: Vec<(String, String)>,
    /// Mount a tmpfs.
    #[arg(long, value_name = "PATH[:OPTIONS]")]
    tmpfs: Vec<String>,
    /// Give it a terminal.
    #[arg(short, long)]
    tty: bool,
    /// Limit of setrlimit(2), as nofile=1024:2048.
    #[arg(long, value_name = "NAME=SOFT[:HARD]", value_parser = values::ulimit)]
    ulimit: Vec<Ulimit>,
    /// User, name or number, and perhaps group.
    #[arg(short, long, value_name = "USER[:GROUP]")]
    user: Option<String>,
    /// Users: private maps root inside to a user without rights outside.
    #[arg(long, value_name = "MODE")]
    userns: Option<String>,
    /// Host name: host shares the host's.
    #[arg(long, value_name = "MODE")]
    uts: Option<String>,
    /// The driver of volumes; there are none yet.
    #[arg(long, value_name = "NAME")]
    volume_driver: Option<String>,
    /// Working directory inside.
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// The image, and what to run in it in place of its own command.
    ///
    /// One list, for our flags end where the image is named: whatever follows belongs to the container's program.
    #[arg(required = true, trailing_var_arg = true, value_name = "IMAGE [COMMAND] [ARG...]", hide = true)]
    words: Vec<OsString>,
}

/// A variable has a name; docker's words for one that has not.
pub(crate) fn variable() -> impl TypedValueParser<Value = Text> {
    OsStringValueParser::new().try_map(|text| {
        let shown = text.to_string_lossy().into_owned();
        environment::entry(text).ok_or_else(|| format!("invalid environment variable: {shown}"))
    })
}

impl ContainerFlags {
    /// Everything that they ask for, with what `config` has for every container.
    ///
    /// # Errors
    /// What docker's client would refuse, and files that cannot be read.
    pub(crate) fn create(self, detach: bool, config: &ConfigFile) -> Result<Create, Failure> {
        self.check_modes()?;
        if detach && !self.attach.is_empty() {
            return Err(FlagError::Attach.into());
        }
        let restart = values::restart_policy(self.restart.as_deref().unwrap_or_default()).map_err(FlagError::Value)?;
        if self.rm && !matches!(restart.name.as_str(), "" | "no") {
            return Err(FlagError::Conflict("cannot specify both --restart and --rm").into());
        }
        let streams = self.streams(detach);
        let mut env = Vec::new();
        for path in &self.env_file {
            env.extend(environment::read_file(Path::new(path))?);
        }
        env.extend(self.env);
        env.extend(config.proxy_variables(&env));
        let labels = files::labels(&self.label_file, self.label)?;
        let mut words = self.words.into_iter();
        let image = words.next().unwrap_or_default().to_string_lossy().into_owned();
        let command: Vec<Text> = words.map(Text::from).collect();
        Ok(Create {
            name: self.name.unwrap_or_default(),
            config: Config {
                hostname: self.hostname.unwrap_or_default(),
                domainname: self.domainname.unwrap_or_default(),
                user: self.user.unwrap_or_default(),
                attach_stdin: streams.stdin,
                attach_stdout: streams.stdout,
                attach_stderr: streams.stderr,
                tty: self.tty,
                open_stdin: self.interactive,
                stdin_once: self.interactive && streams.stdin,
                env,
                cmd: Some(command).filter(|command| !command.is_empty()),
                image,
                working_dir: self.workdir.unwrap_or_default(),
                entrypoint: self.entrypoint.map(|word| vec![word.into()]),
                labels,
                stop_signal: self.stop_signal.unwrap_or_default(),
                stop_timeout: self.stop_timeout,
                healthcheck: self.health.config()?,
                other: BTreeMap::new(),
            },
            host: HostConfig {
                container_id_file: self.cidfile.unwrap_or_default(),
                network_mode: self.network.last().cloned().unwrap_or_default(),
                auto_remove: self.rm,
                restart_policy: restart,
                log_config: log_wish(self.log_driver, &self.log_opt)?,
                annotations: self.annotation.iter().map(|text| values::pair(text)).collect(),
                cap_add: self.cap_add,
                cap_drop: self.cap_drop,
                cgroup_parent: self.cgroup_parent.unwrap_or_default(),
                cgroupns_mode: self.cgroupns.unwrap_or_default(),
                dns: self.dns,
                dns_options: self.dns_option,
                dns_search: self.dns_search,
                extra_hosts: self.add_host,
                group_add: self.group_add,
                ipc_mode: self.ipc.unwrap_or_default(),
                oom_score_adj: self.oom_score_adj.unwrap_or_default(),
                pid_mode: self.pid.unwrap_or_default(),
                privileged: self.privileged,
                readonly_rootfs: self.read_only,
                runtime: self.runtime.unwrap_or_default(),
                security_opt: self.security_opt.into_iter().map(files::security).collect::<Result<_, _>>()?,
                tmpfs: self.tmpfs.iter().map(|text| tmpfs(text)).collect(),
                uts_mode: self.uts.unwrap_or_default(),
                volume_driver: self.volume_driver.unwrap_or_default(),
                userns_mode: self.userns.unwrap_or_default(),
                shm_size: self.shm_size.unwrap_or_default(),
                sysctls: self.sysctl.into_iter().collect(),
                init: self.init.then_some(true),
                resources: Resources {
                    blkio_weight_device: self.blkio_weight_device,
                    blkio_device_read_bps: self.device_read_bps,
                    blkio_device_write_bps: self.device_write_bps,
                    blkio_device_read_iops: self.device_read_iops,
                    blkio_device_write_iops: self.device_write_iops,
                    devices: self.device,
                    device_cgroup_rules: self.device_cgroup_rule,
                    memory_swappiness: self.memory_swappiness.filter(|share| *share != -1),
                    oom_kill_disable: self.oom_kill_disable.then_some(true),
                    ulimits: last_of_each(self.ulimit),
                    ..self.limits.resources()
                },
                other: BTreeMap::new(),
            },
            networking: NetworkingConfig::default(),
        })
    }

    /// Without a word about it, somebody is at all streams of a container in the foreground, and at none in the background.
    fn streams(&self, detach: bool) -> Streams {
        if self.attach.is_empty() {
            return Streams { stdin: self.interactive && !detach, stdout: !detach, stderr: !detach };
        }
        let has = |stream: &str| self.attach.iter().any(|given| given == stream);
        Streams { stdin: has("stdin"), stdout: has("stdout"), stderr: has("stderr") }
    }

    /// What docker's client looks at before it asks its server.
    fn check_modes(&self) -> Result<(), FlagError> {
        let is_one = |given: &Option<String>, known: &[&str]| given.as_deref().is_none_or(|text| known.contains(&text));
        let of_another = |text: &str| text.strip_prefix("container:").is_some_and(|name| !name.is_empty());
        let is_pid = self.pid.as_deref().is_some_and(of_another) || is_one(&self.pid, &["", "host"]);
        for (valid, flag, name) in [
            (is_pid, "pid", "PID"),
            (is_one(&self.uts, &["", "host"]), "uts", "UTS"),
            // Ours: docker has the same for all containers, by an option of its daemon.
            (is_one(&self.userns, &["", "host", "private"]), "userns", "USER"),
            (is_one(&self.cgroupns, &["", "host", "private"]), "cgroupns", "CGROUP"),
        ] {
            if !valid {
                return Err(FlagError::Mode(flag, name));
            }
        }
        if let Some(share) = self.memory_swappiness.filter(|share| !(-1..=100).contains(share)) {
            return Err(FlagError::Swappiness(share));
        }
        if let Some(name) = self.stop_signal.as_ref().filter(|name| !name.is_empty() && !is_signal(name)) {
            return Err(FlagError::Signal(name.clone()));
        }
        if self.network.len() > 1 {
            return Err(FlagError::Conflict("cannot attach both user-defined and non-user-defined network-modes"));
        }
        Ok(())
    }
}

/// A name with or without `SIG`, or a number, as docker takes it.
fn is_signal(text: &str) -> bool {
    if let Ok(number) = text.parse::<i32>() {
        return (1..=64).contains(&number);
    }
    let upper = text.to_ascii_uppercase();
    let name = if upper.starts_with("SIG") { upper } else { format!("SIG{upper}") };
    let real_time = |rest: &str| matches!(rest, "MIN" | "MAX") || rest.starts_with("MIN+") || rest.starts_with("MAX-");
    name.parse::<nix::sys::signal::Signal>().is_ok() || name.strip_prefix("SIGRT").is_some_and(real_time)
}

/// What is asked of the log. Without one there is nothing to ask.
fn log_wish(driver: Option<String>, options: &[String]) -> Result<LogWish, FlagError> {
    let config = (!options.is_empty()).then(|| options.iter().map(|text| values::pair(text)).collect());
    match driver.unwrap_or_default() {
        driver if driver == "none" && config.is_some() => Err(FlagError::LogOptions(driver)),
        driver => Ok(LogWish { driver, config }),
    }
}

/// Docker counts the last for each name.
fn last_of_each(limits: Vec<Ulimit>) -> Vec<Ulimit> {
    let by_name: BTreeMap<String, Ulimit> = limits.into_iter().map(|limit| (limit.name.clone(), limit)).collect();
    by_name.into_values().collect()
}

fn tmpfs(text: &str) -> (String, String) {
    let (path, options) = text.split_once(':').unwrap_or((text, ""));
    (path.into(), options.into())
}

#[cfg(test)]
mod tests;
