//! The whole specification that comes of a wish, for people to read and to see change.

use confinement::Capabilities;
use images::{ContainerConfig, Image, ImageConfig};
use serde_json::{Value, json};

use runtime::spec::Device;

use super::*;
use crate::create::Create;

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn image() -> Image {
    let config = ContainerConfig {
        env: Some(vec!["PATH=/bin".into(), "FROM_IMAGE=1".into()]),
        cmd: Some(vec!["sh".into()]),
        working_dir: "srv".into(),
        ..ContainerConfig::default()
    };
    Image { id: format!("sha256:{ID}"), config: ImageConfig { config, ..ImageConfig::default() } }
}

fn facts() -> Facts<'static> {
    Facts {
        id: ID,
        host_name: "machine",
        files: vec![("/run/mini-docker/containers/ID/hosts".into(), "/etc/hosts")],
        init: None,
        user: Resolved { user: User::default(), home: "/root".into() },
        devices: Found::default(),
        ids: None,
        joined: Vec::new(),
        console: None,
    }
}

/// As JSON, without what depends on the machine: its processors, its kernel's system calls and capabilities.
fn composed(wish: &Value, facts: Facts) -> Value {
    let create = Create::from_json(wish.to_string().as_bytes()).expect("a wish");
    let record = create.resolve(&image(), 2).expect("a record");
    let again: ContainerRecord = serde_json::from_value(json!(record)).expect("a record in JSON");
    assert_eq!(again, record, "a record survives the disk");
    let mut json = serde_json::to_value(compose(&record, facts)).expect("JSON");
    if let Some(filter) = json["linux"].get_mut("seccomp") {
        assert!(filter["syscalls"].as_array().is_some_and(|rules| !rules.is_empty()), "a filter with rules");
        filter["syscalls"] = json!("(elided)");
        filter["architectures"] = json!("(elided)");
    }
    if let Some(masked) = json["linux"].get_mut("maskedPaths").and_then(Value::as_array_mut) {
        masked.retain(|path| !path.as_str().is_some_and(|path| path.contains("/cpu/cpu")));
    }
    if record.privileged {
        let all = Capabilities::all().names();
        for set in ["bounding", "effective", "permitted"] {
            assert_eq!(json["process"]["capabilities"][set], json!(all));
            json["process"]["capabilities"][set] = json!("(all)");
        }
    }
    json
}

#[test]
fn nothing_asked_for_is_dockers_default() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&composed(&json!({}), facts())).expect("JSON"));
}

#[test]
fn privileged_differs_from_the_default_in_this() {
    let wish = json!({ "HostConfig": { "Privileged": true } });
    let (plain, privileged) = (composed(&json!({}), facts()), composed(&wish, facts()));
    let mut differences = Vec::new();
    compare("", &plain, &privileged, &mut differences);
    insta::assert_snapshot!(differences.join("\n"));
}

#[test]
fn a_rich_wish_differs_from_the_default_in_this() {
    let wish = json!({
        "Cmd": ["--flag", "argument"],
        "Entrypoint": ["/bin/server"],
        "Tty": true,
        "Hostname": "ship",
        "Domainname": "example",
        "Env": ["FROM_IMAGE=2", "COLOUR=blue", [65, 61, 255]],
        "WorkingDir": "/work/./x/..",
        "Labels": { "a": "b" },
        "HostConfig": {
            "ReadonlyRootfs": true,
            "Tmpfs": { "/run": "size=1m" },
            "Memory": 64 << 20,
            "MemoryReservation": 32 << 20,
            "NanoCpus": 1_500_000_000_i64,
            "CpuShares": 512,
            "CpusetCpus": "0-1",
            "PidsLimit": 100,
            "BlkioWeight": 300,
            "Ulimits": [
                { "Name": "nofile", "Soft": 1, "Hard": 2 },
                { "Name": "core", "Soft": 0, "Hard": -1 },
                { "Name": "nofile", "Soft": 100, "Hard": 200 }
            ],
            "CapAdd": ["NET_ADMIN"],
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges", "seccomp=unconfined", "systempaths=unconfined"],
            "DeviceCgroupRules": ["c 10:* rw"],
            "PidMode": "host",
            "IpcMode": "none",
            "NetworkMode": "host",
            "CgroupnsMode": "host",
            "UsernsMode": "private",
            "OomScoreAdj": 5,
            "Sysctls": { "kernel.shmmax": "1" },
            "Annotations": { "tool": "x" },
            "Init": true
        }
    });
    let node = Device {
        path: "/dev/nothing".into(),
        kind: rootfs::DeviceKind::Char,
        major: 1,
        minor: 3,
        mode: 0o666,
        uid: 0,
        gid: 0,
    };
    let facts = Facts {
        init: Some("/run/mini-docker/init".into()),
        user: Resolved {
            user: User { uid: 1000, gid: 50, additional_gids: vec![50, 7], ..User::default() },
            home: "/home/alice".into(),
        },
        devices: Found {
            rules: vec![runtime::spec::DeviceRule {
                major: Some(1),
                minor: Some(3),
                ..runtime::spec::DeviceRule::all(true)
            }],
            nodes: vec![node],
            ..Found::default()
        },
        ids: Some(IdRange { inside: 0, outside: 100_000, count: 65_536 }),
        console: Some(ConsoleSize { height: 24, width: 80 }),
        ..facts()
    };
    let (plain, rich) = (composed(&json!({}), self::facts()), composed(&wish, facts));
    let mut differences = Vec::new();
    compare("", &plain, &rich, &mut differences);
    insta::assert_snapshot!(differences.join("\n"));
}

#[test]
fn shared_memory_is_as_big_as_wished() {
    let size = |wish: Value| {
        let composed = composed(&json!({ "HostConfig": wish }), facts());
        let mounts = composed["mounts"].as_array().expect("mounts").clone();
        mounts.into_iter().find(|mount| mount["destination"] == "/dev/shm").map(|mount| mount["options"].to_string())
    };
    assert_eq!(
        size(json!({ "ShmSize": 4096 })).as_deref(),
        Some(r#"["nosuid","noexec","nodev","mode=1777","size=4096"]"#)
    );
    assert_eq!(size(json!({ "IpcMode": "none" })), None);
    assert_eq!(size(json!({ "IpcMode": "host" })).as_deref(), Some(r#"["bind","rprivate"]"#));
}

/// One line for each value that is new, gone or another, named by its JSON pointer.
fn compare(path: &str, before: &Value, after: &Value, lines: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                let at = |object: &serde_json::Map<String, Value>| object.get(key).cloned().unwrap_or_default();
                compare(&format!("{path}/{key}"), &at(old), &at(new), lines);
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            let gone = old.iter().filter(|value| !new.contains(value)).map(|value| format!("{path} - {value}"));
            let come = new.iter().filter(|value| !old.contains(value)).map(|value| format!("{path} + {value}"));
            lines.extend(gone.chain(come));
        }
        (old, new) if old != new => lines.push(format!("{path}: {old} -> {new}")),
        _ => {}
    }
}
