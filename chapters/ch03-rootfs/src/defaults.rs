//! What docker gives every container: file systems, masks, read-only paths.

use std::path::PathBuf;

use crate::device::Device;
use crate::mount::Mount;
use crate::rootfs::Rootfs;

impl Rootfs {
    /// Docker's defaults: all but the control groups, which the next chapter brings, and the files in `/etc`.
    pub fn docker_default() -> Self {
        Self {
            mounts: mounts(),
            devices: Device::defaults(),
            masked_paths: masked_paths(),
            readonly_paths: readonly_paths(),
            ..Self::default()
        }
    }
}

/// The file systems, in the order in which they are mounted.
pub fn mounts() -> Vec<Mount> {
    let mount = |destination: &str, kind: &str, source: &str, options: &[&str]| Mount {
        destination: destination.into(),
        kind: kind.into(),
        source: Some(source.into()),
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        ..Mount::default()
    };
    vec![
        mount("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"]),
        mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount(
            "/dev/pts",
            "devpts",
            "devpts",
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        ),
        mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
        mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        mount("/dev/shm", "tmpfs", "shm", &["nosuid", "noexec", "nodev", "mode=1777", "size=67108864"]),
    ]
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
    let of = |number: u32| PathBuf::from(format!("/sys/devices/system/cpu/cpu{number}/thermal_throttle"));
    // All processors of a machine are alike: where the first has none, none has.
    (0..u32::MAX).map(of).take_while(there).collect()
}

/// Paths that can be read only.
pub fn readonly_paths() -> Vec<PathBuf> {
    ["bus", "fs", "irq", "sys", "sysrq-trigger"].map(|name| PathBuf::from("/proc").join(name)).into()
}
