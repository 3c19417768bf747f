//! Containers out of busybox, made by the library itself.
#![allow(dead_code, reason = "each test file uses a part")]

use std::fs;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::unistd::Pid;
use process::{ExitStatus, Failure, Identity};
use rootfs::Root;
use runtime::spec::{Capabilities, Process, Spec};
use runtime::{Container, Ends, Exec, Running, Stdio, Text};
use testkit::{Host, Need, require};

/// A container that runs until its input ends, and whose first process reaps nobody.
pub(crate) struct Resident {
    pub(crate) running: Running,
    pub(crate) spec: Spec,
    pub(crate) init: Identity,
    pub(crate) group: PathBuf,
}

impl Resident {
    pub(crate) fn new(host: &Host) -> Self {
        Self::with(host, |_| {})
    }

    pub(crate) fn with(host: &Host, change: impl FnOnce(&mut Spec)) -> Self {
        let mut spec = Spec::docker_default();
        spec.hostname = "ship".into();
        Self::of(host, spec, change)
    }

    pub(crate) fn of(host: &Host, mut spec: Spec, change: impl FnOnce(&mut Spec)) -> Self {
        require(Need::Busybox);
        let root = host.dir().join("rootfs");
        let root = if root.exists() { root } else { host.rootfs() };
        let group = PathBuf::from(host.cgroup_name()).join("c");
        spec.linux.cgroups_path = group.display().to_string();
        spec.process.as_mut().expect("a process").args = words(&["cat"]);
        change(&mut spec);
        let container = Container {
            id: "resident",
            spec: &spec,
            root: Root::Directory(root),
            stdio: Stdio::Pipes { input: true },
            cache: None,
            attached: true,
        };
        let running = container.start().map_err(Failure::from).expect("a container");
        let init = Identity::of(running.child().pid()).expect("its first process");
        Self { running, spec, init, group }
    }

    /// A process like the container's own, with other words.
    pub(crate) fn process(&self, args: &[&str]) -> Process {
        let own = self.spec.process.clone().expect("a process");
        Process { args: words(args), ..own }
    }

    pub(crate) fn exec<'a>(&'a self, process: &'a Process, part: Option<&'a str>) -> Exec<'a> {
        Exec {
            init: self.init,
            spec: &self.spec,
            cgroup: &self.group,
            process,
            stdio: Stdio::Pipes { input: true },
            cache: None,
            attached: true,
            part,
            watched: false,
            preserved: 0,
            state: None,
        }
    }

    /// What a script prints, and how it ends.
    pub(crate) fn said(&self, script: &str, part: Option<&str>) -> (String, ExitStatus) {
        let process = self.process(&["sh", "-c", script]);
        said(self.exec(&process, part))
    }

    pub(crate) fn end(self) {
        let Self { mut running, group, .. } = self;
        drop(running.ends.stdin.take());
        running.parts().0.wait().expect("an end");
        running.end().map_err(Failure::from).expect("an end").remove().expect("no group");
        remove_parent(&group);
    }

    /// The processes of the container, zombies too, as their first process's children and theirs.
    pub(crate) fn children(&self) -> String {
        children(self.init.pid)
    }
}

/// A container that has what it takes to be one, and no more: what is tested of its life is to depend on nothing else.
pub(crate) fn plain() -> Spec {
    let mut spec = Spec::docker_unfiltered(Capabilities::docker_default());
    spec.linux.resources = runtime::spec::Limits::default();
    spec.linux.masked_paths.clear();
    spec.linux.readonly_paths.clear();
    spec.linux.sysctl.clear();
    spec
}

/// Of the group that the library has made above the container's.
pub(crate) fn remove_parent(group: &Path) {
    let layout = cgroups::Layout::detect().expect("hierarchies");
    if let Some(parent) = group.parent()
        && let Ok(parent) = cgroups::Cgroup::open(&layout, parent)
    {
        parent.remove().expect("no parent");
    }
}

pub(crate) fn children(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("a list").trim().to_owned()
}

pub(crate) fn words(list: &[&str]) -> Vec<Text> {
    list.iter().map(|word| (*word).into()).collect()
}

/// Runs it to its end.
pub(crate) fn said(exec: Exec) -> (String, ExitStatus) {
    let mut executed = exec.start().map_err(Failure::from).expect("a process");
    let Ends { stdin, stdout, stderr, terminal } = std::mem::take(&mut executed.ends);
    drop(stdin);
    let text: String = [terminal, stdout, stderr].into_iter().flatten().map(all).collect();
    let status = executed.parts().0.wait().expect("an end");
    executed.end().map_err(Failure::from).expect("nothing left");
    (text, status)
}

fn all(from: OwnedFd) -> String {
    let mut text = Vec::new();
    // A terminal's other side ends with EIO.
    let _ = fs::File::from(from).read_to_end(&mut text);
    String::from_utf8_lossy(&text).replace('\r', "")
}

/// A field of `/proc/PID/status`.
pub(crate) fn status(pid: Pid, field: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.expect(field).trim().replace('\t', " ")
}
