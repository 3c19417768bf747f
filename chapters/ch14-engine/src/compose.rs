//! From wishes and an image to a runtime specification: docker's defaults, the image's, the command line's.

use std::path::{Path, PathBuf};

use images::ContainerConfig;
use process::{DEFAULT_PATH, Diagnose};
use runtime::spec::{
    CapabilitySets, DeviceRule, IdRange, Kind, Linux, Mount, Namespace, OCI_VERSION, Process, Root, Spec, User,
};
use thiserror::Error;

use crate::defaults;
use crate::devices::{self, DeviceError};
use crate::environment::{self, Environment, EnvironmentError};
use crate::limits::{self, LimitError};
use crate::options::{Network, RunOptions};
use crate::security::{self, SecurityError};
use crate::user::Resolved;

/// Where `--init` puts the reaper, as docker does.
pub(crate) const INIT_INSIDE: &str = "/sbin/docker-init";

/// Why no specification came of it.
#[derive(Debug, Error)]
pub enum ComposeError {
    /// Neither the command line nor the image says what to run.
    #[error("no command specified")]
    NoCommand,
    /// `--tmpfs`, `--workdir`.
    #[error("invalid {flag} {value:?}: the path must be absolute")]
    Relative {
        /// The flag.
        flag: &'static str,
        /// What was given.
        value: PathBuf,
    },
    /// A rule for names.
    #[error("invalid hostname {0:?}: 1 to 64 letters, digits, '-', '_' and '.', and no '-' at either end")]
    Hostname(String),
    /// Limits.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// Capabilities, filters.
    #[error(transparent)]
    Security(#[from] SecurityError),
    /// Devices.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Variables.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
}

impl Diagnose for ComposeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoCommand => Some("the image has no default command: name one after the image".into()),
            Self::Limit(error) => error.hint(),
            Self::Security(error) => error.hint(),
            Self::Device(error) => error.hint(),
            Self::Environment(error) => error.hint(),
            Self::Relative { .. } | Self::Hostname(_) => None,
        }
    }
}

/// What only the running engine knows.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    /// The 64 digits.
    pub id: &'a str,
    /// Name of the machine.
    pub host_name: &'a str,
    /// How many processors the machine has.
    pub processors: usize,
    /// Files of ours that the container sees: source and destination.
    pub files: Vec<(PathBuf, &'static str)>,
    /// The reaper's binary, if `--init` asks for it.
    pub init: Option<PathBuf>,
    /// The user, looked up in the image.
    pub user: Resolved,
    /// Ids of its user namespace, if it has one: the same for users and groups.
    pub ids: Option<IdRange>,
    /// Terminal size.
    pub console: Option<runtime::spec::ConsoleSize>,
}

/// Checks what can be checked before anything exists, so that a typing error costs nothing.
///
/// # Errors
/// [`ComposeError`].
pub(crate) fn check(options: &RunOptions, processors: usize) -> Result<(), ComposeError> {
    limits::limits(&options.limits, processors)?;
    security::decide(options)?;
    options.devices.iter().try_for_each(|text| devices::parse(text).map(drop))?;
    options.env.iter().try_for_each(|entry| environment::check(entry))?;
    options.env_files.iter().try_for_each(|path| environment::read_file(path).map(drop))?;
    options.tmpfs.iter().try_for_each(|text| tmpfs(text).map(drop))?;
    if let Some(path) = options.workdir.as_ref().filter(|path| !path.is_absolute()) {
        return Err(ComposeError::Relative { flag: "--workdir", value: path.clone() });
    }
    match &options.hostname {
        Some(name) if !is_hostname(name) => Err(ComposeError::Hostname(name.clone())),
        _ => Ok(()),
    }
}

/// The host name inside: asked for, the host's if its network is shared, or the short id.
pub(crate) fn hostname(options: &RunOptions, id: &str, host_name: &str) -> String {
    match (&options.hostname, options.network) {
        (Some(name), _) => name.clone(),
        (None, Network::Host) => host_name.into(),
        (None, Network::None) if options.host_uts => host_name.into(),
        (None, Network::None) => id[..12].into(),
    }
}

/// The working directory inside.
pub(crate) fn workdir(options: &RunOptions, image: &ContainerConfig) -> PathBuf {
    match &options.workdir {
        Some(path) => path.clone(),
        None if image.working_dir.is_empty() => "/".into(),
        None => Path::new("/").join(&image.working_dir),
    }
}

/// The whole specification.
///
/// # Errors
/// [`ComposeError`].
pub(crate) fn compose(options: &RunOptions, image: &ContainerConfig, facts: Facts) -> Result<Spec, ComposeError> {
    let security = security::decide(options)?;
    let hostname = hostname(options, facts.id, facts.host_name);
    let args = command(options, image, facts.init.is_some())?;
    let env = variables(options, image, &hostname, &facts.user.home)?;
    let mut resources = limits::limits(&options.limits, facts.processors)?;
    resources.devices = vec![DeviceRule::all(options.privileged)];
    let mut nodes = if options.privileged { devices::of_the_host() } else { Vec::new() };
    for text in &options.devices {
        let (node, rule) = devices::parse(text)?;
        nodes.retain(|other| other.path != node.path);
        nodes.push(node);
        resources.devices.push(rule);
    }
    let own_network = options.network != Network::Host;
    let own_users = facts.ids.is_some();
    let paths = |list: Vec<PathBuf>| if security.mask_system_paths { list } else { Vec::new() };
    Ok(Spec {
        oci_version: OCI_VERSION.into(),
        process: Some(Process {
            terminal: options.tty,
            console_size: facts.console,
            user: User { umask: Some(0o022), ..facts.user.user },
            args,
            env,
            cwd: workdir(options, image),
            capabilities: Some(CapabilitySets::docker(security.capabilities)),
            rlimits: options.ulimits.clone(),
            no_new_privileges: security.no_new_privileges,
            ..Process::default()
        }),
        // The engine hands the runtime a mounted overlay; the path is for people who read the file.
        root: Some(Root { path: "rootfs".into(), readonly: options.read_only }),
        hostname: if options.host_uts { String::new() } else { hostname },
        mounts: mounts(options, facts.files, facts.init)?,
        linux: Linux {
            namespaces: namespaces(options, own_users),
            uid_mappings: facts.ids.into_iter().collect(),
            gid_mappings: facts.ids.into_iter().collect(),
            devices: nodes,
            cgroups_path: runtime::cgroup_of(facts.id).display().to_string(),
            resources,
            seccomp: security.seccomp.map(|profile| profile.resolve(&security.capabilities)),
            // The range of groups that may ping must be mapped in the user namespace, where there is one.
            sysctl: defaults::network_sysctls()
                .into_iter()
                .filter(|(name, _)| own_network && !(own_users && name.ends_with("ping_group_range")))
                .collect(),
            masked_paths: paths(rootfs::defaults::masked_paths()),
            readonly_paths: paths(rootfs::defaults::readonly_paths()),
            ..Linux::default()
        },
        ..Spec::default()
    })
}

/// Docker's rule: a new entrypoint forgets the image's command.
fn command(options: &RunOptions, image: &ContainerConfig, init: bool) -> Result<Vec<String>, ComposeError> {
    let entrypoint = match &options.entrypoint {
        Some(text) if text.is_empty() => Vec::new(),
        Some(text) => vec![text.clone()],
        None => image.entrypoint.clone().unwrap_or_default(),
    };
    let arguments = match (&options.command[..], &options.entrypoint) {
        ([], None) => image.cmd.clone().unwrap_or_default(),
        (given, _) => given.to_vec(),
    };
    let command: Vec<String> = entrypoint.into_iter().chain(arguments).collect();
    if command.is_empty() {
        return Err(ComposeError::NoCommand);
    }
    let reaper = [INIT_INSIDE, "--"].map(str::to_owned);
    Ok(reaper.into_iter().filter(|_| init).chain(command).collect())
}

fn variables(
    options: &RunOptions,
    image: &ContainerConfig,
    hostname: &str,
    home: &str,
) -> Result<Vec<String>, ComposeError> {
    let mut environment = Environment::default();
    environment.set(&format!("PATH={DEFAULT_PATH}"));
    environment.set(&format!("HOSTNAME={hostname}"));
    if options.tty {
        environment.set("TERM=xterm");
    }
    image.env.iter().flatten().for_each(|entry| environment.set(entry));
    for path in &options.env_files {
        environment::read_file(path)?.iter().for_each(|entry| environment.set(entry));
    }
    options.env.iter().for_each(|entry| environment.set(entry));
    if !environment.has("HOME") {
        environment.set(&format!("HOME={home}"));
    }
    Ok(environment.into_entries())
}

fn mounts(
    options: &RunOptions,
    files: Vec<(PathBuf, &'static str)>,
    init: Option<PathBuf>,
) -> Result<Vec<Mount>, ComposeError> {
    let mut mounts = defaults::mounts(options.privileged);
    if options.host_ipc {
        // The host's segments, not new ones. Its queues need no such care: they belong to the IPC namespace.
        mounts.retain(|mount| mount.destination != Path::new("/dev/shm"));
        mounts.push(defaults::bind_file("/dev/shm".into(), "/dev/shm"));
    }
    for (source, destination) in files {
        let mut mount = defaults::bind_file(source, destination);
        mount.options.extend(options.read_only.then(|| "ro".to_owned()));
        mounts.push(mount);
    }
    if let Some(source) = init {
        let mut mount = defaults::bind_file(source, INIT_INSIDE);
        mount.options.extend(["ro", "nosuid", "nodev"].map(str::to_owned));
        mounts.push(mount);
    }
    for text in &options.tmpfs {
        mounts.push(tmpfs(text)?);
    }
    Ok(mounts)
}

/// `/path[:options]`, with docker's defaults in front.
fn tmpfs(text: &str) -> Result<Mount, ComposeError> {
    let (path, options) = text.split_once(':').unwrap_or((text, ""));
    if !path.starts_with('/') {
        return Err(ComposeError::Relative { flag: "--tmpfs", value: path.into() });
    }
    let given = options.split(',').filter(|option| !option.is_empty()).map(str::to_owned);
    Ok(Mount {
        destination: path.into(),
        kind: "tmpfs".into(),
        source: Some("tmpfs".into()),
        options: ["noexec", "nosuid", "nodev"].map(str::to_owned).into_iter().chain(given).collect(),
    })
}

fn namespaces(options: &RunOptions, own_users: bool) -> Vec<Namespace> {
    let shared = |kind: Kind| match kind {
        Kind::Net => options.network == Network::Host,
        Kind::Uts => options.host_uts,
        Kind::Pid => options.host_pid,
        Kind::Ipc => options.host_ipc,
        _ => false,
    };
    let mut list = Namespace::docker_default();
    list.retain(|new| !shared(new.kind));
    list.extend(own_users.then_some(Kind::User.into()));
    list
}

fn is_hostname(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests;
