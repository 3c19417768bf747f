//! `spec`: a `config.json` to begin with, the same container as runc's.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

use nix::unistd::{getegid, geteuid};
use process::{Failure, FailureKind};
use runtime::spec::{CapabilitySets, IdRange, Kind, Mount, Namespace, Process, Rlimit, Root, Spec, User};
use serde_json::json;

pub(crate) fn write(bundle: &Path, rootless: bool) -> Result<(), Failure> {
    let path = bundle.join("config.json");
    let text = serde_json::to_string_pretty(&example(rootless)?).unwrap_or_default();
    let made = OpenOptions::new().write(true).create_new(true).open(&path);
    made.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::new(FailureKind::Conflict, format!("File {} exists. Remove it first", path.display()))
        }
        _ => Failure::new((&error).into(), format!("write {}: {error}", path.display())),
    })
}

fn example(rootless: bool) -> Result<Spec, Failure> {
    let capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
    let capabilities =
        capabilities.iter().map(|name| name.parse()).collect::<Result<_, confinement::CapabilityError>>()?;
    let defaults = Spec::docker_unfiltered(capabilities);
    let limit: Vec<Rlimit> = serde_json::from_value(json!([{ "type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024 }]))
        .map_err(|error| Failure::new(FailureKind::System, error.to_string()))?;
    let process = Process {
        terminal: true,
        user: User::default(),
        args: vec!["sh".into()],
        env: vec![format!("PATH={}", process::DEFAULT_PATH).as_str().into(), "TERM=xterm".into()],
        cwd: "/".into(),
        capabilities: Some(CapabilitySets { ambient: capabilities, ..CapabilitySets::docker(capabilities) }),
        rlimits: limit,
        no_new_privileges: true,
        ..Process::default()
    };
    let mut spec = Spec {
        process: Some(process),
        root: Some(Root { path: "rootfs".into(), readonly: true }),
        hostname: "runc".into(),
        ..defaults
    };
    spec.linux.sysctl.clear();
    if rootless {
        for_ordinary_user(&mut spec);
    }
    Ok(spec)
}

/// One user and group, no network of its own, nothing that only root may do.
fn for_ordinary_user(spec: &mut Spec) {
    spec.linux.namespaces.retain(|namespace| namespace.kind != Kind::Net);
    spec.linux.namespaces.push(Namespace::from(Kind::User));
    let one = |outside| vec![IdRange { inside: 0, outside, count: 1 }];
    spec.linux.uid_mappings = one(geteuid().as_raw());
    spec.linux.gid_mappings = one(getegid().as_raw());
    spec.linux.resources = runtime::spec::Limits::default();
    for mount in &mut spec.mounts {
        mount.options.retain(|option| !option.starts_with("gid=") && !option.starts_with("uid="));
        if mount.kind == "sysfs" {
            let options = ["rbind", "nosuid", "noexec", "nodev", "ro"].map(str::to_owned).into();
            *mount = Mount { kind: "none".into(), source: Some("/sys".into()), options, ..mount.clone() };
        }
    }
}
