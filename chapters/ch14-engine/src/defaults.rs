//! What docker gives every container: mounts, masks, devices, kernel parameters.

use std::path::PathBuf;

use runtime::spec::{DeviceRule, Mount};

/// Read, write, and make nodes.
const ALL: &str = "rwm";

fn mount(destination: &str, kind: &str, source: &str, options: &[&str]) -> Mount {
    Mount {
        destination: destination.into(),
        kind: kind.into(),
        source: Some(source.into()),
        options: options.iter().map(|option| (*option).to_owned()).collect(),
    }
}

/// The file systems, in the order in which they are mounted. With `writable`, as for `--privileged`, `/sys` and the
/// cgroups can be written.
pub fn mounts(writable: bool) -> Vec<Mount> {
    let access = if writable { "rw" } else { "ro" };
    vec![
        mount("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"]),
        mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount(
            "/dev/pts",
            "devpts",
            "devpts",
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        ),
        mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", access]),
        mount("/sys/fs/cgroup", "cgroup", "cgroup", &[access, "nosuid", "noexec", "nodev"]),
        mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        mount("/dev/shm", "tmpfs", "shm", &["nosuid", "noexec", "nodev", "mode=1777", "size=67108864"]),
    ]
}

/// A file of ours in place of one of the image's.
pub fn bind_file(source: PathBuf, destination: &str) -> Mount {
    Mount {
        destination: destination.into(),
        kind: "bind".into(),
        source: Some(source),
        options: vec!["bind".into(), "rprivate".into()],
    }
}

/// Paths that show nothing: they tell too much about the machine, or can hurt it.
pub fn masked_paths() -> Vec<PathBuf> {
    const PROC: [&str; 10] = [
        "acpi",
        "asound",
        "interrupts",
        "kcore",
        "keys",
        "latency_stats",
        "sched_debug",
        "scsi",
        "timer_list",
        "timer_stats",
    ];
    PROC.iter()
        .map(|name| PathBuf::from("/proc").join(name))
        .chain(["/sys/devices/virtual/powercap", "/sys/firmware"].map(PathBuf::from))
        .chain(thermal_throttles())
        .collect()
}

/// One directory per processor, where the processor has it: how hot it runs tells what others compute.
fn thermal_throttles() -> Vec<PathBuf> {
    let there = |path: &PathBuf| path.exists();
    // All processors of a machine are alike: the first one decides for all.
    if !there(&PathBuf::from("/sys/devices/system/cpu/cpu0/thermal_throttle")) {
        return Vec::new();
    }
    (0..).map(|number| PathBuf::from(format!("/sys/devices/system/cpu/cpu{number}/thermal_throttle"))).take_while(there).collect()
}

/// Paths that can be read only.
pub fn readonly_paths() -> Vec<PathBuf> {
    ["bus", "fs", "irq", "sys", "sysrq-trigger"].map(|name| PathBuf::from("/proc").join(name)).into()
}

/// No device at all; the runtime adds the harmless ones, which every container has.
pub fn device_rules() -> Vec<DeviceRule> {
    vec![DeviceRule { allow: false, kind: None, major: None, minor: None, access: Some(ALL.into()) }]
}

/// `--privileged`: every device.
pub fn all_devices() -> Vec<DeviceRule> {
    vec![DeviceRule { allow: true, kind: None, major: None, minor: None, access: Some(ALL.into()) }]
}

/// In a network namespace of its own a container may ping, and bind low ports, without being root.
pub fn network_sysctls() -> [(String, String); 2] {
    [
        ("net.ipv4.ip_unprivileged_port_start".into(), "0".into()),
        ("net.ipv4.ping_group_range".into(), "0 2147483647".into()),
    ]
}
