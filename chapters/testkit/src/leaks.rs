//! What exists in the throw-away host before and after a test: mounts, links, groups, processes, descriptors.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::time::{Duration, Instant, SystemTime};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, pidfd_open};

use crate::cgroup;
use crate::host::Host;

const MOUNT: &str = "mount ";

/// Things by name, each with how often it occurs.
#[derive(Debug)]
pub(crate) struct Snapshot {
    things: BTreeMap<String, usize>,
    when: SystemTime,
}

impl Snapshot {
    /// After a test: what just cleans up behind its caller, or is about to end, is waited for.
    pub(crate) fn take_at_rest(host: &Host) -> Self {
        const PATIENCE: Duration = Duration::from_secs(5);
        let deadline = Instant::now() + PATIENCE;
        for pid in numeric_entries("/proc").into_iter().filter(|pid| *pid != std::process::id()) {
            let left = PollTimeout::try_from(deadline.saturating_duration_since(Instant::now()));
            let pidfd = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
            if let Some(Ok(pidfd)) = pidfd.map(|pid| pidfd_open(pid, PidfdFlags::empty())) {
                let _ = poll(&mut [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)], left.unwrap_or(PollTimeout::ZERO));
            }
        }
        Self::take(host)
    }

    pub(crate) fn take(host: &Host) -> Self {
        reap();
        let mut things = BTreeMap::new();
        let mut note = |thing: String| *things.entry(thing).or_insert(0) += 1;
        for line in read("/proc/self/mountinfo").lines() {
            // Without the ids, which say nothing, and the optional fields.
            let fields: Vec<&str> = line.split(' ').collect();
            let kind = line.split_once(" - ").map_or("", |(_, right)| right);
            note(format!("{MOUNT}{} ({})", fields.get(4).unwrap_or(&""), kind));
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
        Self { things, when: SystemTime::now() }
    }

    /// One line for each thing that is new, and for each that is gone.
    pub(crate) fn compare(&self, after: &Self) -> Vec<String> {
        let new = after.things.iter().filter(|(thing, count)| self.things.get(*thing).unwrap_or(&0) < count);
        let gone = self.things.iter().filter(|(thing, count)| after.things.get(*thing).unwrap_or(&0) < count);
        let gone = gone.filter(|(thing, _)| !self.was_taken_by_others(thing));
        new.map(|(thing, _)| format!("  new:  {thing}"))
            .chain(gone.map(|(thing, _)| format!("  gone: {thing}")))
            .collect()
    }
}

impl Snapshot {
    /// Our table began as a copy of the machine's. Whoever removes a directory there takes away what is mounted on it in
    /// every other table (`rmdir(2)` since Linux 3.18): then the directory is gone, or another has its name since.
    fn was_taken_by_others(&self, thing: &str) -> bool {
        let Some(place) = thing.strip_prefix(MOUNT).and_then(|rest| rest.split(' ').next()) else { return false };
        match fs::symlink_metadata(unescape(place)) {
            Err(error) => error.kind() == ErrorKind::NotFound,
            Ok(now) => now.created().is_ok_and(|created| created > self.when),
        }
    }
}

/// mountinfo writes a space as `\040` (`proc_pid_mountinfo(5)`).
fn unescape(place: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(place.to_owned(), |place, (code, character)| place.replace(code, character))
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

#[cfg(test)]
mod tests {
    use nix::mount::{MntFlags, MsFlags, mount, umount, umount2};
    use nix::sched::{CloneFlags, unshare};

    use super::*;
    use crate::Inmate;

    crate::kernel_test! {
        /// As another program of the machine does with a directory of its own, while a test runs.
        fn what_others_unmount_and_remove_is_no_leak(host) {
            for name in ["gone", "made anew", "unmounted here"] {
                fs::create_dir(host.dir().join(name)).expect("a directory");
                mount(Some("none"), &host.dir().join(name), Some("tmpfs"), MsFlags::empty(), None::<&str>).expect("a tmpfs");
            }
            let before = Snapshot::take(host);
            drop(Inmate::new(|| {
                unshare(CloneFlags::CLONE_NEWNS).expect("a mount table of its own");
                for name in ["gone", "made anew"] {
                    umount2(&host.dir().join(name), MntFlags::MNT_DETACH).expect("unmount");
                    fs::remove_dir(host.dir().join(name)).expect("remove");
                }
                // The clock of files ticks some hundred times a second only.
                let anew = host.dir().join("made anew");
                let is_later = || fs::metadata(&anew).and_then(|file| file.created()).is_ok_and(|time| time > before.when);
                while !is_later() {
                    let _ = fs::remove_dir(&anew);
                    fs::create_dir(&anew).expect("a directory");
                }
                String::new()
            }));
            assert_eq!(before.compare(&Snapshot::take(host)), Vec::<String>::new());
            umount(&host.dir().join("unmounted here")).expect("unmount");
            let leaked = before.compare(&Snapshot::take(host)).join("");
            assert!(leaked.starts_with("  gone: mount ") && leaked.contains("here"), "{leaked}");
        }
    }
}
