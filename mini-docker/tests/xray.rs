//! `xray`: what it says is compared with what the kernel says, for people and for programs.

mod common;

use std::fs;
use std::process::Stdio;

use common::Docker;
use serde_json::Value;
use testkit::{Host, kernel_test};

/// Everything that a container can choose the name of, as orders to a terminal.
const HOSTILE: &str =
    "touch \"$(printf '/a\\033[2J\\r\\302\\233b')\"; echo y >>/etc/passwd; mkdir -p /d; exec sleep 1000";

fn started(docker: &Docker, name: &str, flags: &[&str], command: &[&str]) -> i32 {
    docker.ok(&[&["run", "-d", "--name", name], flags, &["busybox"], command].concat());
    docker.ok(&["inspect", "-f", "{{.State.Pid}}", name]).trim().parse().expect("a number")
}

fn json(docker: &Docker, name: &str) -> Value {
    serde_json::from_str(&docker.ok(&["xray", "--json", name])).expect("JSON")
}

/// One section of the page.
fn section<'a>(page: &'a str, title: &str) -> &'a str {
    page.split("\n\n").find(|section| section.starts_with(title)).unwrap_or_default()
}

/// Names and types, without values; a list is as all its elements together.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        Value::Array(list) => Value::Array(list.iter().map(shape).reduce(together).into_iter().collect()),
        Value::String(_) => "text".into(),
        Value::Number(_) => "number".into(),
        Value::Bool(_) => "yes or no".into(),
        Value::Null => Value::Null,
    }
}

/// Of two shapes whatever says more.
fn together(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Object(mut one), Value::Object(other)) => {
            for (name, value) in other {
                let before = one.remove(&name).unwrap_or(Value::Null);
                one.insert(name, together(before, value));
            }
            Value::Object(one)
        }
        (Value::Null, other) => other,
        (Value::Array(one), other) if one.is_empty() => other,
        (one, _) => one,
    }
}

/// With what is another each time made alike; columns stay where they are.
fn steady(page: &str, docker: &Docker, pid: i32) -> String {
    let page = page.replace(&docker.root().display().to_string(), "DATA");
    let is = |word: &str, digit: fn(&u8) -> bool| word.bytes().all(|byte| digit(&byte));
    let size = |word: &str| {
        let number = word.strip_suffix('B').map(|rest| rest.trim_end_matches(['k', 'M']));
        number.is_some_and(|number| is(number, |byte| byte.is_ascii_digit() || *byte == b'.'))
    };
    let alike = |word: &str| {
        let pad = |text: &str| format!("{text:<length$}", length = word.len());
        if word == pid.to_string() {
            pad("P")
        } else if word.len() == 10 && word.starts_with("4026") {
            pad("NUMBER")
        } else if size(word) {
            pad("SIZE")
        } else if word.len() == 12 && is(word, u8::is_ascii_hexdigit) {
            "ID".into()
        } else if let Some((before, _)) = word.split_once('*').filter(|(before, _)| before.len() > 12) {
            let directory = &before[..before.len() - 12];
            format!("{directory}ID{}", &word[before.len()..])
        } else {
            word.into()
        }
    };
    page.lines().map(|line| line.split(' ').map(alike).collect::<Vec<_>>().join(" ") + "\n").collect()
}

fn clear(host: &Host, docker: &Docker, names: &[&str]) {
    docker.ok(&[&["rm", "-f"], names].concat());
    assert_eq!(docker.left_behind(), Vec::<String>::new(), "{}", host.dir().display());
}

kernel_test! {
    fn host_and_container_stand_side_by_side(host) {
        let docker = Docker::new(host);
        let pid = started(&docker, "web", &["-m", "64m", "--hostname", "web"], &["sh", "-c", HOSTILE]);
        // The last of its changes.
        while !docker.ok(&["diff", "web"]).contains("/d") {}
        while fs::read_to_string(format!("/proc/{pid}/comm")).expect("its name").trim() != "sleep" {}
        let page = docker.ok(&["xray", "web"]);
        let shim = docker.ok(&["xray", "-f", "{{(index .Processes.List 0).HostParent}}", "web"]).trim().to_owned();
        assert!(page.lines().all(|line| line.chars().count() <= 100), "{page}");
        for title in ["web", "NAMESPACES", "PROCESSES", "USER IDS", "FILES"] {
            let shown = steady(section(&page, title), &docker, pid).replace(&format!("shim, {shim} "), "shim, S ");
            insta::assert_snapshot!(title.to_lowercase().replace(' ', "_"), shown);
        }
        let groups = section(&page, "CONTROL GROUPS");
        assert!(groups.contains("64MiB") && groups.contains("memory."), "{groups}");
        let mounts = section(&page, "MOUNTS");
        assert!(mounts.contains("masked") && mounts.contains("/proc/keys") && !mounts.contains("open:"), "{mounts}");
        let network = section(&page, "NETWORK");
        assert!(network.contains("127.0.0.1/8") && network.contains("No route"), "{network}");
        // The kernel's word.
        let seen = json(&docker, "web");
        let inode = |kind: &str| fs::read_link(format!("/proc/{pid}/ns/{kind}")).expect("a link").display().to_string();
        for namespace in seen["Namespaces"].as_array().expect("a list") {
            let kind = namespace["Kind"].as_str().expect("a kind");
            assert_eq!(inode(kind), format!("{kind}:[{}]", namespace["Container"]));
        }
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
        assert!(status.contains(&format!("NSpid:\t{}\t1\n", seen["Processes"]["List"][0]["HostPid"])));
        assert_eq!(seen["Rights"]["Container"]["Capabilities"]["effective"].as_array().map(Vec::len), Some(14));
        assert_eq!((&seen["Rights"]["Container"]["Seccomp"], &seen["Rights"]["Container"]["SeccompFilters"]), (&Value::from("filter"), &Value::from(1)));
        // It stands still, and is seen all the same; then it is gone, and what is left is seen.
        docker.ok(&["pause", "web"]);
        assert!(docker.ok(&["xray", "web"]).contains("none of them gets a processor"));
        docker.ok(&["unpause", "web"]);
        docker.ok(&["kill", "web"]);
        docker.ok(&["wait", "web"]);
        insta::assert_snapshot!("ended", steady(&docker.ok(&["xray", "web"]), &docker, pid));
        assert_eq!(docker.ok(&["xray", "-f", "{{.Status}} {{len .Namespaces}}", "web"]), "exited 0\n");
        clear(host, &docker, &["web"]);
    }

    fn the_json_has_the_same_names_from_release_to_release(host) {
        let docker = Docker::new(host);
        started(&docker, "web", &["-m", "64m"], &["sh", "-c", "echo y >>/etc/passwd; exec nc -l -p 80"]);
        let listens = |seen: &Value| seen["Network"]["Listening"].as_array().is_some_and(|list| !list.is_empty());
        let mut seen = json(&docker, "web");
        while !listens(&seen) {
            seen = json(&docker, "web");
        }
        // What some machines have, and others have not.
        seen["Rights"]["Label"] = Value::Null;
        seen["Network"]["Routes"] = Value::Null;
        insta::assert_json_snapshot!(shape(&seen));
        clear(host, &docker, &["web"]);
    }

    fn who_shares_what_is_named_and_what_is_open_is_said(host) {
        let docker = Docker::new(host);
        started(&docker, "open", &["--privileged", "--pid", "host", "--network", "host", "--ipc", "host"], &["sleep", "1000"]);
        let page = docker.ok(&["xray", "open"]);
        let namespaces = section(&page, "NAMESPACES");
        for line in ["it sees every process of the host", "its own", "shared memory"] {
            assert!(namespaces.contains(line), "{namespaces}");
        }
        assert_eq!(namespaces.matches("= host's").count(), 5, "{namespaces}");
        assert!(section(&page, "MOUNTS").contains("open: docker would mask"), "{page}");
        assert!(section(&page, "RIGHTS").contains("it has    all"), "{page}");
        started(&docker, "users", &["--userns", "private", "-u", "1000"], &["sleep", "1000"]);
        let page = docker.ok(&["xray", "users"]);
        assert!(section(&page, "USER IDS").contains("are 100000 to 165535 outside"), "{page}");
        assert!(section(&page, "PROCESSES").contains("101000    1000"), "{page}");
        docker.ok(&["exec", "-d", "-u", "0", "--privileged", "users", "sleep", "999"]);
        assert!(docker.ok(&["xray", "users"]).contains("(more rights than pid 1)"));
        started(&docker, "peer", &["--network", "container:users"], &["sleep", "1000"]);
        let page = docker.ok(&["xray", "peer"]);
        assert!(section(&page, "NAMESPACES").contains("shared with users; own devices"), "{page}");
        clear(host, &docker, &["peer", "open", "users"]);
    }

    fn names_of_a_container_are_shown_and_not_obeyed(host) {
        let docker = Docker::new(host);
        let orders = "\x1b]0;owned\x07";
        let tmpfs = format!("/m\x1b[31m:{}", "size=1m");
        started(&docker, "web", &["--tmpfs", &tmpfs], &["sh", "-c", "sleep 1000;:", orders]);
        docker.ok(&["exec", "web", "sh", "-c", &HOSTILE.replace("exec sleep 1000", "true")]);
        for arguments in [&["xray", "web"] as &[&str], &["xray", "--json", "web"]] {
            let output = docker.command().args(arguments).env("CLICOLOR_FORCE", "1").stdin(Stdio::null()).output().expect("it runs");
            let text = String::from_utf8(output.stdout).expect("text");
            // What is ours has `[` and `m` behind it, and digits between.
            let foreign = text.split('\x1b').skip(1).any(|rest| {
                !rest.strip_prefix('[').is_some_and(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with('m'))
            });
            assert!(!foreign && !text.contains(['\x07', '\r', '\u{9b}']) && !text.contains("\x1b[31m"), "{text:?}");
            assert!(text.contains(r"2J\r\u") && text.contains("owned"), "{text}");
        }
        clear(host, &docker, &["web"]);
    }

    fn one_that_ends_meanwhile_is_no_failure(host) {
        let docker = Docker::new(host);
        docker.ok(&["run", "-d", "--name", "web", "busybox", "true"]);
        for _ in 0..12 {
            let started = docker.command().args(["start", "web"]).stdout(Stdio::null()).spawn().expect("it starts");
            let said = docker.run(&["xray", "web"]);
            assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
            started.wait_with_output().expect("its end");
        }
        docker.ok(&["wait", "web"]);
        let said = docker.run(&["xray", "nobody"]);
        assert_eq!((said.code, said.stderr.lines().next()), (Some(1), Some("Error: No such container: nobody")));
        clear(host, &docker, &["web"]);
    }
}
