//! What the specification gained after 1.0, seen in the kernel.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use testkit::{Need, kernel_test, require};

use crate::bundle::{Bundle, STAY};

/// A field of `/proc/PID/stat`, counted as `proc_pid_stat(5)` does.
fn stat(pid: u32, number: usize) -> String {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let (_, rest) = line.rsplit_once(')').expect("a name");
    rest.split_whitespace().nth(number - 3).expect("a field").to_owned()
}

fn bound(source: &str, more: &Value) -> Value {
    let mut mount = json!({ "destination": "/data", "type": "bind", "source": source, "options": ["bind"] });
    for (key, value) in more.as_object().expect("fields") {
        mount[key] = value.clone();
    }
    mount
}

kernel_test! {
    fn the_process_keeps_what_it_is_given(host) {
        require(Need::Program("ionice", "util-linux"));
        let alive = Bundle::new(host, STAY)
            .with("/process", "scheduler", json!({ "policy": "SCHED_BATCH", "nice": 5 }))
            .with("/process", "ioPriority", json!({ "class": "IOPRIO_CLASS_IDLE", "priority": 0 }))
            .with("/linux", "personality", json!({ "domain": "LINUX32" }))
            .start();
        let (policy, nice) = (stat(alive.pid, 41), stat(alive.pid, 19));
        let personality = fs::read_to_string(format!("/proc/{}/personality", alive.pid)).expect("a personality");
        let said = Command::new("ionice").args(["-p", &alive.pid.to_string()]).output().expect("ionice starts");
        assert_eq!(alive.end(), Some(0));
        assert_eq!((policy.as_str(), nice.as_str(), personality.trim()), ("3", "5", "00000008"));
        assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), "idle");
    }

    fn memory_is_where_the_policy_says(host) {
        let bundle = Bundle::new(host, STAY).with("/linux", "memoryPolicy", json!({ "mode": "MPOL_BIND", "nodes": "0" }));
        if !fs::exists("/proc/self/numa_maps").expect("our process") {
            let said = bundle.run();
            assert!(said.stderr.contains("set the memory policy: ENOSYS"), "{}", said.stderr);
            return;
        }
        let alive = bundle.start();
        let table = fs::read_to_string(format!("/proc/{}/numa_maps", alive.pid)).expect("a table");
        assert_eq!(alive.end(), Some(0));
        assert!(table.lines().all(|line| line.contains(" bind:0")), "{table}");
    }

    /// Owners are mapped with and without users of the container's own, by ids of the mount or of the container.
    fn the_owners_of_a_mount_are_mapped(host) {
        require(Need::UserNamespaces);
        require(Need::Kernel(6, 3));
        let data = host.dir().join("data");
        fs::create_dir(&data).expect("a directory");
        fs::write(data.join("file"), "").expect("a file");
        std::os::unix::fs::chown(data.join("file"), Some(7), Some(8)).expect("owners");
        let source = data.to_str().expect("a path");
        let ids = |from: u32, to: u32| json!([{ "containerID": from, "hostID": to, "size": 1000 }]);
        let script = "stat -c '%u:%g' /data/file";
        let all = |bundle: Bundle, more: &Value| bundle.with_mount(bound(source, more));
        let maps = json!({ "uidMappings": ids(0, 5000), "gidMappings": ids(0, 6000) });
        let mut maps_named = maps.clone();
        maps_named["options"] = json!(["rbind", "ridmap"]);
        assert_eq!(all(Bundle::new(host, script), &maps).out(), "5007:6008");
        assert_eq!(all(Bundle::new(host, script), &maps_named).out(), "5007:6008");
        let own_users = || {
            let bundle = Bundle::new(host, script);
            let kinds = ["mount", "uts", "ipc", "pid", "network", "cgroup", "user"].map(|kind| json!({ "type": kind }));
            bundle
                .with("/linux", "namespaces", json!(kinds))
                .with("/linux", "uidMappings", ids(0, 100_000))
                .with("/linux", "gidMappings", ids(0, 200_000))
        };
        assert_eq!(all(own_users(), &json!({ "options": ["bind", "idmap"] })).out(), "7:8", "the container's own ids");
        assert_eq!(all(own_users(), &json!({})).out(), "65534:65534", "nobody's, without a map");
        for (what, more) in [
            ("must have both uid and gid mappings specified", json!({ "uidMappings": ids(0, 5000) })),
            ("must have both uid and gid mappings specified", json!({ "options": ["bind", "idmap"] })),
            ("are only supported for bind-mounts", json!({ "type": "tmpfs", "options": ["idmap"] })),
        ] {
            let said = all(Bundle::new(host, script), &more).run();
            assert!(said.stderr.contains(&format!("id-mapped mounts {what}")), "{}", said.stderr);
        }
    }

    /// A source of a bind mount and a destination may both be relative: to the bundle, and to the root.
    fn relative_places_are_below_bundle_and_root(host) {
        let bundle = Bundle::new(host, "cat /data/word");
        fs::create_dir(bundle.directory.join("data")).expect("a directory");
        fs::write(bundle.directory.join("data/word"), "here").expect("a file");
        assert_eq!(bundle.with_mount(bound("data", &json!({ "destination": "data" }))).out(), "here");
    }
}
