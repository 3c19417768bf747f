//! `mini-runc run`: what a bundle asks for is what the program finds, and what the kernel shows from outside.

#[path = "runc/bundle.rs"]
mod bundle;
mod common;
#[path = "runc/fields.rs"]
mod fields;
#[path = "runc/groups.rs"]
mod groups;
#[path = "runc/labels.rs"]
mod labels;
#[path = "runc/notify.rs"]
mod notify;

use std::fs;
use std::process::{Command, Stdio};

use bundle::{BINARY, Bundle, STAY, namespace};
use common::Said;
use serde_json::{Value, json};
use testkit::{Host, Need, kernel_test, require};

/// Everything that a program can see of what the bundle asks for.
const INVENTORY: &str = r#"
    id; umask; hostname; pwd; env | grep -v SHLVL | sort
    grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status
    cat /proc/self/limits /proc/self/oom_score_adj
    awk '{ for (i = 7; $i != "-"; i++); print "mount", $5, $6, $(i + 1) }' /proc/self/mountinfo |
        sed '/ .proc.sys \| .sys.firmware /s/nosuid,nodev,noexec,//; / .proc.version /d'
    stat -c 'node %A %u:%g %t,%T %N' /dev/*
    ls /sys/class/net
    cat /proc/sys/net/ipv4/ip_default_ttl
    wc -c </proc/version
    touch /x 2>/dev/null || echo read-only
    ls /proc/self/fd | wc -l
"#;

/// The same name in all five sets, or in some.
fn capabilities(names: &[&str], ambient: bool) -> Value {
    let mut sets = json!({ "bounding": names, "effective": names, "permitted": names });
    if ambient {
        sets["inheritable"] = json!(names);
        sets["ambient"] = json!(names);
    }
    sets
}

kernel_test! {
    fn the_programs_exit_status_is_ours(host) {
        let said = Bundle::new(host, "echo out; echo err >&2; exit 7").run();
        assert_eq!(said, Said { stdout: "out\n".into(), stderr: "err\n".into(), code: Some(7) });
        assert_eq!(Bundle::new(host, "kill -9 $$").run().code, Some(0), "process 1 cannot kill itself");
        let missing = Bundle::new(host, "").with("/process", "args", json!(["/bin/nosuch"]));
        assert_eq!(missing.run().code, Some(1), "runc has one status for all that is not the program's own");
    }

    fn the_process_is_as_described(host) {
        let script = "id; pwd; hostname; env | grep -v -e SHLVL -e PWD | sort; umask; ulimit -n; ulimit -Hn; \
                      cat /proc/self/oom_score_adj; echo $$";
        let bundle = Bundle::new(host, script)
            .with("/process", "user", json!({ "uid": 1000, "gid": 50, "additionalGids": [7, 8], "umask": 0o027 }))
            .with("/process", "cwd", json!("/home/alice"))
            .with("/process", "oomScoreAdj", json!(123))
            .with("/process", "rlimits", json!([{ "type": "RLIMIT_NOFILE", "soft": 100, "hard": 200 }]));
        insta::assert_snapshot!(bundle.out());
    }

    fn namespaces_are_new_joined_or_shared(host) {
        let alive = Bundle::new(host, STAY)
            .with("/linux", "namespaces", json!([
                { "type": "mount" }, { "type": "pid" }, { "type": "network" }, { "type": "cgroup" },
                { "type": "uts", "path": "/proc/self/ns/uts" },
            ]))
            .without("", "hostname")
            .start();
        let own = |kind: &str| alive.namespace(kind) != namespace("self", kind);
        assert_eq!(["mnt", "pid", "net", "cgroup"].map(own), [true; 4], "new ones");
        assert_eq!(["uts", "ipc"].map(own), [false; 2], "joined by a path, and not listed");
        assert_eq!(alive.end(), Some(0));
    }

    /// Whoever joins the host's names by their path has not got names of his own.
    fn a_host_name_is_not_for_the_host(host) {
        let bundle = Bundle::new(host, "hostname").with("/linux", "namespaces", json!([
            { "type": "mount" }, { "type": "uts", "path": "/proc/self/ns/uts" },
        ]));
        let said = bundle.run();
        assert!(said.stderr.contains("asks for another name for the host"), "{}", said.stderr);
        assert_eq!(nix::unistd::gethostname().expect("ours"), "workbench");
    }

    fn a_missing_working_directory_is_made(host) {
        let bundle = Bundle::new(host, "pwd; stat -c '%a %u:%g' . ..")
            .with("/process", "cwd", json!("/dev/shm/not/there"))
            .with("/process", "user", json!({ "uid": 1000, "gid": 1000 }))
            .with("/root", "readonly", json!(true));
        assert_eq!(bundle.out(), "/dev/shm/not/there\n755 0:0\n755 0:0");
        let bundle = bundle.with("/process", "cwd", json!("/srv/app"));
        assert_eq!(bundle.out(), "/srv/app\n755 0:0\n755 0:0");
    }

    /// CVE-2025-52881: what is written to the kernel does not land in files that the image has in its place.
    fn a_bundle_without_proc_writes_into_no_file_of_the_image(host) {
        let mut bundle = Bundle::new(host, STAY)
            .with("/process", "oomScoreAdj", json!(123))
            .with("/linux", "sysctl", json!({ "net.ipv4.ip_default_ttl": "77" }))
            .with("/linux", "maskedPaths", json!(["/proc/kcore", "/proc/acpi"]))
            .with("/linux", "readonlyPaths", json!(["/proc/sys"]));
        bundle = bundle.with("", "mounts", json!([]));
        let proc = bundle.directory.join("rootfs/proc");
        let files = ["sys/net/ipv4/ip_default_ttl", "self/oom_score_adj", "1/oom_score_adj", "kcore"].map(|file| proc.join(file));
        for file in &files {
            fs::create_dir_all(file.parent().expect("a parent")).expect("a directory");
            fs::write(file, "the image's").expect("a file");
        }
        let alive = bundle.start();
        let score = fs::read_to_string(format!("/proc/{}/oom_score_adj", alive.pid)).expect("its score");
        assert_eq!(alive.end(), Some(0));
        assert_eq!(score, "123\n");
        for file in &files {
            assert_eq!(fs::read_to_string(file).expect("the image's file"), "the image's", "{}", file.display());
        }
    }

    /// CVE-2025-52565: what stands in for a terminal, or for the null device, is not opened.
    fn a_terminal_is_not_taken_from_the_image(host) {
        require(Need::Program("script", "bsdutils"));
        let bundle = Bundle::new(host, "true").with("/process", "terminal", json!(true));
        let dev = bundle.directory.join("rootfs/dev");
        fs::create_dir(dev.join("pts")).expect("a directory");
        nix::unistd::mkfifo(&dev.join("pts/ptmx"), nix::sys::stat::Mode::from_bits_truncate(0o666)).expect("a FIFO");
        let proc = json!({ "destination": "/proc", "type": "proc", "source": "proc" });
        let bundle = bundle.with("", "mounts", json!([proc]));
        let line = format!("{BINARY} --root {} run --bundle {} it", bundle.state().display(), bundle.write().display());
        let output = Command::new("script").args(["-qec", &line, "/dev/null"]).stdin(Stdio::null()).output();
        let said = Said::from(output.expect("script starts"));
        let text = said.stdout.replace('\r', "");
        assert!(text.contains("/dev/pts inside the root is not a devpts file system"), "{text}");
        assert_ne!(said.code, Some(0));
    }

    fn what_is_protected_cannot_be_written_or_read(host) {
        let script = "cd /proc/sys/net/ipv4; touch /x 2>/dev/null && echo wrote to the root; \
                      wc -c </proc/version; ls /sys/firmware | wc -l; \
                      echo 1 2>/dev/null >ip_forward && echo wrote; cat ip_default_ttl";
        let bundle = Bundle::new(host, script)
            .with("/root", "readonly", json!(true))
            .with("/linux", "maskedPaths", json!(["/proc/version", "/sys/firmware", "/proc/no/such/file"]))
            .with("/linux", "readonlyPaths", json!(["/proc/sys"]))
            .with("/linux", "sysctl", json!({ "net.ipv4.ip_default_ttl": "77" }));
        let said = bundle.run();
        assert_eq!(said.stdout, "0\n0\n77\n", "{}", said.stderr);
    }

    fn capabilities_are_those_listed(host) {
        let script = "grep -E '^Cap|NoNewPrivs' /proc/self/status";
        let root = Bundle::new(host, script).with("/process", "capabilities", capabilities(&["CAP_CHOWN"], false));
        let user = Bundle::new(host, script)
            .with("/process", "capabilities", capabilities(&["CAP_KILL"], true))
            .with("/process", "user", json!({ "uid": 1000, "gid": 1000 }))
            .with("/process", "noNewPrivileges", json!(true));
        let none = Bundle::new(host, script);
        insta::assert_snapshot!(format!("none\n{}\nroot\n{}\nalice\n{}", none.out(), root.out(), user.out()));
    }

    fn a_capability_that_nobody_knows_is_told_and_left_out(host) {
        let said = Bundle::new(host, "grep CapBnd /proc/self/status")
            .with("/process", "capabilities", capabilities(&["CAP_CHOWN", "CAP_FLY"], false))
            .run();
        assert_eq!(said, Said {
            stdout: "CapBnd:\t0000000000000001\n".into(),
            stderr: "warning: unknown capability \"CAP_FLY\" is left out\n".into(),
            code: Some(0),
        });
    }

    fn system_calls_are_filtered(host) {
        let filter = json!({
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 17 }],
        });
        let script = "mkdir /tmp/x; grep Seccomp: /proc/self/status";
        let bundle = Bundle::new(host, script).with("/linux", "seccomp", filter);
        let said = bundle.run();
        assert_eq!((said.stdout.as_str(), said.code), ("Seccomp:\t2\n", Some(0)));
        assert!(said.stderr.contains("File exists"), "the profile's own errno: {}", said.stderr);
    }

    fn limits_are_seen_from_outside(host) {
        for controller in ["memory", "pids", "cpu"] {
            require(Need::CgroupV1(controller));
        }
        let alive = limited(host).start();
        let seen = ["memory.limit_in_bytes", "pids.max", "cpu.shares", "cpu.cfs_quota_us"]
            .map(|file| alive.cgroup_file(file.split('.').next().unwrap_or_default(), file));
        assert_eq!(alive.end(), Some(0));
        assert_eq!(seen, ["33554432", "20", "512", "50000"]);
    }

    fn limits_are_seen_from_outside_on_v2(host) {
        for controller in ["memory", "pids", "cpu"] {
            require(Need::CgroupV2(controller));
        }
        let alive = limited(host).start();
        let seen = ["memory.max", "pids.max", "cpu.weight", "cpu.max"].map(|file| alive.cgroup_file("", file));
        assert_eq!(alive.end(), Some(0));
        assert_eq!((seen[0].as_str(), seen[1].as_str(), seen[3].as_str()), ("33554432", "20", "50000 100000"));
        // Which weight 512 shares become depends on the formula; less than the default of 100 it is in each.
        assert!(seen[2].parse::<u32>().is_ok_and(|weight| (1..100).contains(&weight)), "{}", seen[2]);
    }

    fn a_terminal_is_the_containers_own(host) {
        require(Need::Program("script", "bsdutils"));
        let bundle = Bundle::new(host, "tty; stty size; test -t 0 && test -t 2 && echo terminal")
            .with("/process", "terminal", json!(true));
        let line = format!("stty rows 33 cols 77; {BINARY} --root {} run --bundle {} it", bundle.state().display(), bundle.write().display());
        let output = Command::new("script").args(["-qec", &line, "/dev/null"]).stdin(Stdio::null()).output();
        let output = output.expect("script starts");
        let text = String::from_utf8_lossy(&output.stdout).replace('\r', "");
        for expected in ["/dev/pts/0\n", "33 77\n", "terminal\n"] {
            assert!(text.contains(expected), "{expected:?} in {text:?}");
        }
    }

    fn bundles_that_cannot_be_run(host) {
        let ok = || Bundle::new(host, "true");
        let with = |object, key, value| ok().with(object, key, value);
        let shared = |kind: &str| {
            let path = format!("/proc/self/ns/{}", if kind == "network" { "net" } else { kind });
            with("/linux", "namespaces", json!([{ "type": "mount" }, { "type": kind, "path": path }]))
        };
        let cases = [
            ("no process", ok().without("", "process")),
            ("no root", ok().without("", "root")),
            ("no arguments", with("/process", "args", json!([]))),
            ("a root that is missing", with("/root", "path", json!("nosuch"))),
            ("a relative cwd", with("/process", "cwd", json!("tmp"))),
            ("a cwd below a file", with("/process", "cwd", json!("/etc/passwd/below"))),
            ("an unknown namespace", with("/linux", "namespaces", json!([{ "type": "mnt" }]))),
            ("a namespace twice", with("/linux", "namespaces", json!([{ "type": "mount" }, { "type": "mount" }]))),
            ("no mount namespace", with("/linux", "namespaces", json!([{ "type": "pid" }]))),
            ("a namespace to join that is missing", with("/linux", "namespaces",
                json!([{ "type": "mount" }, { "type": "network", "path": "/no/such" }]))),
            ("a user that is none", with("/process/user", "uid", json!(4_294_967_295_u32))),
            ("a group that is none", with("/process/user", "gid", json!(2_147_483_648_u32))),
            ("another group that is none", with("/process/user", "additionalGids", json!([0, 4_294_967_295_u32]))),
            ("an unknown limit", with("/process", "rlimits", json!([{ "type": "RLIMIT_X", "soft": 1, "hard": 1 }]))),
            ("an unknown device type", with("/linux", "devices", json!([{ "path": "/dev/x", "type": "x" }]))),
            ("a kernel parameter that leads out", with("/linux", "sysctl", json!({ "net/../../sysrq-trigger": "b" }))),
            ("a kernel parameter of the host", with("/linux", "sysctl", json!({ "vm.swappiness": "1" }))),
            ("the host's network by its path", shared("network").with("/linux", "sysctl", json!({ "net.ipv4.ip_default_ttl": "77" }))),
            ("the host's IPC by its path", shared("ipc").with("/linux", "sysctl", json!({ "kernel.msgmax": "77" }))),
            ("the host's names by their path", shared("uts").with("/linux", "sysctl", json!({ "kernel.domainname": "x" }))),
            ("an unknown action", with("/linux", "seccomp", json!({ "defaultAction": "SCMP_ACT_X" }))),
            ("a field of the wrong type", with("/process", "args", json!("sh"))),
        ];
        let complain = |(what, bundle): &(&str, Bundle)| format!("# {what}\n{}", bundle.run().complaint());
        let mut text: Vec<String> = cases.iter().map(complain).collect();
        let bundle = ok();
        let mut command = bundle.command();
        fs::write(bundle.directory.join("config.json"), "{ broken").expect("config.json");
        text.push(format!("# broken JSON\n{}", Said::from(command.output().expect("mini-runc starts")).complaint()));
        fs::remove_file(bundle.directory.join("config.json")).expect("no config.json");
        text.push(format!("# no config.json\n{}", Said::from(command.output().expect("mini-runc starts")).complaint()));
        insta::assert_snapshot!(text.join("\n\n").replace(&host.dir().display().to_string(), "DIR"));
    }

    /// CVE-2024-21626: the caller has left a directory of the host open, and the working directory is that.
    fn a_working_directory_outside_the_root_is_refused(host) {
        let bundle = Bundle::new(host, "ls").with("/process", "cwd", json!("/proc/self/fd/9"));
        let line = format!("exec 9</etc; exec {BINARY} --root {} run --bundle {} it", bundle.state().display(), bundle.write().display());
        let output = Command::new("sh").args(["-c", &line]).stdin(Stdio::null()).output().expect("sh starts");
        insta::assert_snapshot!(Said::from(output).complaint());
    }

    fn an_id_is_a_name_and_no_path(host) {
        let bundle = Bundle::new(host, "true").without("/linux", "cgroupsPath");
        let complaints = ["", ".", "..", "../x", "/x", "a b"].map(|id| {
            let mut command = bundle.runtime(&["run", "--bundle"]);
            command.arg(bundle.write()).arg(id);
            Said::from(command.output().expect("mini-runc starts")).complaint()
        });
        insta::assert_snapshot!(complaints.join("\n"));
    }

    /// Debian's crun is the judge: the same bundle, and the program finds the same. What differs on purpose is left
    /// out: our masks keep nosuid, nodev and noexec, and show the container's null device, not the host's; crun sets
    /// HOME where it is missing, and gives its own standard input to the container's user, so that is a pipe here.
    fn crun_makes_the_same_container(host) {
        require(Need::Program("crun", "crun"));
        let bundle = Bundle::new(host, INVENTORY)
            .with("/process", "user", json!({ "uid": 1000, "gid": 50, "additionalGids": [7, 8] }))
            .with("/process", "cwd", json!("/home/alice"))
            .with("/process", "env", json!(["PATH=/bin", "HOME=/home/alice"]))
            .with("/process", "capabilities", capabilities(&["CAP_KILL", "CAP_CHOWN"], true))
            .with("/process", "noNewPrivileges", json!(true))
            .with("/process", "oomScoreAdj", json!(10))
            .with("/process", "rlimits", json!([{ "type": "RLIMIT_NOFILE", "soft": 100, "hard": 200 }]))
            .with("/root", "readonly", json!(true))
            .with("/linux", "maskedPaths", json!(["/proc/version", "/sys/firmware"]))
            .with("/linux", "readonlyPaths", json!(["/proc/sys"]))
            .with("/linux", "sysctl", json!({ "net.ipv4.ip_default_ttl": "77" }))
            .with("/linux", "resources", json!({ "pids": { "limit": 20 } }));
        let ours = bundle.state().display().to_string();
        let ours = beside_hugetlb(host, &[BINARY, "--root", &ours, "run", "--bundle"], &bundle);
        let state = host.dir().join("crun").display().to_string();
        let crun = ["crun", "--root", &state, "--cgroup-manager=cgroupfs", "run", "--bundle"];
        let theirs = beside_hugetlb(host, &crun, &bundle);
        assert_eq!((ours.code, theirs.code), (Some(0), Some(0)), "{}{}", ours.stderr, theirs.stderr);
        let (ours, theirs): (Vec<&str>, Vec<&str>) = (ours.stdout.lines().collect(), theirs.stdout.lines().collect());
        let only_ours: Vec<&&str> = ours.iter().filter(|line| !theirs.contains(line)).collect();
        let only_theirs: Vec<&&str> = theirs.iter().filter(|line| !ours.contains(line)).collect();
        assert!(ours.len() > 40, "the script said something: {ours:?}");
        assert_eq!((only_ours, only_theirs), (Vec::new(), Vec::new()), "lines of mini-runc alone, of crun alone");
    }
}

fn limited(host: &Host) -> Bundle {
    Bundle::new(host, STAY).with(
        "/linux",
        "resources",
        json!({
            "memory": { "limit": 32 << 20 },
            "pids": { "limit": 20 },
            "cpu": { "shares": 512, "quota": 50_000, "period": 100_000 },
        }),
    )
}

/// Runs COMMAND BUNDLE ID. Beside v1 hierarchies crun insists on one for hugetlb: it gets one, in a mount namespace
/// that ends with it, on a copy of the directory, for the directory itself is the machine's.
fn beside_hugetlb(host: &Host, command: &[&str], bundle: &Bundle) -> Said {
    const SCRIPT: &str = r#"
        set -e
        copy=$1; shift
        if ! test -e /sys/fs/cgroup/cgroup.controllers; then
            mkdir -p $copy
            mount -t tmpfs cgroups $copy
            for hierarchy in /sys/fs/cgroup/*/; do
                name=$(basename $hierarchy)
                mkdir $copy/$name
                mount --bind $hierarchy $copy/$name
            done
            mkdir -p $copy/hugetlb
            mountpoint -q $copy/hugetlb || mount -t cgroup -o hugetlb hugetlb $copy/hugetlb
            mount --rbind $copy /sys/fs/cgroup
        fi
        exec "$@"
    "#;
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", SCRIPT, "sh"])
        .arg(host.dir().join("cgroups"))
        .args(command)
        .arg(bundle.write())
        .arg("oracle")
        .stdin(Stdio::piped())
        .output();
    output.expect("unshare starts").into()
}
