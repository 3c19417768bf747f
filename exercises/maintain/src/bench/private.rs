//! A place where other engines may do as they like: what they write below `/run` and elsewhere, their network and their
//! mounts are gone afterwards.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount, umount};
use nix::sched::{CloneFlags, unshare};

/// Directories that engines write to without being asked.
const WRITTEN: [&str; 5] = ["/run", "/dev/shm", "/etc/docker", "/opt/containerd", "/var/lib/containers"];
const CGROUPS: &str = "/sys/fs/cgroup";

/// The place. When it is dropped, what it had to make outside of itself is removed.
#[derive(Debug)]
pub(crate) struct Private {
    group: String,
    made: Vec<PathBuf>,
    hugetlb: Option<PathBuf>,
}

impl Private {
    /// Enters it with the calling thread, and whatever that starts from now on.
    pub(crate) fn enter() -> Result<Self> {
        let none = None::<&str>;
        unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET).context("make mount and network namespaces")?;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).context("make all mounts private")?;
        let mut private = Self { group: format!("wb-peers-{}", std::process::id()), made: Vec::new(), hugetlb: None };
        let resolver = fs::read("/etc/resolv.conf");
        for directory in WRITTEN.map(Path::new) {
            if !directory.exists() {
                fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
                private.made.push(directory.into());
            }
            mount(Some("tmpfs"), directory, Some("tmpfs"), MsFlags::empty(), Some("mode=755"))
                .with_context(|| format!("mount a tmpfs on {}", directory.display()))?;
        }
        keep_resolver(resolver.ok())?;
        private.mount_hugetlb()?;
        Ok(private)
    }

    /// The control group that everyone is asked to work in.
    pub(crate) fn group(&self) -> &str {
        &self.group
    }

    /// Where cgroup v1 is in use, crun wants all of it: with one controller left out, it does not start.
    fn mount_hugetlb(&mut self) -> Result<()> {
        let directory = Path::new(CGROUPS).join("hugetlb");
        let known =
            fs::read_to_string("/proc/cgroups").unwrap_or_default().lines().any(|line| line.starts_with("hugetlb"));
        if Path::new(CGROUPS).join("cgroup.procs").exists() || directory.exists() || !known {
            return Ok(());
        }
        fs::create_dir(&directory).with_context(|| format!("create {}", directory.display()))?;
        self.hugetlb = Some(directory.clone());
        mount(Some("cgroup"), &directory, Some("cgroup"), MsFlags::empty(), Some("hugetlb"))
            .with_context(|| format!("mount the hugetlb controller on {}", directory.display()))
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        // Each step for itself: what cannot be removed must not keep the rest.
        let hierarchies = fs::read_dir(CGROUPS).into_iter().flatten().flatten().map(|entry| entry.path());
        for hierarchy in hierarchies.chain([CGROUPS.into()]) {
            remove_groups(&hierarchy.join(&self.group));
        }
        if let Some(directory) = &self.hugetlb {
            let _ = umount(directory);
            let _ = fs::remove_dir(directory);
        }
        for directory in &self.made {
            let _ = umount(directory);
            let _ = fs::remove_dir(directory);
        }
    }
}

/// Where systemd resolves names, `/etc/resolv.conf` is a link into `/run`.
fn keep_resolver(content: Option<Vec<u8>>) -> Result<()> {
    let (Some(content), Ok(target)) = (content, fs::read_link("/etc/resolv.conf")) else { return Ok(()) };
    let target = Path::new("/etc").join(target);
    if let Some(directory) = target.parent() {
        fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    }
    fs::write(&target, content).with_context(|| format!("write {}", target.display()))
}

/// Control groups are directories whose files cannot be removed, and need not be.
fn remove_groups(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_groups(&entry.path());
        }
    }
    let _ = fs::remove_dir(directory);
}
