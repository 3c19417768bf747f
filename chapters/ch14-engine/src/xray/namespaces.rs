//! Which namespaces a container has, and with whom it shares them: two processes are in the same one exactly when the inode
//! numbers of their files are equal.

use ::namespaces::Kind;
use process::ProcDir;
use serde::Serialize;

/// One kind of namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NamespaceSeen {
    /// `mnt`, `net`, …: the name of its file in `/proc/PID/ns`.
    pub kind: &'static str,
    /// The inode number of ours.
    pub host: u64,
    /// The inode number of the container's.
    pub container: u64,
    /// Whether the two are one.
    pub shared: bool,
    /// Names of other containers that are in it, too.
    pub shared_with: Vec<String>,
}

/// In the order of `ls /proc/PID/ns`.
pub(super) fn look(first: &ProcDir, others: &[(String, ProcDir)]) -> Vec<NamespaceSeen> {
    let Ok(own) = ProcDir::open(nix::unistd::getpid().as_raw()) else { return Vec::new() };
    let mut kinds = Kind::ALL.map(Kind::proc_name);
    kinds.sort_unstable();
    let seen = kinds.into_iter().filter_map(|kind| {
        let file = format!("ns/{kind}");
        let (host, container) = (own.inode(&file).ok()?, first.inode(&file).ok()?);
        let shared = host == container;
        // Who shares the host's shares it with everybody.
        let same = |other: &&(String, ProcDir)| !shared && other.1.inode(&file).is_ok_and(|inode| inode == container);
        let shared_with = others.iter().filter(same).map(|(name, _)| name.clone()).collect();
        Some(NamespaceSeen { kind, host, container, shared, shared_with })
    });
    seen.collect()
}
