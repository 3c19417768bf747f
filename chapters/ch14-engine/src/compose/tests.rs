//! The whole specification that comes of a command line, for people to read and to see change.

use confinement::Capabilities;
use serde_json::{Value, json};

use super::*;
use crate::options::LimitOptions;
use crate::units::{Bytes, NanoCpus};

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn image() -> ContainerConfig {
    ContainerConfig {
        env: Some(vec!["PATH=/bin".into(), "FROM_IMAGE=1".into()]),
        cmd: Some(vec!["sh".into()]),
        working_dir: "srv".into(),
        ..ContainerConfig::default()
    }
}

fn facts() -> Facts<'static> {
    Facts {
        id: ID,
        host_name: "machine",
        processors: 2,
        files: vec![("/run/mini-docker/containers/ID/hosts".into(), "/etc/hosts")],
        init: None,
        user: Resolved { user: User::default(), home: "/root".into() },
        ids: None,
        console: None,
    }
}

/// As JSON, without what depends on the machine: its processors, its kernel's system calls and capabilities.
fn composed(options: &RunOptions, facts: Facts) -> Value {
    let spec = compose(options, &image(), facts).expect("a specification");
    let mut json = serde_json::to_value(&spec).expect("JSON");
    if let Some(filter) = json["linux"].get_mut("seccomp") {
        assert!(filter["syscalls"].as_array().is_some_and(|rules| !rules.is_empty()), "a filter with rules");
        filter["syscalls"] = json!("(elided)");
        filter["architectures"] = json!("(elided)");
    }
    if let Some(masked) = json["linux"].get_mut("maskedPaths").and_then(Value::as_array_mut) {
        masked.retain(|path| !path.as_str().is_some_and(|path| path.contains("/cpu/cpu")));
    }
    if options.privileged {
        json["linux"]["devices"] = json!("(the host's)");
        let all = Capabilities::all().names();
        for set in ["bounding", "effective", "permitted"] {
            assert_eq!(json["process"]["capabilities"][set], json!(all));
            json["process"]["capabilities"][set] = json!("(all)");
        }
    }
    json
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("JSON")
}

#[test]
fn nothing_asked_for_is_dockers_default() {
    insta::assert_snapshot!(pretty(&composed(&RunOptions::default(), facts())));
}

#[test]
fn privileged_differs_from_the_default_in_this() {
    let options = RunOptions { privileged: true, ..RunOptions::default() };
    let (plain, privileged) = (composed(&RunOptions::default(), facts()), composed(&options, facts()));
    let mut differences = Vec::new();
    compare("", &plain, &privileged, &mut differences);
    insta::assert_snapshot!(differences.join("\n"));
}

#[test]
fn a_rich_command_line_differs_from_the_default_in_this() {
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
    let options = RunOptions {
        command: words(&["--flag", "argument"]),
        entrypoint: Some("/bin/server".into()),
        tty: true,
        hostname: Some("ship".into()),
        env: words(&["FROM_IMAGE=2", "COLOUR=blue"]),
        workdir: Some("/work".into()),
        read_only: true,
        tmpfs: words(&["/run:size=1m"]),
        limits: LimitOptions {
            memory: Some(Bytes(64 << 20)),
            memory_reservation: Some(Bytes(32 << 20)),
            cpus: Some(NanoCpus(1_500_000_000)),
            cpu_shares: Some(512),
            cpuset_cpus: Some("0-1".into()),
            pids: Some(100),
            blkio_weight: Some(300),
            ..LimitOptions::default()
        },
        ulimits: vec!["nofile=100:200".parse().expect("a limit")],
        cap_add: words(&["NET_ADMIN"]),
        cap_drop: words(&["ALL"]),
        security: words(&["no-new-privileges", "seccomp=unconfined", "systempaths=unconfined"]),
        devices: words(&["/dev/null:/dev/nothing:r"]),
        host_pid: true,
        host_ipc: true,
        network: Network::Host,
        ..RunOptions::default()
    };
    let facts = Facts {
        init: Some("/run/mini-docker/init".into()),
        user: Resolved {
            user: User { uid: 1000, gid: 50, additional_gids: vec![7], ..User::default() },
            home: "/home/alice".into(),
        },
        ids: Some(IdRange { inside: 0, outside: 100_000, count: 65_536 }),
        console: Some(runtime::spec::ConsoleSize { height: 24, width: 80 }),
        ..facts()
    };
    let (plain, rich) = (composed(&RunOptions::default(), self::facts()), composed(&options, facts));
    let mut differences = Vec::new();
    compare("", &plain, &rich, &mut differences);
    insta::assert_snapshot!(differences.join("\n"));
}

#[test]
fn the_command_is_combined_as_in_docker() {
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let image = ContainerConfig {
        entrypoint: Some(words(&["entry", "-v"])),
        cmd: Some(words(&["default"])),
        ..ContainerConfig::default()
    };
    let args = |entrypoint: Option<&str>, given: &[&str]| {
        let options =
            RunOptions { entrypoint: entrypoint.map(str::to_owned), command: words(given), ..RunOptions::default() };
        command(&options, &image, false).map_err(|error| error.to_string())
    };
    assert_eq!(args(None, &[]), Ok(words(&["entry", "-v", "default"])));
    assert_eq!(args(None, &["mine"]), Ok(words(&["entry", "-v", "mine"])));
    assert_eq!(args(Some("other"), &[]), Ok(words(&["other"])));
    assert_eq!(args(Some("other"), &["mine"]), Ok(words(&["other", "mine"])));
    assert_eq!(args(Some(""), &["mine"]), Ok(words(&["mine"])));
    assert_eq!(args(Some(""), &[]), Err("no command specified".into()));
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
