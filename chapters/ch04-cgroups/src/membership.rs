//! In which group of each tree a process is, and what the group's files say: for people who want to see it. What limits
//! nothing is left out.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::layout::Layout;
use crate::stats::number_of;

/// A file that limits, and what stands in it when it does not.
const LIMITS: [(&str, &[&str]); 22] = [
    ("memory.limit_in_bytes", UNLIMITED_V1),
    ("memory.memsw.limit_in_bytes", UNLIMITED_V1),
    ("memory.soft_limit_in_bytes", UNLIMITED_V1),
    ("memory.min", &["0"]),
    ("memory.low", &["0"]),
    ("memory.high", &["max"]),
    ("memory.max", &["max"]),
    ("memory.swap.max", &["max"]),
    ("cpu.shares", &["1024"]),
    ("cpu.cfs_quota_us", &["-1"]),
    ("cpu.weight", &["100"]),
    ("cpu.max", &["max 100000"]),
    ("cpuset.cpus", &[""]),
    ("cpuset.mems", &[""]),
    ("pids.max", &["max"]),
    ("blkio.weight", &["100", "500", "1000"]),
    ("blkio.bfq.weight", &["100"]),
    ("io.weight", &["default 100"]),
    ("io.max", &[""]),
    ("devices.list", &["a *:* rwm"]),
    ("freezer.state", &["THAWED"]),
    ("cgroup.freeze", &["0"]),
];
/// No limit, in pages of 4 or of 64 KiB.
const UNLIMITED_V1: &[&str] = &["9223372036854771712", "9223372036854710272"];

/// A file that counts, and the line of it that is meant.
const USAGE: [(&str, Option<&str>); 15] = [
    ("memory.usage_in_bytes", None),
    ("memory.max_usage_in_bytes", None),
    ("memory.current", None),
    ("memory.peak", None),
    ("memory.swap.current", None),
    ("memory.oom_control", Some("oom_kill")),
    ("memory.events", Some("oom_kill")),
    ("cpuacct.usage", None),
    ("cpu.stat", Some("usage_usec")),
    ("cpu.stat", Some("nr_throttled")),
    ("pids.current", None),
    ("pids.peak", None),
    ("pids.events", Some("max")),
    ("cgroup.events", Some("populated")),
    ("cgroup.events", Some("frozen")),
];

/// One number, or line, of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reading {
    /// The file.
    pub file: String,
    /// The line in it, where it has several.
    pub key: String,
    /// What stands there.
    pub value: String,
}

/// The group of a process in one tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Membership {
    /// 1 or 2.
    pub version: u8,
    /// Those of the tree; on v2, those that the group has been given.
    pub controllers: Vec<String>,
    /// The group, from the top of the tree as we see it.
    pub path: String,
    /// Its directory, where the tree is mounted.
    pub directory: Option<PathBuf>,
    /// What is set.
    pub limits: Vec<Reading>,
    /// What is counted.
    pub usage: Vec<Reading>,
}

impl Membership {
    /// Of a process whose `/proc/PID/cgroup` (`cgroups(7)`) is `text`. The groups may go while they are looked at; what cannot
    /// be read is not said.
    pub fn of(layout: &Layout, text: &str) -> Vec<Self> {
        text.lines().filter_map(|line| Self::line(layout, line)).collect()
    }

    fn line(layout: &Layout, line: &str) -> Option<Self> {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let mount = match (layout, controllers) {
            (Layout::V2(mount), "") => Some(mount.as_path()),
            (Layout::V1(_, v2), "") => v2.as_deref(),
            (_, controllers) => layout.v1_mount(controllers.split(',').next()?),
        };
        // A group above our own namespace's top is not below the mount.
        let below = path.strip_prefix('/').filter(|below| !below.split('/').any(|part| part == ".."));
        let directory = mount.zip(below).map(|(mount, below)| mount.join(below)).filter(|path| path.is_dir());
        let version = if controllers.is_empty() { 2 } else { 1 };
        let given =
            directory.as_deref().filter(|_| version == 2).and_then(|group| content(group, "cgroup.controllers"));
        let controllers = given.unwrap_or_else(|| controllers.replace(',', " "));
        let controllers: Vec<String> = controllers.split_ascii_whitespace().map(str::to_owned).collect();
        // The top of a tree is everybody's.
        let read = directory.as_deref().filter(|_| path != "/");
        let limits = read.map(|group| limits(group, mount)).unwrap_or_default();
        let usage = read.map(usage).unwrap_or_default();
        Some(Self { version, controllers, path: path.into(), directory, limits, usage })
    }
}

fn content(directory: &Path, file: &str) -> Option<String> {
    fs::read_to_string(directory.join(file)).ok().map(|text| text.trim().to_owned())
}

fn limits(group: &Path, mount: Option<&Path>) -> Vec<Reading> {
    let set = LIMITS.iter().filter_map(|(file, neutral)| {
        let value = content(group, file)?;
        // A set of processors begins as that of the group above.
        let inherited =
            file.starts_with("cpuset.") && mount.and_then(|mount| content(mount, file)).as_ref() == Some(&value);
        let limits = !inherited && !neutral.contains(&value.as_str());
        limits.then(|| Reading { file: (*file).into(), key: String::new(), value })
    });
    let mut set: Vec<Reading> = set.collect();
    if set.iter().any(|reading| reading.file == "cpu.cfs_quota_us") {
        let (file, key) = ("cpu.cfs_period_us".to_owned(), String::new());
        set.extend(content(group, &file).map(|value| Reading { file, key, value }));
    }
    set
}

fn usage(group: &Path) -> Vec<Reading> {
    let reading = |(file, key): &(&str, Option<&str>)| {
        let text = content(group, file)?;
        let value = match key {
            Some(key) => number_of(&text, key)?.to_string(),
            None => text,
        };
        Some(Reading { file: (*file).into(), key: key.unwrap_or_default().into(), value })
    };
    USAGE.iter().filter_map(reading).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let mount = tempfile::tempdir().expect("a directory");
        fs::create_dir(mount.path().join("g")).expect("a group");
        for (name, text) in files {
            fs::write(mount.path().join(name), text).expect("a file");
        }
        mount
    }

    #[test]
    fn of_one_tree_what_limits_is_told_and_what_is_counted() {
        let mount = tree(&[
            ("cpuset.mems", "0\n"),
            ("g/cgroup.controllers", "memory pids\n"),
            ("g/memory.max", "1048576\n"),
            ("g/memory.high", "max\n"),
            ("g/cpuset.mems", "0\n"),
            ("g/cpuset.cpus", "1\n"),
            ("g/pids.current", "3\n"),
            ("g/memory.events", "low 0\noom_kill 2\n"),
        ]);
        let layout = Layout::V2(mount.path().into());
        let found = Membership::of(&layout, "0::/g\nnonsense\n");
        let text = |list: &[Reading]| {
            list.iter().map(|Reading { file, key, value }| format!("{file} {key}={value}")).collect::<Vec<_>>()
        };
        assert_eq!(found.len(), 1);
        assert_eq!(text(&found[0].limits), ["memory.max =1048576", "cpuset.cpus =1"]);
        assert_eq!(text(&found[0].usage), ["memory.events oom_kill=2", "pids.current =3"]);
        assert_eq!((found[0].version, found[0].controllers.join(" ").as_str()), (2, "memory pids"));
        assert_eq!(found[0].directory, Some(mount.path().join("g")));
    }

    #[test]
    fn what_is_outside_the_tree_or_at_its_top_has_nothing_to_tell() {
        let mount = tree(&[("pids.max", "5\n")]);
        let layout = Layout::V2(mount.path().into());
        let found = Membership::of(&layout, "0::/\n0::/../../etc\n7:pids:/g\n");
        assert!(found.iter().all(|group| group.limits.is_empty() && group.usage.is_empty()), "{found:?}");
        assert_eq!(found[1].directory, None);
        assert_eq!((found[2].controllers.as_slice(), &found[2].directory), (["pids".to_owned()].as_slice(), &None));
    }
}
