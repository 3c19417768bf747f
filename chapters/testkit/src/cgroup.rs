//! Where cgroup hierarchies are mounted, and what a test left in them.

use std::fs;
use std::path::{Path, PathBuf};

/// A test's group is named after its directory, which is unique while it runs.
pub(crate) fn name_for(host: &Path) -> String {
    let parent = host.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    format!("mini-docker-test-{}", parent.trim_start_matches('.'))
}

/// `(mount point, file system type, super options)` of every cgroup mount.
fn mounts() -> Vec<(PathBuf, String, String)> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    table
        .lines()
        .filter_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            let point = left.split(' ').nth(4)?;
            let mut right = right.split(' ');
            let (kind, options) = (right.next()?, right.nth(1)?);
            kind.starts_with("cgroup").then(|| (point.into(), kind.into(), options.into()))
        })
        .collect()
}

pub(crate) fn v1_mount(controller: &str) -> Option<PathBuf> {
    mounts()
        .into_iter()
        .find(|(_, kind, options)| kind == "cgroup" && options.split(',').any(|option| option == controller))
        .map(|(point, _, _)| point)
}

pub(crate) fn v2_controllers() -> Vec<String> {
    let Some((point, _, _)) = mounts().into_iter().find(|(_, kind, _)| kind == "cgroup2") else { return Vec::new() };
    let list = fs::read_to_string(point.join("cgroup.controllers")).unwrap_or_default();
    list.split_whitespace().map(str::to_owned).collect()
}

/// Every group of this test, in every hierarchy, deepest first.
pub(crate) fn groups(name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (point, _, _) in mounts() {
        collect(&point.join(name), &mut found);
    }
    found.sort();
    found.dedup();
    found.reverse();
    found
}

fn collect(group: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(group) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        collect(&entry.path(), found);
    }
    found.push(group.into());
}

/// The last resort, after a failure: the processes died with their PID namespace, the groups are empty.
pub(crate) fn remove(name: &str) {
    for group in groups(name) {
        // A test that was killed in the middle may have left it frozen, and a frozen process does not even die.
        let _ = fs::write(group.join("freezer.state"), "THAWED");
        let _ = fs::write(group.join("cgroup.freeze"), "0");
        let _ = fs::remove_dir(group);
    }
}
