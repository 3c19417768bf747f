//! From a record and the facts of a start to a runtime specification. Nothing is asked of the machine here, nothing can
//! fail: the same record and facts give the same specification.

use std::path::{Path, PathBuf};

use runtime::Text;
use runtime::environment::Environment;
use runtime::spec::{
    BlockIo, ConsoleSize, Hooks, IdRange, Kind, Linux, Mount, Namespace, OCI_VERSION, Process, Root, Spec, User,
};
use runtime::user::Resolved;

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
    /// Namespaces of other containers.
    pub joined: Vec<Namespace>,
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

/// The whole specification: docker's defaults, and what the record and the facts make of them.
pub(crate) fn compose(record: &ContainerRecord, facts: Facts) -> Spec {
    let hostname = hostname(record, facts.id, facts.host_name);
    let own_users = facts.ids.is_some();
    let mut limits = record.limits.clone();
    limits.devices.extend(facts.devices.rules);
    limits.block_io = BlockIo { weight: limits.block_io.weight, ..facts.devices.block_io };
    let Spec { process, mounts, linux, .. } = Spec::docker_unfiltered(record.capabilities);
    let paths = |list: Vec<PathBuf>| if record.mask_system_paths { list } else { Vec::new() };
    let mut sysctl = linux.sysctl;
    // The range of groups that may ping must be mapped in the user namespace, where there is one.
    sysctl.retain(|name, _| !(record.network.is_host() || own_users && name.ends_with("ping_group_range")));
    sysctl.extend(record.sysctl.clone());
    Spec {
        hooks: Hooks::default(),
        oci_version: OCI_VERSION.into(),
        process: process.map(|process| Process {
            terminal: record.terminal,
            console_size: facts.console,
            args: arguments(record, facts.init.is_some()),
            env: variables(record, process.env, &hostname, &facts.user.home),
            user: User { umask: process.user.umask, ..facts.user.user },
            cwd: record.cwd.clone(),
            capabilities: process.capabilities,
            rlimits: record.rlimits.clone(),
            no_new_privileges: record.no_new_privileges,
            oom_score_adj: record.oom_score_adj,
            ..Process::default()
        }),
        // The engine hands the runtime a mounted overlay; the path is for people who read the file.
        root: Some(Root { path: "rootfs".into(), readonly: record.read_only }),
        hostname: if record.uts.is_host() { String::new() } else { hostname },
        domainname: record.domainname.clone(),
        mounts: change(mounts, record, facts.files, facts.init),
        annotations: record.annotations.clone(),
        linux: Linux {
            namespaces: namespaces(linux.namespaces, record, own_users, facts.joined),
            uid_mappings: facts.ids.into_iter().collect(),
            gid_mappings: facts.ids.into_iter().collect(),
            devices: facts.devices.nodes,
            cgroups_path: record.group(facts.id).display().to_string(),
            resources: limits,
            seccomp: record.seccomp.resolve(record.capabilities),
            sysctl,
            masked_paths: paths(linux.masked_paths),
            readonly_paths: paths(linux.readonly_paths),
            ..Linux::default()
        },
    }
}

fn arguments(record: &ContainerRecord, init: bool) -> Vec<Text> {
    let reaper = [INIT_INSIDE, "--"].map(Text::from);
    reaper.into_iter().filter(|_| init).chain(record.args.iter().cloned()).collect()
}

fn variables(record: &ContainerRecord, defaults: Vec<Text>, hostname: &str, home: &str) -> Vec<Text> {
    let mut environment = Environment::default();
    for entry in defaults {
        environment.set(entry);
    }
    environment.set(format!("HOSTNAME={hostname}").into());
    if record.terminal {
        environment.set("TERM=xterm".into());
    }
    record.env.iter().for_each(|entry| environment.set(entry.clone()));
    environment.set_default(format!("HOME={home}").into());
    environment.into_entries()
}

/// Docker's mounts, as the record wants them, and those of our files.
fn change(
    mut mounts: Vec<Mount>,
    record: &ContainerRecord,
    files: Vec<(PathBuf, &'static str)>,
    init: Option<PathBuf>,
) -> Vec<Mount> {
    let shm = Path::new("/dev/shm");
    if record.privileged {
        // `/sys` and the control groups can be written to.
        for option in mounts.iter_mut().flat_map(|mount| &mut mount.options).filter(|option| *option == "ro") {
            "rw".clone_into(option);
        }
    }
    if record.ipc.is_host() || record.ipc.owner().is_some() {
        // The segments of whose namespace it is, not new ones. Its queues need no such care: they belong to the IPC namespace.
        // Of another container they come as a mount, and no path of the host's stands here that could be shown instead.
        mounts.retain(|mount| mount.destination != shm);
        let source = record.ipc.is_host().then(|| shm.into());
        mounts.push(Mount { source, ..bind(PathBuf::new(), "/dev/shm") });
    } else if !record.shm {
        mounts.retain(|mount| mount.destination != shm);
    } else if let Some(bytes) = record.shm_size {
        for mount in mounts.iter_mut().filter(|mount| mount.destination == shm) {
            mount.options.retain(|option| !option.starts_with("size="));
            mount.options.push(format!("size={bytes}"));
        }
    }
    for (source, destination) in files {
        let mut mount = bind(source, destination);
        mount.options.extend(record.read_only.then(|| "ro".to_owned()));
        mounts.push(mount);
    }
    if let Some(source) = init {
        let mut mount = bind(source, INIT_INSIDE);
        mount.options.extend(["ro", "nosuid", "nodev"].map(str::to_owned));
        mounts.push(mount);
    }
    mounts.extend(record.tmpfs.iter().cloned());
    mounts
}

/// A file of the host's in place of one of the image's.
fn bind(source: PathBuf, destination: &str) -> Mount {
    Mount {
        destination: destination.into(),
        kind: "bind".into(),
        source: Some(source),
        options: vec!["bind".into(), "rprivate".into()],
        ..Mount::default()
    }
}

fn namespaces(
    mut list: Vec<Namespace>,
    record: &ContainerRecord,
    own_users: bool,
    joined: Vec<Namespace>,
) -> Vec<Namespace> {
    let shared = |kind: Kind| match kind {
        Kind::Net => record.network.is_host(),
        Kind::Uts => record.uts.is_host(),
        Kind::Pid => record.pid.is_host(),
        Kind::Ipc => record.ipc.is_host(),
        Kind::Cgroup => record.cgroup.is_host(),
        _ => false,
    };
    list.retain(|new| !shared(new.kind) && joined.iter().all(|other| other.kind != new.kind));
    list.extend(joined);
    list.extend(own_users.then_some(Kind::User.into()));
    list
}

#[cfg(test)]
mod tests;
