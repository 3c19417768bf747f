//! What is true of this machine: gathered here, judged by [`super::doctor`].

use std::fs;
use std::path::Path;
use std::process::Command;

use super::kvm::{self, Trial};

/// Everything that containers depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a yes or no about the machine")]
pub(crate) struct Facts {
    pub(crate) kernel: (u32, u32),
    pub(crate) root: bool,
    /// Whether root is as powerful as root is: in a container it is not.
    pub(crate) admin: bool,
    pub(crate) user_namespaces: bool,
    /// Settings that keep users other than root from making user namespaces.
    pub(crate) only_for_root: Vec<&'static str>,
    pub(crate) overlay: bool,
    pub(crate) seccomp: bool,
    /// `v1`, `hybrid`, `v2`, or nothing.
    pub(crate) cgroups: Option<String>,
    pub(crate) controllers: Vec<String>,
    pub(crate) busybox: bool,
    pub(crate) linker: bool,
    /// Megabytes.
    pub(crate) free_disk: u64,
    /// What was tried with it.
    pub(crate) kvm: String,
}

/// Kernel parameters, and the values at which they restrict: Debian's, Ubuntu's.
const RESTRICTIONS: [(&str, &str); 2] =
    [("kernel.unprivileged_userns_clone", "0"), ("kernel.apparmor_restrict_unprivileged_userns", "1")];

impl Facts {
    /// Of the machine, for the workspace at `root`.
    pub(crate) fn gather(root: &Path) -> Self {
        let mounts = read("/proc/self/mountinfo");
        Self {
            kernel: version(&read("/proc/sys/kernel/osrelease")),
            root: is_root(),
            admin: has_admin(&read("/proc/self/status")),
            user_namespaces: Path::new("/proc/self/ns/user").exists()
                && read("/proc/sys/user/max_user_namespaces").trim() != "0",
            only_for_root: RESTRICTIONS
                .into_iter()
                .filter(|(name, value)| read(&format!("/proc/sys/{}", name.replace('.', "/"))).trim() == *value)
                .map(|(name, _)| name)
                .collect(),
            overlay: read("/proc/filesystems").lines().any(|line| line.ends_with("overlay")) || modprobe("overlay"),
            seccomp: read("/proc/sys/kernel/seccomp/actions_avail").contains("errno"),
            cgroups: layout(&mounts),
            controllers: controllers(&mounts),
            busybox: ["/bin/busybox", "/usr/bin/busybox"].iter().any(|path| Path::new(path).exists()),
            linker: succeeds(Command::new("cc").arg("--version")),
            free_disk: free_disk(),
            kvm: kvm::describe(Path::new("/dev/kvm").exists(), Trial::last(root).as_ref()),
        }
    }
}

/// Whether we are root, by the file that says so.
pub fn is_root() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"))
    })
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Whether `CAP_SYS_ADMIN` is among the effective capabilities (`capabilities(7)`).
fn has_admin(status: &str) -> bool {
    const CAP_SYS_ADMIN: u64 = 21;
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let set = line.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    set.is_some_and(|set| set & (1 << CAP_SYS_ADMIN) != 0)
}

/// Whether the module could be loaded, without loading it.
fn modprobe(module: &str) -> bool {
    succeeds(Command::new("modprobe").args(["--dry-run", "--quiet", module]))
}

pub(crate) fn version(release: &str) -> (u32, u32) {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// File system type, mount point and options of every cgroup mount.
fn cgroup_mounts(mounts: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    mounts.lines().filter_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut right = right.split(' ');
        let (kind, options) = (right.next()?, right.nth(1)?);
        kind.starts_with("cgroup").then_some((kind, left.split(' ').nth(4)?, options))
    })
}

/// `v1`, `hybrid` or `v2`, by the mounts of `/proc/PID/mountinfo`.
pub fn layout(mounts: &str) -> Option<String> {
    let v1 = cgroup_mounts(mounts).any(|(kind, _, options)| kind == "cgroup" && !options.contains("name="));
    let v2 = cgroup_mounts(mounts).any(|(kind, ..)| kind == "cgroup2");
    match (v1, v2) {
        (true, true) => Some("hybrid".into()),
        (true, false) => Some("v1".into()),
        (false, true) => Some("v2".into()),
        (false, false) => None,
    }
}

fn controllers(mounts: &str) -> Vec<String> {
    const KNOWN: [&str; 7] = ["memory", "cpu", "cpuset", "pids", "blkio", "io", "devices"];
    let mut found: Vec<String> = cgroup_mounts(mounts)
        .flat_map(|(kind, point, options)| match kind {
            "cgroup2" => read(&format!("{point}/cgroup.controllers")).split_whitespace().map(str::to_owned).collect(),
            _ => options.split(',').map(str::to_owned).collect::<Vec<_>>(),
        })
        .filter(|name| KNOWN.contains(&name.as_str()))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// By `df`, of the current directory.
fn free_disk() -> u64 {
    let output = Command::new("df").args(["-Pm", "."]).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().nth(1).and_then(|line| line.split_whitespace().nth(3)?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "26 24 0:23 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
    const V2: &str = "27 24 0:24 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    const NAMED: &str = "28 24 0:25 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n";

    #[test]
    fn layouts_are_told_apart() {
        assert_eq!(layout(&[V1, V2].concat()).as_deref(), Some("hybrid"));
        assert_eq!(layout(V1).as_deref(), Some("v1"));
        // A hierarchy with a name and no controller limits nothing.
        assert_eq!(layout(&[V2, NAMED].concat()).as_deref(), Some("v2"));
        assert_eq!(layout(NAMED), None);
    }

    #[test]
    fn versions_have_two_numbers() {
        assert_eq!(version("6.1.0-56-cloud-amd64"), (6, 1));
        assert_eq!(version("5.15-rc3"), (5, 15));
        assert_eq!(version(""), (0, 0));
    }

    #[test]
    fn root_in_a_container_is_not_as_powerful() {
        assert!(has_admin("Name:\tx\nCapEff:\t000001ffffffffff\n"));
        assert!(!has_admin("CapEff:\t00000000a80425fb\n"));
    }
}
