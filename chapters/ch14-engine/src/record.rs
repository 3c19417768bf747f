//! What a container is: the wish and the image's defaults, put together and checked, once. From here on nothing is
//! parsed. With the [facts](crate::compose::Facts) of a start it becomes a specification.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use cgroups::Limits;
use confinement::{Capabilities, Rlimit, Seccomp, SeccompProfile};
use images::{ContainerConfig, Image};
use runtime::Text;
use runtime::environment;
use runtime::security::{self, Filtering, SecurityWish};
use runtime::spec::Mount;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::create::{Config, Create, HostConfig, Resources};
use crate::health::HealthCheck;
use crate::log::LogConfig;
use crate::resolve_error::ResolveError;
use crate::sharing::{self, Sharing};
use crate::signal;
use crate::wished_limits::{checked_limits, oom_score, rlimits, shm_size};

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
    /// The group that its own is made in, from the root of all; empty is ours.
    #[serde(default)]
    pub cgroup_parent: PathBuf,
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

impl ContainerRecord {
    /// The control group of a container with this id.
    pub(crate) fn group(&self, id: &str) -> PathBuf {
        if self.cgroup_parent.as_os_str().is_empty() { runtime::cgroup_of(id) } else { self.cgroup_parent.join(id) }
    }
}

impl Create {
    /// Puts the wish and the image together, on a machine with so many processors.
    ///
    /// # Errors
    /// [`ResolveError`], in docker's words.
    pub fn resolve(&self, image: &Image, processors: usize) -> Result<ContainerRecord, ResolveError> {
        let Self { config, host, networking, .. } = self;
        refuse_unknown(config, host)?;
        if !RUNTIMES.contains(&host.runtime.as_str()) {
            return Err(ResolveError::Runtime(host.runtime.clone()));
        }
        if host.annotations.contains_key("") {
            return Err(ResolveError::Annotation);
        }
        let extra = networking.endpoints_config.keys().find(|network| **network != host.network_mode);
        if let Some(network) = extra.filter(|network| *network != "default") {
            return Err(sharing::no_network(network));
        }
        host.restart_policy.check().map_err(ResolveError::Restart)?;
        let defaults = &image.config.config;
        let security = security::decide(SecurityWish {
            privileged: host.privileged,
            cap_add: &host.cap_add,
            cap_drop: &host.cap_drop,
            options: &host.security_opt,
        })?;
        let modes = sharing::modes(config, host)?;
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
            network: modes.network,
            pid: modes.pid,
            ipc: modes.ipc,
            shm: modes.shm,
            uts: modes.uts,
            cgroup: modes.cgroup,
            cgroup_parent: Some(&host.cgroup_parent)
                .filter(|parent| !parent.is_empty())
                .map_or_else(PathBuf::new, |parent| clean(Path::new(parent))),
            users: modes.users,
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
            labels: labels(config, defaults),
            log: LogConfig::resolve(&host.log_config)?,
            health: HealthCheck::resolve(config.healthcheck.as_ref(), defaults)?,
            stop_signal: stop_signal(config, defaults)?,
            id_file: Some(&host.container_id_file).filter(|path| !path.is_empty()).map(PathBuf::from),
        })
    }
}

/// The image's, and over them those that were asked for.
fn labels(config: &Config, defaults: &ContainerConfig) -> BTreeMap<String, String> {
    let mut labels = defaults.labels();
    labels.extend(config.labels.clone());
    labels
}

/// What our runtime is called by who may ask for it.
const RUNTIMES: [&str; 4] = ["", "mini-runc", "runc", "io.containerd.runc.v2"];

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

#[cfg(test)]
mod tests;
