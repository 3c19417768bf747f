//! What exists in the throw-away host before and after a test: mounts, links, groups, processes, descriptors.

use std::collections::BTreeMap;
use std::fs;

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::cgroup;
use crate::host::Host;

/// Things by name, each with how often it occurs.
#[derive(Debug)]
pub(crate) struct Snapshot(BTreeMap<String, usize>);

impl Snapshot {
    pub(crate) fn take(host: &Host) -> Self {
        reap();
        let mut things = BTreeMap::new();
        let mut note = |thing: String| *things.entry(thing).or_insert(0) += 1;
        for line in read("/proc/self/mountinfo").lines() {
            // Without the ids, which say nothing, and the optional fields.
            let fields: Vec<&str> = line.split(' ').collect();
            let kind = line.split_once(" - ").map_or("", |(_, right)| right);
            note(format!("mount {} ({})", fields.get(4).unwrap_or(&""), kind));
        }
        for line in read("/proc/self/net/dev").lines().skip(2) {
            note(format!("network device {}", line.split(':').next().unwrap_or_default().trim()));
        }
        for group in cgroup::groups(&host.cgroup_name()) {
            note(format!("control group {}", group.display()));
        }
        for pid in numeric_entries("/proc").into_iter().filter(|pid| *pid != std::process::id()) {
            note(format!("process {pid} ({})", read(&format!("/proc/{pid}/comm")).trim()));
        }
        for descriptor in numeric_entries("/proc/self/fd") {
            if let Ok(target) = fs::read_link(format!("/proc/self/fd/{descriptor}")) {
                // The directory that is being listed is open only because it is being listed.
                if !target.ends_with("fd") {
                    note(format!("descriptor of {}", without_number(&target.to_string_lossy())));
                }
            }
        }
        note(format!("host name {}", read("/proc/sys/kernel/hostname").trim()));
        Self(things)
    }

    /// One line for each thing that is new, and for each that is gone.
    pub(crate) fn compare(&self, after: &Self) -> Vec<String> {
        let new = after.0.iter().filter(|(thing, count)| self.0.get(*thing).unwrap_or(&0) < count);
        let gone = self.0.iter().filter(|(thing, count)| after.0.get(*thing).unwrap_or(&0) < count);
        new.map(|(thing, _)| format!("  new:  {thing}"))
            .chain(gone.map(|(thing, _)| format!("  gone: {thing}")))
            .collect()
    }
}

/// Orphans of the test come to us, PID 1. Those that have ended are no leak.
fn reap() {
    loop {
        match waitpid(Pid::from_raw(-1), Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return,
            _ => {}
        }
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn numeric_entries(directory: &str) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// `pipe:[1234]` and `pipe:[1240]` are alike.
fn without_number(target: &str) -> &str {
    target.split(":[").next().unwrap_or(target)
}
