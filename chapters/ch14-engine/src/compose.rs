//! From a record and the facts of a start to a runtime specification. Nothing is asked of the machine here, nothing can
//! fail: the same record and facts give the same specification.

use std::path::{Path, PathBuf};

use process::DEFAULT_PATH;
use runtime::Text;
use runtime::environment::Environment;
use runtime::spec::{
    CapabilitySets, ConsoleSize, IdRange, Kind, Linux, Mount, Namespace, OCI_VERSION, Process, Root, Spec, User,
};
use runtime::user::Resolved;

use crate::defaults;
use crate::devices::Found;
use crate::record::ContainerRecord;

/// Where `--init` puts the reaper, as docker does.
pub(crate) const INIT_INSIDE: &str = "/sbin/docker-init";

/// What only a start knows.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    /// The 64 digits.
    pub id: &'a str,
    /// Name of the machine.
    pub host_name: &'a str,
    /// Files of ours that the container sees: source and destination.
    pub files: Vec<(PathBuf, &'static str)>,
    /// The reaper's binary, if `--init` asks for it.
    pub init: Option<PathBuf>,
    /// The user, looked up in the image.
    pub user: Resolved,
    /// Devices, looked up on the host.
    pub devices: Found,
    /// Ids of its user namespace, if it has one: the same for users and groups.
    pub ids: Option<IdRange>,
    /// Terminal size.
    pub console: Option<ConsoleSize>,
}

/// The host name inside: asked for, the host's if its network or names are shared, or the short id.
pub(crate) fn hostname(record: &ContainerRecord, id: &str, host_name: &str) -> String {
    match record.hostname.as_str() {
        "" if record.network.is_host() || record.uts.is_host() => host_name.into(),
        "" => id[..12].into(),
        name => name.into(),
    }
}

/// The whole specification.
pub(crate) fn compose(record: &ContainerRecord, facts: Facts) -> Spec {
    let hostname = hostname(record, facts.id, facts.host_name);
    let own_users = facts.ids.is_some();
    let mut limits = record.limits.clone();
    limits.devices.extend(facts.devices.rules);
    limits.block_io = runtime::spec::BlockIo { weight: limits.block_io.weight, ..facts.devices.block_io };
    let paths = |list: Vec<PathBuf>| if record.mask_system_paths { list } else { Vec::new() };
    // The range of groups that may ping must be mapped in the user namespace, where there is one.
    let mut sysctl: std::collections::BTreeMap<String, String> = defaults::network_sysctls()
        .into_iter()
        .filter(|(name, _)| !(record.network.is_host() || own_users && name.ends_with("ping_group_range")))
        .collect();
    sysctl.extend(record.sysctl.clone());
    Spec {
        oci_version: OCI_VERSION.into(),
        process: Some(Process {
            terminal: record.terminal,
            console_size: facts.console,
            args: arguments(record, facts.init.is_some()),
            env: variables(record, &hostname, &facts.user.home),
            user: User { umask: Some(0o022), ..facts.user.user },
            cwd: record.cwd.clone(),
            capabilities: Some(CapabilitySets::docker(record.capabilities)),
            rlimits: record.rlimits.clone(),
            no_new_privileges: record.no_new_privileges,
            oom_score_adj: record.oom_score_adj,
        }),
        // The engine hands the runtime a mounted overlay; the path is for people who read the file.
        root: Some(Root { path: "rootfs".into(), readonly: record.read_only }),
        hostname: if record.uts.is_host() { String::new() } else { hostname },
        domainname: record.domainname.clone(),
        mounts: mounts(record, facts.files, facts.init),
        annotations: record.annotations.clone(),
        linux: Linux {
            namespaces: namespaces(record, own_users),
            uid_mappings: facts.ids.into_iter().collect(),
            gid_mappings: facts.ids.into_iter().collect(),
            devices: facts.devices.nodes,
            cgroups_path: runtime::cgroup_of(facts.id).display().to_string(),
            resources: limits,
            seccomp: record.seccomp.clone(),
            sysctl,
            masked_paths: paths(rootfs::defaults::masked_paths()),
            readonly_paths: paths(rootfs::defaults::readonly_paths()),
            ..Linux::default()
        },
    }
}

fn arguments(record: &ContainerRecord, init: bool) -> Vec<Text> {
    let reaper = [INIT_INSIDE, "--"].map(Text::from);
    reaper.into_iter().filter(|_| init).chain(record.args.iter().cloned()).collect()
}

fn variables(record: &ContainerRecord, hostname: &str, home: &str) -> Vec<Text> {
    let mut environment = Environment::default();
    environment.set(format!("PATH={DEFAULT_PATH}").into());
    environment.set(format!("HOSTNAME={hostname}").into());
    if record.terminal {
        environment.set("TERM=xterm".into());
    }
    record.env.iter().for_each(|entry| environment.set(entry.clone()));
    environment.set_default(format!("HOME={home}").into());
    environment.into_entries()
}

fn mounts(record: &ContainerRecord, files: Vec<(PathBuf, &'static str)>, init: Option<PathBuf>) -> Vec<Mount> {
    let shm = Path::new("/dev/shm");
    let mut mounts = defaults::mounts(record.privileged);
    if record.ipc.is_host() {
        // The host's segments, not new ones. Its queues need no such care: they belong to the IPC namespace.
        mounts.retain(|mount| mount.destination != shm);
        mounts.push(defaults::bind_file(shm.into(), "/dev/shm"));
    } else if !record.shm {
        mounts.retain(|mount| mount.destination != shm);
    } else if let Some(bytes) = record.shm_size {
        for mount in mounts.iter_mut().filter(|mount| mount.destination == shm) {
            mount.options.retain(|option| !option.starts_with("size="));
            mount.options.push(format!("size={bytes}"));
        }
    }
    for (source, destination) in files {
        let mut mount = defaults::bind_file(source, destination);
        mount.options.extend(record.read_only.then(|| "ro".to_owned()));
        mounts.push(mount);
    }
    if let Some(source) = init {
        let mut mount = defaults::bind_file(source, INIT_INSIDE);
        mount.options.extend(["ro", "nosuid", "nodev"].map(str::to_owned));
        mounts.push(mount);
    }
    mounts.extend(record.tmpfs.iter().cloned());
    mounts
}

fn namespaces(record: &ContainerRecord, own_users: bool) -> Vec<Namespace> {
    let shared = |kind: Kind| match kind {
        Kind::Net => record.network.is_host(),
        Kind::Uts => record.uts.is_host(),
        Kind::Pid => record.pid.is_host(),
        Kind::Ipc => record.ipc.is_host(),
        Kind::Cgroup => record.cgroup.is_host(),
        _ => false,
    };
    let mut list = Namespace::docker_default();
    list.retain(|new| !shared(new.kind));
    list.extend(own_users.then_some(Kind::User.into()));
    list
}

#[cfg(test)]
mod tests;
