//! What the specification gained after 1.0, seen in the kernel.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Host, Need, kernel_test, native_test, require};

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

/// A pair of devices in the network of the test; the first has addresses.
fn pair(names: [&str; 2]) {
    let ip = |words: &str| {
        let made = Command::new("ip").args(words.split(' ')).status().expect("ip starts");
        assert!(made.success(), "ip {words}");
    };
    ip(&format!("link add {} mtu 1400 type veth peer name {}", names[0], names[1]));
    ip(&format!("addr add 10.1.2.3/24 brd + dev {}", names[0]));
    ip(&format!("addr add 10.1.2.4/32 dev {} label {}:1", names[0], names[0]));
    ip(&format!("addr add fd00::7/64 dev {} nodad", names[0]));
    ip(&format!("addr add fe80::9/64 dev {} nodad", names[0]));
}

/// They go with their container, in the background.
fn gone() {
    let until = Instant::now() + Duration::from_secs(20);
    while fs::read_to_string("/proc/net/dev").expect("a table").contains("veth-b") {
        assert!(Instant::now() < until, "it is still there");
        std::thread::yield_now();
    }
}

fn with_devices(host: &Host, script: &str, devices: Value) -> Bundle {
    Bundle::new(host, script).with("/linux", "netDevices", devices)
}

native_test! {
    fn a_network_device_becomes_the_containers_with_its_addresses(host) {
        require(Need::Program("ip", "iproute2"));
        let show = "ip -o addr show dev $1 | sed 's/^[0-9]*: *//; s/  */ /g'; cat /sys/class/net/$1/mtu; ip link show dev $1 | grep -o 'UP' | head -n 1";
        for (named, inside) in [(json!({ "name": "inside" }), "inside"), (json!({}), "veth-a"), (json!({ "name": "eth%d" }), "eth0")] {
            pair(["veth-a", "veth-b"]);
            let script = format!("set -- {inside}; {show}");
            let seen = with_devices(host, &script, json!({ "veth-a": named })).out();
            for line in [format!("{inside} inet 10.1.2.3/24 brd 10.1.2.255 scope global {inside}"), format!("{inside} inet6 fd00::7/64 scope global")] {
                assert!(seen.contains(&line), "{line}: {seen}");
            }
            assert!(seen.contains("10.1.2.4/32 scope global veth-a:1") && !seen.contains("fe80::9"), "{seen}");
            assert!(seen.ends_with("1400\nUP"), "{seen}");
            gone();
        }
        // In users of the container's own, and in a network that is there already.
        pair(["veth-a", "veth-b"]);
        let ids = json!([{ "containerID": 0, "hostID": 100_000, "size": 1000 }]);
        let kinds = ["mount", "uts", "ipc", "pid", "network", "cgroup", "user"].map(|kind| json!({ "type": kind }));
        let own_users = with_devices(host, "ip -o addr show dev veth-a", json!({ "veth-a": {} }))
            .with("/linux", "namespaces", json!(kinds))
            .with("/linux", "uidMappings", ids.clone())
            .with("/linux", "gidMappings", ids);
        assert!(own_users.out().contains("10.1.2.3/24"));
        gone();
        pair(["veth-a", "veth-b"]);
        let mut unshare = Command::new("unshare");
        let unshare = unshare.args(["--net", "sh", "-c", "echo ready; exec cat"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut there = unshare.spawn().expect("unshare starts");
        there.stdout.as_mut().expect("a pipe").read_exact(&mut [0; 6]).expect("it is there");
        let mut kinds: Vec<Value> = ["mount", "uts", "ipc", "pid"].map(|kind| json!({ "type": kind })).into();
        kinds.push(json!({ "type": "network", "path": format!("/proc/{}/ns/net", there.id()) }));
        let joined = with_devices(host, "ip -o addr show dev veth-a", json!({ "veth-a": {} }));
        assert!(joined.with("/linux", "namespaces", json!(kinds)).out().contains("10.1.2.3/24"));
        drop(there.stdin.take());
        there.wait().expect("its end");
        gone();
    }

    fn a_network_device_that_cannot_be_moved_stays_where_it_is(host) {
        require(Need::Program("ip", "iproute2"));
        pair(["veth-a", "veth-b"]);
        for (devices, complaint) in [
            (json!({ "nosuch": {}, "veth-a": {} }), "there is no network device nosuch"),
            (json!({ "veth-a": { "name": "lo" } }), "the container has a network device lo already"),
            (json!({ "veth-a": { "name": "a/b" } }), "\"a/b\" is no name of a network device"),
            (json!({ "veth-a": { "name": "sixteen-letters-" } }), "\"sixteen-letters-\" is no name of a network device"),
            (json!({ "lo": { "name": "other" }, "veth-a": {} }), "move network device lo: EINVAL"),
        ] {
            let said = with_devices(host, "true", devices.clone()).run();
            assert!(said.code == Some(1) && said.stderr.contains(complaint), "{devices}: {}", said.stderr);
        }
        let shared = ["mount", "uts", "ipc", "pid"].map(|kind| json!({ "type": kind }));
        let said = with_devices(host, "true", json!({ "veth-a": {} })).with("/linux", "namespaces", json!(shared)).run();
        assert!(said.stderr.contains("network devices without a network of the container's own"), "{}", said.stderr);
        let still = Command::new("ip").args(["-o", "addr", "show", "dev", "veth-a"]).output().expect("ip starts");
        assert!(String::from_utf8_lossy(&still.stdout).contains("10.1.2.3/24"));
        let removed = Command::new("ip").args(["link", "del", "veth-a"]).status().expect("ip starts");
        assert!(removed.success());
    }
}
