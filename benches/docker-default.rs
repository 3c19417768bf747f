//! Prints, as JSON, what docker gives a container: a `config.json` for the OCI runtimes that mini-runc is compared with, and
//! the same as a list of mounts, devices and masks for a program that does nothing else.
//!
//! Not a benchmark, but what the comparison of `cargo wb bench` hands to everyone. It is here because the chapters have these
//! defaults, and the maintainers' tools do not depend on the chapters.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use cgroups::{DeviceRule, Layout, cgroup_mounts};
use confinement::{Capabilities, CapabilitySets, SeccompProfile};
use namespaces::Namespace;
use rootfs::{Device, Mount, defaults};
use serde_json::{Value, json};

const CGROUPS: &str = "/sys/fs/cgroup";

fn main() -> Result<(), Box<dyn Error>> {
    let output = json!({ "config": config(), "plan": plan(&Layout::detect()?)? });
    println!("{output}");
    Ok(())
}

/// Without the paths, which whoever makes the bundle knows.
fn config() -> Value {
    let capabilities = Capabilities::docker_default();
    let cgroup = Mount {
        destination: CGROUPS.into(),
        kind: "cgroup".into(),
        source: Some("cgroup".into()),
        options: ["ro", "nosuid", "noexec", "nodev"].map(str::to_owned).into(),
    };
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": { "uid": 0, "gid": 0 },
            "cwd": "/",
            "capabilities": CapabilitySets::docker(capabilities),
        },
        "mounts": with_cgroups(vec![cgroup]),
        "linux": {
            "namespaces": Namespace::docker_default(),
            "resources": { "devices": DeviceRule::docker_defaults() },
            "seccomp": SeccompProfile::docker_default().resolve(&capabilities),
            "sysctl": { "net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647" },
            "maskedPaths": defaults::masked_paths(),
            "readonlyPaths": defaults::readonly_paths(),
        },
    })
}

/// The default mounts, and those of the control groups, for which `/sys` must be there.
fn with_cgroups(cgroups: Vec<Mount>) -> Vec<Mount> {
    let mut mounts = defaults::mounts();
    let after = mounts.iter().position(|mount| mount.kind == "sysfs").map_or(mounts.len(), |place| place + 1);
    mounts.splice(after..after, cgroups);
    mounts
}

/// One line each, words with tabs between them: what, and with what.
fn plan(layout: &Layout) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    for Mount { destination, kind, source, options } in with_cgroups(cgroup_mounts(layout, Path::new(CGROUPS), true)) {
        let source = source.unwrap_or_default();
        writeln!(text, "mount\t{kind}\t{}\t{}\t{}", source.display(), destination.display(), options.join(","))?;
    }
    for Device { path, major, minor, .. } in Device::defaults() {
        writeln!(text, "device\t{}\t{major}\t{minor}", path.display())?;
    }
    for (name, target) in rootfs::DEVICE_LINKS {
        writeln!(text, "link\t{target}\t/dev/{name}")?;
    }
    for path in defaults::masked_paths() {
        writeln!(text, "hide\t{}", path.display())?;
    }
    for path in defaults::readonly_paths() {
        writeln!(text, "readonly\t{}", path.display())?;
    }
    Ok(text)
}
