//! A bundle that asks of a runtime what `mini-docker run` asks of ours: docker's namespaces, mounts, masks, devices,
//! capabilities and seccomp profile.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// What docker leaves to root in a container.
const CAPABILITIES: [&str; 14] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
];
/// Docker's profile, as chapter 5 has it.
const PROFILE: &str = "chapters/ch05-confinement/src/seccomp/default.json";
/// Files that an engine makes for each container and mounts over the image's.
const ETC: [&str; 3] = ["hosts", "hostname", "resolv.conf"];

/// A root file system out of the static busybox.
pub(crate) fn root_file_system(rootfs: &Path) -> Result<()> {
    let busybox = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| Path::new(path).is_file());
    let busybox = busybox.context("no static busybox\nhint: apt-get install busybox-static")?;
    for directory in ["bin", "dev", "etc", "proc", "sys", "tmp"] {
        let path = rootfs.join(directory);
        fs::create_dir_all(&path).with_context(|| format!("create {}", path.display()))?;
    }
    let inside = rootfs.join("bin/busybox");
    fs::copy(busybox, &inside).with_context(|| format!("copy {busybox} to {}", inside.display()))?;
    fs::set_permissions(&inside, fs::Permissions::from_mode(0o755))?;
    for applet in ["sh", "true", "cat", "echo"] {
        symlink("busybox", rootfs.join("bin").join(applet))?;
    }
    fs::write(rootfs.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n")?;
    fs::write(rootfs.join("etc/group"), "root:x:0:\n")?;
    ETC.iter().try_for_each(|file| fs::write(rootfs.join("etc").join(file), ""))?;
    Ok(())
}

/// The same as a tar archive, for engines that import one.
pub(crate) fn archive(rootfs: &Path, archive: &Path) -> Result<()> {
    let status = Command::new("tar").arg("-C").arg(rootfs).arg("-cf").args([archive, Path::new(".")]).status();
    if status.context("run tar")?.success() { Ok(()) } else { bail!("tar of {} failed", rootfs.display()) }
}

/// Docker's seccomp profile, with its conditions decided.
pub(crate) fn docker_profile(workspace: &Path) -> Result<Value> {
    let path = workspace.join(PROFILE);
    let profile = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let profile = serde_json::from_str(&profile).with_context(|| format!("parse {}", path.display()))?;
    Ok(seccomp(&profile))
}

/// Writes `config.json` and the files that it mounts. `group` is where its control group goes.
pub(crate) fn write(bundle: &Path, rootfs: &Path, group: &str, seccomp: Option<&Value>) -> Result<()> {
    fs::create_dir_all(bundle).with_context(|| format!("create {}", bundle.display()))?;
    ETC.iter().try_for_each(|file| fs::write(bundle.join(file), ""))?;
    let mut config = config(bundle, rootfs, group);
    if let Some(seccomp) = seccomp {
        config["linux"]["seccomp"] = seccomp.clone();
    }
    let path = bundle.join("config.json");
    fs::write(&path, serde_json::to_string_pretty(&config)?).with_context(|| format!("write {}", path.display()))
}

fn config(bundle: &Path, rootfs: &Path, group: &str) -> Value {
    let mount = |destination: &str, kind: &str, source: &str, options: &[&str]| json!({ "destination": destination, "type": kind, "source": source, "options": options });
    let mut mounts = vec![
        mount("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"]),
        mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount(
            "/dev/pts",
            "devpts",
            "devpts",
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        ),
        mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
        mount("/sys/fs/cgroup", "cgroup", "cgroup", &["ro", "nosuid", "noexec", "nodev"]),
        mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        mount("/dev/shm", "tmpfs", "shm", &["nosuid", "noexec", "nodev", "mode=1777", "size=67108864"]),
    ];
    mounts.extend(ETC.map(|file| {
        let source = bundle.join(file).display().to_string();
        mount(&format!("/etc/{file}"), "bind", &source, &["bind", "rprivate"])
    }));
    let namespaces = ["mount", "network", "uts", "pid", "ipc", "cgroup"].map(|kind| json!({ "type": kind }));
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": { "uid": 0, "gid": 0 },
            "args": ["true"],
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=peer", "HOME=/root"],
            "cwd": "/",
            "capabilities": { "bounding": CAPABILITIES, "effective": CAPABILITIES, "permitted": CAPABILITIES },
        },
        "root": { "path": rootfs },
        "hostname": "peer",
        "mounts": mounts,
        "linux": {
            "cgroupsPath": format!("/{group}/bundle"),
            "namespaces": namespaces,
            "resources": { "devices": [{ "allow": false, "access": "rwm" }] },
            "sysctl": { "net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647" },
            "maskedPaths": masked_paths(),
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    })
}

fn masked_paths() -> Vec<PathBuf> {
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
    let throttles = (0_u32..).map(|cpu| PathBuf::from(format!("/sys/devices/system/cpu/cpu{cpu}/thermal_throttle")));
    PROC.iter()
        .map(|name| Path::new("/proc").join(name))
        .chain(["/sys/devices/virtual/powercap", "/sys/firmware"].map(PathBuf::from))
        .chain(throttles.take_while(|path| path.exists()))
        .collect()
}

/// Docker's profile with its conditions decided, which is how the OCI specification wants it.
fn seccomp(profile: &Value) -> Value {
    let (seccomp_arch, docker_arch) = match std::env::consts::ARCH {
        "aarch64" => ("SCMP_ARCH_AARCH64", "arm64"),
        _ => ("SCMP_ARCH_X86_64", "amd64"),
    };
    let list = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let has_capability = |names: &[String]| names.iter().any(|name| CAPABILITIES.contains(&name.as_str()));
    let is_here = |names: &[String]| names.iter().any(|name| name == docker_arch);
    let applies = |rule: &&Value| {
        let (capabilities, architectures) = (list(&rule["includes"]["caps"]), list(&rule["includes"]["arches"]));
        let (without, elsewhere) = (list(&rule["excludes"]["caps"]), list(&rule["excludes"]["arches"]));
        (capabilities.is_empty() || has_capability(&capabilities))
            && (architectures.is_empty() || is_here(&architectures))
            && !has_capability(&without)
            && !is_here(&elsewhere)
    };
    let rules = profile["syscalls"].as_array().into_iter().flatten().filter(applies).map(|rule| {
        let mut plain = json!({ "names": rule["names"], "action": rule["action"] });
        for name in ["args", "errnoRet"] {
            if !rule[name].is_null() {
                plain[name] = rule[name].clone();
            }
        }
        plain
    });
    let families = profile["archMap"].as_array().into_iter().flatten();
    let mut architectures = vec![seccomp_arch.to_owned()];
    for family in families.filter(|family| family["architecture"] == seccomp_arch) {
        architectures.extend(list(&family["subArchitectures"]));
    }
    json!({
        "defaultAction": profile["defaultAction"],
        "defaultErrnoRet": profile["defaultErrnoRet"],
        "architectures": architectures,
        "syscalls": rules.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn conditions_of_the_profile_are_decided() {
        let profile = json!({
            "defaultAction": "SCMP_ACT_ERRNO",
            "defaultErrnoRet": 1,
            "archMap": [{ "architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"] }],
            "syscalls": [
                { "names": ["read"], "action": "SCMP_ACT_ALLOW" },
                { "names": ["chroot"], "action": "SCMP_ACT_ALLOW", "includes": { "caps": ["CAP_SYS_CHROOT"] } },
                { "names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": { "caps": ["CAP_SYS_ADMIN"] } },
                { "names": ["clone"], "action": "SCMP_ACT_ALLOW", "excludes": { "caps": ["CAP_SYS_ADMIN"] }, "args": [1] },
                { "names": ["sync"], "action": "SCMP_ACT_ALLOW", "includes": { "arches": ["s390"] } },
                { "names": ["arch_prctl"], "action": "SCMP_ACT_ALLOW", "includes": { "arches": ["amd64", "x32"] } },
            ],
        });
        let seccomp = seccomp(&profile);
        let names: Vec<_> =
            seccomp["syscalls"].as_array().expect("rules").iter().map(|rule| &rule["names"][0]).collect();
        assert_eq!(names, ["read", "chroot", "clone", "arch_prctl"]);
        assert_eq!(seccomp["syscalls"][2]["args"], json!([1]));
        assert_eq!(seccomp["architectures"], json!(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]));
    }
}
