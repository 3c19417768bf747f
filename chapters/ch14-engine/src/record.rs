//! What a container is: the wish and the image's defaults, put together and checked, once. From here on nothing is
//! parsed. With the [facts](crate::compose::Facts) of a start it becomes a specification.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use cgroups::{Cpu, DeviceRule, Limits, Memory, Pids};
use confinement::{Capabilities, Rlimit, RlimitError, Seccomp, SeccompProfile};
use images::{ContainerConfig, Image};
use process::{Diagnose, FailureKind};
use runtime::Text;
use runtime::environment;
use runtime::limits::{self, LimitError};
use runtime::security::{self, Filtering, SecurityError, SecurityWish};
use runtime::spec::{BlockIo, Mount};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::create::{Config, Create, HostConfig, Resources, Ulimit};
use crate::health::{HealthCheck, HealthError};
use crate::log::{LogConfig, LogError};
use crate::rules::{self, RuleError};
use crate::signal;

/// Why a wish cannot be fulfilled.
#[derive(Debug, Error)]
pub enum ResolveError {
    /// Neither the wish nor the image says what to run.
    #[error("no command specified")]
    NoCommand,
    /// A working directory that depends on another.
    #[error("the working directory '{0}' is invalid, it needs to be an absolute path")]
    WorkingDirectory(String),
    /// A target of a mount.
    #[error("invalid mount path: '{0}' mount path must be absolute")]
    RelativeMount(String),
    /// A mount in place of everything.
    #[error("invalid specification: destination can't be '/'")]
    RootMount,
    /// A variable without a name.
    #[error("invalid environment variable: {0}")]
    Variable(Text),
    /// A value that a field cannot have.
    #[error("invalid {field}: {value:?}")]
    Invalid {
        /// What it is about.
        field: &'static str,
        /// What was asked for.
        value: String,
    },
    /// A restart policy that there is not, or with a number where there is nothing to count.
    #[error("invalid restart policy: {0}")]
    Restart(String),
    /// More or less than the kernel takes.
    #[error("Invalid value {0}, range for oom score adj is [-1000, 1000]")]
    OomScore(i64),
    /// Less than nothing.
    #[error("SHM size can not be less than 0")]
    ShmSize,
    /// Wishes that exclude each other.
    #[error("conflicting options: {0}")]
    Conflict(&'static str),
    /// Something that docker has and we have not.
    #[error("{0}")]
    Unsupported(String),
    /// A signal that there is not.
    #[error("invalid signal: {0}")]
    StopSignal(String),
    /// How its health is checked.
    #[error(transparent)]
    Health(#[from] HealthError),
    /// Options of the log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Limits.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// Limits of a process.
    #[error(transparent)]
    Rlimit(#[from] RlimitError),
    /// Rules for devices.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// Capabilities, filters.
    #[error(transparent)]
    Security(#[from] SecurityError),
}

impl Diagnose for ResolveError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        match self {
            Self::Health(error) => Some(error),
            Self::Log(error) => Some(error),
            Self::Limit(error) => Some(error),
            Self::Rlimit(error) => Some(error),
            Self::Rule(error) => Some(error),
            Self::Security(error) => Some(error),
            _ => None,
        }
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(if matches!(self, Self::Unsupported(_)) { FailureKind::Unsupported } else { FailureKind::Invalid })
    }

    fn hint(&self) -> Option<String> {
        matches!(self, Self::NoCommand).then(|| "the image has no default command: name one after the image".into())
    }
}

/// A namespace: the container's own, or the host's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sharing {
    /// Its own.
    #[default]
    Private,
    /// The host's.
    Host,
}

impl Sharing {
    pub(crate) fn is_host(self) -> bool {
        self == Self::Host
    }
}

/// The filter of system calls. Docker's is 15 kB of JSON, the same for nearly every container: it is kept by its name.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// Docker's profile, for the container's capabilities.
    #[default]
    Docker,
    /// None.
    Unconfined,
    /// What came of another profile.
    Own(Box<Seccomp>),
}

impl Filter {
    /// For a program that may be given `capabilities`.
    pub(crate) fn resolve(&self, capabilities: Capabilities) -> Option<Seccomp> {
        match self {
            Self::Docker => Some(SeccompProfile::docker_default().resolve(&capabilities)),
            Self::Unconfined => None,
            Self::Own(seccomp) => Some(seccomp.as_ref().clone()),
        }
    }
}

/// Everything that is settled before a start.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is one of docker's")]
pub struct ContainerRecord {
    /// The image's id.
    pub image: String,
    /// Program and arguments.
    pub args: Vec<Text>,
    /// Variables of the wish and of the image; docker's own are added at the start.
    pub env: Vec<Text>,
    /// Working directory.
    pub cwd: PathBuf,
    /// `user[:group]`, to be looked up in the root file system.
    pub user: String,
    /// Further groups, the same.
    pub groups: Vec<String>,
    /// Give it a terminal.
    pub terminal: bool,
    /// Keep standard input open.
    pub interactive: bool,
    /// A reaping PID 1.
    pub init: bool,
    /// Host name; the id's first digits if empty.
    pub hostname: String,
    /// NIS domain name.
    pub domainname: String,
    /// Network.
    pub network: Sharing,
    /// Process ids.
    pub pid: Sharing,
    /// System V and POSIX IPC.
    pub ipc: Sharing,
    /// Whether there is a `/dev/shm`.
    pub shm: bool,
    /// Host name and domain name.
    pub uts: Sharing,
    /// Control groups.
    pub cgroup: Sharing,
    /// Users.
    pub users: Sharing,
    /// All devices, all capabilities, no masks.
    pub privileged: bool,
    /// No writing to the root file system.
    pub read_only: bool,
    /// File systems in memory.
    pub tmpfs: Vec<Mount>,
    /// Bytes of `/dev/shm`, if not docker's 64 MiB.
    pub shm_size: Option<u64>,
    /// Limits that need no look at the host.
    pub limits: Limits,
    /// Those that do: by nodes of the host.
    pub resources: Resources,
    /// Limits of each process.
    pub rlimits: Vec<Rlimit>,
    /// What the program may be given.
    pub capabilities: Capabilities,
    /// System call filter.
    pub seccomp: Filter,
    /// `exec` gives no more rights.
    pub no_new_privileges: bool,
    /// Hide and protect parts of `/proc` and `/sys`.
    pub mask_system_paths: bool,
    /// Kernel parameters.
    pub sysctl: BTreeMap<String, String>,
    /// How soon it is killed when memory is out.
    pub oom_score_adj: Option<i32>,
    /// Names and addresses for `/etc/hosts`.
    pub extra_hosts: Vec<(String, String)>,
    /// For `/etc/resolv.conf`: servers, domains, options.
    pub dns: [Vec<String>; 3],
    /// Free text for tools.
    pub annotations: BTreeMap<String, String>,
    /// Free text for people.
    pub labels: BTreeMap<String, String>,
    /// How its output is kept.
    pub log: LogConfig,
    /// How to find out whether it is well.
    pub health: Option<HealthCheck>,
    /// What asks it to end; `SIGTERM` if empty.
    pub stop_signal: String,
    /// Where to write the id.
    pub id_file: Option<PathBuf>,
}

impl Create {
    /// Puts the wish and the image together, on a machine with so many processors.
    ///
    /// # Errors
    /// [`ResolveError`], in docker's words.
    pub fn resolve(&self, image: &Image, processors: usize) -> Result<ContainerRecord, ResolveError> {
        let Self { config, host, networking, .. } = self;
        refuse_unknown(config, host)?;
        let extra = networking.endpoints_config.keys().find(|network| **network != host.network_mode);
        if let Some(network) = extra.filter(|network| *network != "default") {
            return Err(no_network(network));
        }
        host.restart_policy.check().map_err(ResolveError::Restart)?;
        let defaults = &image.config.config;
        let security = security::decide(SecurityWish {
            privileged: host.privileged,
            cap_add: &host.cap_add,
            cap_drop: &host.cap_drop,
            options: &host.security_opt,
        })?;
        let uts = mode("UTS mode", &host.uts_mode, &[])?;
        if uts.is_host() && !config.hostname.is_empty() {
            return Err(ResolveError::Conflict("hostname and the UTS mode"));
        }
        Ok(ContainerRecord {
            image: image.id.clone(),
            args: command(config, defaults)?,
            env: variables(config, defaults)?,
            cwd: working_directory(config, defaults)?,
            user: if config.user.is_empty() { defaults.user.clone() } else { config.user.clone() },
            groups: host.group_add.clone(),
            terminal: config.tty,
            interactive: config.open_stdin,
            init: host.init.unwrap_or(false),
            hostname: config.hostname.clone(),
            domainname: config.domainname.clone(),
            network: network(&host.network_mode)?,
            pid: mode("PID mode", &host.pid_mode, &[])?,
            ipc: mode("IPC mode", &host.ipc_mode, &["private", "shareable", "none"])?,
            shm: host.ipc_mode != "none",
            uts,
            cgroup: mode("CGROUP mode", &host.cgroupns_mode, &["private"])?,
            users: match host.userns_mode.as_str() {
                "private" => Sharing::Private,
                other => mode("USER mode", other, &[]).map(|_| Sharing::Host)?,
            },
            privileged: host.privileged,
            read_only: host.readonly_rootfs,
            tmpfs: host.tmpfs.iter().map(|(path, options)| tmpfs(path, options)).collect::<Result<_, _>>()?,
            shm_size: shm_size(host.shm_size)?,
            limits: checked_limits(&host.resources, host.privileged, processors)?,
            resources: host.resources.clone(),
            rlimits: rlimits(&host.resources.ulimits)?,
            seccomp: match security.seccomp {
                Filtering::Docker => Filter::Docker,
                Filtering::Unconfined => Filter::Unconfined,
                Filtering::Profile(profile) => Filter::Own(Box::new(profile.resolve(&security.capabilities))),
            },
            capabilities: security.capabilities,
            no_new_privileges: security.no_new_privileges,
            mask_system_paths: security.mask_system_paths,
            sysctl: host.sysctls.clone(),
            oom_score_adj: oom_score(host.oom_score_adj)?,
            extra_hosts: host.extra_hosts.iter().map(|text| extra_host(text)).collect::<Result<_, _>>()?,
            dns: [host.dns.clone(), host.dns_search.clone(), host.dns_options.clone()],
            annotations: host.annotations.clone(),
            labels: config.labels.clone(),
            log: LogConfig::resolve(&host.log_config)?,
            health: HealthCheck::resolve(config.healthcheck.as_ref(), defaults)?,
            stop_signal: stop_signal(config, defaults)?,
            id_file: Some(&host.container_id_file).filter(|path| !path.is_empty()).map(PathBuf::from),
        })
    }
}

/// A wish that we do not know must not be dropped. What asks for nothing is no wish: clients send many such fields.
fn refuse_unknown(config: &Config, host: &HostConfig) -> Result<(), ResolveError> {
    let fields = config.other.iter().chain(&host.other);
    if let Some((name, _)) = fields.into_iter().find(|(_, value)| !is_neutral(value)) {
        return Err(ResolveError::Unsupported(format!("{name} is not supported")));
    }
    Ok(())
}

fn is_neutral(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => matches!(text.as_str(), "" | "no" | "default"),
        Value::Array(values) => values.iter().all(is_neutral),
        Value::Object(fields) => fields.values().all(is_neutral),
        Value::Bool(true) => false,
    }
}

/// Docker's rule: a new entrypoint forgets the image's command.
fn command(config: &Config, image: &ContainerConfig) -> Result<Vec<Text>, ResolveError> {
    let words = |list: &Option<Vec<String>>| list.iter().flatten().map(|word| word.as_str().into()).collect();
    let entrypoint: Vec<Text> = match &config.entrypoint {
        Some(given) if given.iter().all(|word| word.is_empty()) => Vec::new(),
        Some(given) => given.clone(),
        None => words(&image.entrypoint),
    };
    let arguments = match (config.cmd.as_deref().unwrap_or_default(), &config.entrypoint) {
        ([], None) => words(&image.cmd),
        (given, _) => given.to_vec(),
    };
    let command: Vec<Text> = entrypoint.into_iter().chain(arguments).collect();
    if command.is_empty() { Err(ResolveError::NoCommand) } else { Ok(command) }
}

fn variables(config: &Config, image: &ContainerConfig) -> Result<Vec<Text>, ResolveError> {
    match config.env.iter().find(|entry| entry.name().is_empty()) {
        Some(entry) => Err(ResolveError::Variable(entry.clone())),
        None => Ok(environment::merge(&config.env, image.env.as_deref().unwrap_or_default())),
    }
}

/// The wish's or the image's.
fn stop_signal(config: &Config, image: &ContainerConfig) -> Result<String, ResolveError> {
    let name = if config.stop_signal.is_empty() { &image.stop_signal } else { &config.stop_signal };
    if name.is_empty() || signal::number(name).is_some() {
        return Ok(name.clone());
    }
    Err(ResolveError::StopSignal(name.clone()))
}

/// The image's may be relative, and is then so to the root. `.` and `..` are taken out, as docker does.
fn working_directory(config: &Config, image: &ContainerConfig) -> Result<PathBuf, ResolveError> {
    if !config.working_dir.is_empty() && !config.working_dir.starts_with('/') {
        return Err(ResolveError::WorkingDirectory(config.working_dir.clone()));
    }
    let wished = if config.working_dir.is_empty() { &image.working_dir } else { &config.working_dir };
    Ok(clean(Path::new(wished)))
}

/// The path from the root, without `.`, `..` and double slashes, by its letters alone (Go's `path.Clean`).
fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => cleaned.push(name),
            Component::ParentDir => drop(cleaned.pop()),
            _ => {}
        }
    }
    cleaned
}

/// `host`, or nothing; `private` are other words for nothing.
fn mode(field: &'static str, text: &str, private: &[&str]) -> Result<Sharing, ResolveError> {
    match text {
        "host" => Ok(Sharing::Host),
        "" => Ok(Sharing::Private),
        _ if private.contains(&text) => Ok(Sharing::Private),
        _ if text.starts_with("container:") => Err(ResolveError::Unsupported(format!(
            "{field} {text:?} is not supported: no container outlives its command"
        ))),
        _ => Err(ResolveError::Invalid { field, value: text.into() }),
    }
}

fn network(text: &str) -> Result<Sharing, ResolveError> {
    match text {
        "" | "none" => Ok(Sharing::Private),
        "host" => Ok(Sharing::Host),
        other => Err(no_network(other)),
    }
}

fn no_network(name: &str) -> ResolveError {
    ResolveError::Unsupported(format!("network {name:?} is not supported: there are none and host"))
}

/// With docker's options in front: a later one wins.
fn tmpfs(path: &str, options: &str) -> Result<Mount, ResolveError> {
    if !path.starts_with('/') {
        return Err(ResolveError::RelativeMount(path.into()));
    }
    if clean(Path::new(path)) == Path::new("/") {
        return Err(ResolveError::RootMount);
    }
    let given: Vec<String> = match options {
        "" => Vec::new(),
        options => options.split(',').map(str::to_owned).collect(),
    };
    if given.iter().any(String::is_empty) {
        return Err(ResolveError::Invalid { field: "tmpfs option", value: String::new() });
    }
    // Ours knows it, for other engines. Docker's `--tmpfs` does not.
    if let Some(value) = given.iter().find(|option| option.as_str() == "tmpcopyup") {
        return Err(ResolveError::Invalid { field: "tmpfs option", value: value.clone() });
    }
    Ok(Mount {
        destination: path.into(),
        kind: "tmpfs".into(),
        source: Some("tmpfs".into()),
        options: ["noexec", "nosuid", "nodev"].map(str::to_owned).into_iter().chain(given).collect(),
        ..Mount::default()
    })
}

fn shm_size(bytes: i64) -> Result<Option<u64>, ResolveError> {
    Ok(Some(u64::try_from(bytes).map_err(|_| ResolveError::ShmSize)?).filter(|bytes| *bytes > 0))
}

fn oom_score(score: i64) -> Result<Option<i32>, ResolveError> {
    match i32::try_from(score) {
        Ok(0) => Ok(None),
        Ok(score @ -1000..=1000) => Ok(Some(score)),
        _ => Err(ResolveError::OomScore(score)),
    }
}

fn extra_host(text: &str) -> Result<(String, String), ResolveError> {
    let invalid = || ResolveError::Invalid { field: "extra host", value: text.into() };
    let (name, address) = text.split_once([':', '=']).ok_or_else(invalid)?;
    if address == "host-gateway" {
        return Err(ResolveError::Unsupported(
            "host-gateway is not supported: there is no network with a gateway".into(),
        ));
    }
    Ok((name.into(), address.into()))
}

/// From docker's fields to the specification's; the nodes of the host are looked up at the start.
pub(crate) fn checked_limits(wished: &Resources, privileged: bool, processors: usize) -> Result<Limits, ResolveError> {
    let number =
        |field, value: i64| u64::try_from(value).map_err(|_| ResolveError::Invalid { field, value: value.to_string() });
    let swappiness = wished.memory_swappiness.filter(|share| *share != -1);
    let mut devices = vec![DeviceRule::all(privileged)];
    devices.extend(wished.device_cgroup_rules.iter().map(|text| rules::parse(text)).collect::<Result<Vec<_>, _>>()?);
    let limits = Limits {
        devices,
        memory: Memory {
            limit: Some(wished.memory),
            reservation: Some(wished.memory_reservation),
            swap: Some(wished.memory_swap),
            swappiness: swappiness.map(|share| number("memory swappiness", share)).transpose()?,
            disable_oom_killer: wished.oom_kill_disable.unwrap_or(false),
            ..Memory::default()
        },
        cpu: Cpu {
            shares: Some(number("CPU shares", wished.cpu_shares)?),
            quota: Some(wished.cpu_quota),
            period: Some(number("CPU period", wished.cpu_period)?),
            cpus: wished.cpuset_cpus.clone(),
            mems: wished.cpuset_mems.clone(),
            ..Cpu::default()
        },
        pids: Pids { limit: wished.pids_limit },
        block_io: BlockIo { weight: Some(wished.blkio_weight), ..BlockIo::default() },
        ..Limits::default()
    };
    // A negative number of processors is out of range in any case.
    let nano_cpus = u64::try_from(wished.nano_cpus).unwrap_or(u64::MAX);
    Ok(limits::check(limits, nano_cpus, processors)?)
}

/// Of several for one name the last counts.
fn rlimits(wished: &[Ulimit]) -> Result<Vec<Rlimit>, ResolveError> {
    let mut limits: Vec<Rlimit> = Vec::new();
    for Ulimit { name, soft, hard } in wished {
        let limit: Rlimit = format!("{name}={soft}:{hard}").parse()?;
        limits.retain(|other| other.kind != limit.kind);
        limits.push(limit);
    }
    Ok(limits)
}

#[cfg(test)]
mod tests;
