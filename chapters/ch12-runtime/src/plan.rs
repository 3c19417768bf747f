//! The specification, checked and turned into what the chapters below work with. Nothing is made here.

use std::path::{Path, PathBuf};

use cgroups::Layout;
use confinement::LabelError;
use confinement::label::has_selinux;
use namespaces::{IdMap, Kind, Namespaces};
use nix::sched::CloneFlags;
use rootfs::{Device, Mount, MountOptions, Rootfs};

use crate::error::PlanError;
use crate::process_plan::ProcessPlan;
use crate::spec::{Hooks, Spec};

/// The control group of a container whose specification names none.
pub fn cgroup_of(id: &str) -> PathBuf {
    PathBuf::from("/mini-docker").join(id)
}

/// Everything that the child needs, ready to use.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) namespaces: Namespaces,
    /// Users and groups, if the user namespace is new.
    pub(crate) ids: Option<(IdMap, IdMap)>,
    pub(crate) hostname: String,
    pub(crate) domainname: String,
    pub(crate) rootfs: Rootfs,
    pub(crate) sysctl: Vec<(PathBuf, String)>,
    pub(crate) process: ProcessPlan,
    pub(crate) hooks: Hooks,
    pub(crate) layout: Layout,
    pub(crate) cgroups_path: PathBuf,
    pub(crate) limits: cgroups::Limits,
}

impl Plan {
    /// Reads all of `spec`. Compiled filters are kept in `cache`, if that is given.
    pub(crate) fn new(spec: &Spec, id: &str, cache: Option<&Path>) -> Result<Self, PlanError> {
        if !is_id(id) {
            return Err(PlanError::Invalid { field: "container id", value: id.into() });
        }
        let process = spec.process.as_ref().ok_or(PlanError::Missing("process"))?;
        let root = spec.root.as_ref().ok_or(PlanError::Missing("root"))?;
        let namespaces = namespaces(spec)?;
        let sysctl = sysctl(spec, &namespaces)?;
        let named = !spec.hostname.is_empty() || !spec.domainname.is_empty();
        if named && namespaces.is_host(Kind::Uts) {
            return Err(PlanError::Unsupported("another name for the host".into()));
        }
        if !spec.linux.net_devices.is_empty() && namespaces.is_host(Kind::Net) {
            return Err(PlanError::Unsupported("network devices without a network of the container's own".into()));
        }
        if !spec.linux.mount_label.is_empty() && !has_selinux() {
            return Err(LabelError::NoSelinux.into());
        }
        let layout = Layout::detect()?;
        let process = ProcessPlan::new(process, &spec.linux, cache)?;
        let cgroups_path =
            if spec.linux.cgroups_path.is_empty() { cgroup_of(id) } else { PathBuf::from(&spec.linux.cgroups_path) };
        Ok(Self {
            ids: if namespaces.is_new(Kind::User) { Some(id_maps(spec)?) } else { None },
            rootfs: rootfs(spec, root.readonly, &layout, !namespaces.is_host(Kind::Cgroup), &cgroups_path),
            namespaces,
            hostname: spec.hostname.clone(),
            domainname: spec.domainname.clone(),
            sysctl,
            process,
            hooks: spec.hooks.clone(),
            layout,
            cgroups_path,
            limits: spec.linux.resources.clone().with_harmless_devices(),
        })
    }

    /// What `clone3` makes. Two namespaces come later, from inside: one of control groups begins where its maker is, and
    /// one that gets a host name is made with it.
    pub(crate) fn clone_flags(&self) -> CloneFlags {
        let named = if self.hostname.is_empty() { CloneFlags::empty() } else { CloneFlags::CLONE_NEWUTS };
        self.namespaces.clone_flags() - CloneFlags::CLONE_NEWCGROUP - named
    }
}

/// An id becomes a part of paths, and must be no path itself. The rule is runc's.
pub(crate) fn is_id(id: &str) -> bool {
    !matches!(id, "" | "." | "..")
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'-' | b'.'))
}

fn namespaces(spec: &Spec) -> Result<Namespaces, PlanError> {
    let namespaces = Namespaces::from_list(&spec.linux.namespaces)?;
    if namespaces.is_host(Kind::Mount) {
        return Err(PlanError::Unsupported("a container in the host's mount namespace".into()));
    }
    Ok(namespaces.with_time_offsets(spec.linux.time_offsets))
}

fn id_maps(spec: &Spec) -> Result<(IdMap, IdMap), PlanError> {
    Ok((IdMap::new(spec.linux.uid_mappings.clone())?, IdMap::new(spec.linux.gid_mappings.clone())?))
}

fn rootfs(spec: &Spec, readonly: bool, layout: &Layout, own_namespace: bool, group: &Path) -> Rootfs {
    let mut mounts = Vec::with_capacity(spec.mounts.len() + 8);
    for mount in &spec.mounts {
        if mount.kind == "cgroup" {
            // What this is depends on the machine: one file system on v2, one for each hierarchy on v1.
            let read_only = mount.options.iter().any(|option| option == "ro");
            mounts.extend(if own_namespace {
                cgroups::cgroup_mounts(layout, &mount.destination, read_only)
            } else {
                cgroups::group_mounts(layout, &mount.destination, read_only, group)
            });
        } else {
            mounts.push(adapted(mount.clone(), spec));
        }
    }
    let mut devices = Device::defaults();
    devices.retain(|default| spec.linux.devices.iter().all(|device| device.path != default.path));
    devices.extend_from_slice(&spec.linux.devices);
    Rootfs {
        mounts,
        devices,
        masked_paths: spec.linux.masked_paths.clone(),
        readonly_paths: spec.linux.readonly_paths.clone(),
        readonly,
        working_directory: spec.process.as_ref().map(|process| process.cwd.clone()),
        console: spec.process.as_ref().is_some_and(|process| process.terminal),
        propagation: spec.linux.rootfs_propagation.clone(),
    }
}

/// An id-mapped mount without ids of its own has the container's, if that has some; and what the kernel makes anew is
/// labelled for `SELinux`.
fn adapted(mount: Mount, spec: &Spec) -> Mount {
    let own = spec.linux.namespaces.iter().any(|namespace| namespace.kind == Kind::User && namespace.path.is_none());
    let asks = MountOptions::parse(&mount.options).id_map.is_some();
    let (uid_mappings, gid_mappings) = match (own && asks, &mount.uid_mappings[..], &mount.gid_mappings[..]) {
        (true, [], []) => (spec.linux.uid_mappings.clone(), spec.linux.gid_mappings.clone()),
        _ => (mount.uid_mappings, mount.gid_mappings),
    };
    let mut options = mount.options;
    let labelled = matches!(mount.kind.as_str(), "tmpfs" | "devpts") && !spec.linux.mount_label.is_empty();
    options.extend(labelled.then(|| format!("context={}", spec.linux.mount_label)));
    // A relative place is one below the root.
    Mount { destination: Path::new("/").join(mount.destination), options, uid_mappings, gid_mappings, ..mount }
}

/// `net.ipv4.ip_forward` is `sys/net/ipv4/ip_forward` of procfs. Only what belongs to a namespace of the container may be
/// written: everything else is the whole machine's.
fn sysctl(spec: &Spec, namespaces: &Namespaces) -> Result<Vec<(PathBuf, String)>, PlanError> {
    spec.linux
        .sysctl
        .iter()
        .map(|(name, value)| {
            let path = PathBuf::from("sys").join(name.replace('.', "/"));
            let plain = path.components().all(|part| !matches!(part, std::path::Component::ParentDir));
            if !plain || name.is_empty() || name.starts_with('/') {
                return Err(PlanError::Invalid { field: "linux.sysctl", value: name.clone() });
            }
            match sysctl_namespace(&name.replace('/', ".")) {
                Some(kind) if !namespaces.is_host(kind) => Ok((path, value.clone())),
                _ => Err(PlanError::Unsupported(format!("a change of the host's kernel parameter {name}"))),
            }
        })
        .collect()
}

/// The namespace that a kernel parameter belongs to; the list is runc's.
fn sysctl_namespace(name: &str) -> Option<Kind> {
    const IPC: [&str; 8] = ["msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced"];
    match name.split_once('.')? {
        ("net", _) => Some(Kind::Net),
        ("kernel", "domainname" | "hostname") => Some(Kind::Uts),
        ("kernel", rest) if IPC.contains(&rest) => Some(Kind::Ipc),
        ("fs", rest) if rest.starts_with("mqueue.") => Some(Kind::Ipc),
        _ => None,
    }
}
