//! Bundles made for a test, and containers that run long enough to be looked at.
#![allow(dead_code, reason = "each test file uses a part")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use testkit::{Host, Need, require};

use crate::common::Said;

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_mini-runc");

/// A directory with `config.json`, and busybox for its root.
#[derive(Clone)]
pub(crate) struct Bundle {
    pub(crate) directory: PathBuf,
    config: Value,
}

impl Bundle {
    /// Runs `sh -c SCRIPT` in namespaces of its own, as a root without any capability.
    pub(crate) fn new(host: &Host, script: &str) -> Self {
        require(Need::Busybox);
        let directory = host.dir().join("bundle");
        if !directory.exists() {
            fs::create_dir(&directory).expect("a directory");
            fs::rename(host.rootfs(), directory.join("rootfs")).expect("a root for the bundle");
        }
        let mount = |destination: &str, kind: &str, options: &str| {
            let options: Vec<&str> = options.split(',').collect();
            json!({ "destination": destination, "type": kind, "source": kind, "options": options })
        };
        let own = ["mount", "uts", "ipc", "pid", "network", "cgroup"].map(|kind| json!({ "type": kind }));
        let config = json!({
            "ociVersion": "1.0.2",
            "process": {
                "user": { "uid": 0, "gid": 0 },
                "args": ["sh", "-c", script],
                "env": ["PATH=/bin", "COLOUR=blue"],
                "cwd": "/",
            },
            "root": { "path": "rootfs" },
            "hostname": "ship",
            "mounts": [
                mount("/proc", "proc", "nosuid,noexec,nodev"),
                mount("/dev", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"),
                mount("/dev/pts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"),
                mount("/dev/shm", "tmpfs", "nosuid,noexec,nodev,mode=1777,size=65536k"),
                mount("/dev/mqueue", "mqueue", "nosuid,noexec,nodev"),
                mount("/sys", "sysfs", "nosuid,noexec,nodev,ro"),
            ],
            "linux": {
                "cgroupsPath": format!("/{}", host.cgroup_name()),
                "namespaces": own,
            },
        });
        Self { directory, config }
    }

    /// Sets one field, named by a JSON pointer to its object and its key.
    pub(crate) fn with(mut self, object: &str, key: &str, value: Value) -> Self {
        self.config.pointer_mut(object).expect(object)[key] = value;
        self
    }

    pub(crate) fn without(mut self, object: &str, key: &str) -> Self {
        self.config.pointer_mut(object).and_then(Value::as_object_mut).expect(object).remove(key);
        self
    }

    pub(crate) fn with_mount(mut self, mount: Value) -> Self {
        self.config["mounts"].as_array_mut().expect("mounts").push(mount);
        self
    }

    pub(crate) fn write(&self) -> &Path {
        fs::write(self.directory.join("config.json"), self.config.to_string()).expect("config.json");
        &self.directory
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = self.runtime(&["run", "--bundle"]);
        command.arg(self.write()).arg("it");
        command
    }

    /// The runtime, with containers of the test's own.
    pub(crate) fn runtime(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.env_clear().env("PATH", "/usr/bin:/bin").arg("--root").arg(self.state()).args(arguments);
        command.stdin(Stdio::null());
        command
    }

    /// Where containers are written down.
    pub(crate) fn state(&self) -> PathBuf {
        self.directory.with_file_name("state")
    }

    pub(crate) fn run(&self) -> Said {
        self.command().output().expect("mini-runc starts").into()
    }

    /// Standard output of a run that must work.
    pub(crate) fn out(&self) -> String {
        let said = self.run();
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        said.stdout.trim_end().to_owned()
    }

    /// Starts it and waits for its first line. It ends when it is dropped.
    pub(crate) fn start(&self) -> Alive {
        let mut child = self.command().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("mini-runc starts");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n");
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).expect("a list");
        let pid = children.split_whitespace().next().expect("a container").parse().expect("a number");
        Alive { child, output, pid }
    }
}

/// Says "ready" and stays until its input ends.
pub(crate) const STAY: &str = "echo ready; cat";

/// A container that runs.
pub(crate) struct Alive {
    child: Child,
    output: BufReader<ChildStdout>,
    /// Of its program, as we count.
    pub(crate) pid: u32,
}

impl Alive {
    pub(crate) fn namespace(&self, kind: &str) -> PathBuf {
        namespace(&self.pid.to_string(), kind)
    }

    /// A file of its group in the hierarchy of this controller; in the v2 hierarchy if that is empty.
    pub(crate) fn cgroup_file(&self, controller: &str, file: &str) -> String {
        let table = fs::read_to_string("/proc/self/mountinfo").expect("our mounts");
        let kind = if controller.is_empty() { "cgroup2" } else { "cgroup" };
        let mounted = table.lines().find_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            let mut right = right.split(' ');
            let right_kind = right.next() == Some(kind);
            let options = right.nth(1)?;
            let named = controller.is_empty() || options.split(',').any(|option| option == controller);
            (right_kind && named).then(|| left.split(' ').nth(4))?
        });
        let groups = fs::read_to_string(format!("/proc/{}/cgroup", self.pid)).expect("its groups");
        let group = groups.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            fields.next()?.split(',').any(|name| name == controller).then(|| fields.next())?
        });
        let path = format!("{}{}/{file}", mounted.expect("a hierarchy"), group.expect("a group"));
        fs::read_to_string(&path).expect(&path).trim().to_owned()
    }

    pub(crate) fn end(mut self) -> Option<i32> {
        drop(self.child.stdin.take());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).expect("the rest");
        self.child.wait().expect("an end").code()
    }
}

pub(crate) fn namespace(process: &str, kind: &str) -> PathBuf {
    fs::read_link(format!("/proc/{process}/ns/{kind}")).expect(kind)
}
