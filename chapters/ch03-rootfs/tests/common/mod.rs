//! A process in a root of its own, and its mount table as the host sees it.
#![allow(dead_code, reason = "each test file uses a part")]

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::sched::{CloneFlags, unshare};
use process::Failure;
use rootfs::{Mount, Root, Rootfs};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use testkit::Inmate;

/// Puts a child into `root` by `plan` and asks it a question there.
pub(crate) fn inside(root: &Path, plan: &Rootfs, ask: impl FnOnce() -> String) -> Inmate {
    Inmate::new(|| {
        enter(root, plan).unwrap_or_else(|failure| panic!("{failure}"));
        ask()
    })
}

/// What the attempt to enter fails with.
pub(crate) fn failure(root: &Path, plan: &Rootfs) -> String {
    let inmate = Inmate::new(|| match enter(root, plan) {
        Ok(()) => "no failure".into(),
        Err(failure) => format!("{}\n{}", failure.message, failure.hint.unwrap_or_default()).trim().to_owned(),
    });
    inmate.said().to_owned()
}

pub(crate) fn enter(root: &Path, plan: &Rootfs) -> Result<(), Failure> {
    unshare(CloneFlags::CLONE_NEWNS).expect("unshare");
    plan.prepare(Root::Directory(root.into()))?.pivot()?;
    Ok(())
}

/// Counts how often files are opened, which to find them (`O_PATH`) does not count as.
pub(crate) struct Watch(OwnedFd);

impl Watch {
    pub(crate) fn new(files: &[&Path]) -> Self {
        let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).expect("inotify");
        for file in files {
            inotify::add_watch(&events, *file, WatchFlags::OPEN).expect("a watch");
        }
        Self(events)
    }

    pub(crate) fn opened(&self) -> usize {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.0, &mut buffer);
        std::iter::from_fn(|| reader.next().ok().map(drop)).count()
    }
}

/// One line for each mount: place, type, options. Without the numbers, which differ from run to run.
pub(crate) fn mounts(inmate: &Inmate) -> Vec<String> {
    inmate
        .proc("mountinfo")
        .lines()
        .map(|line| {
            let (left, right) = line.split_once(" - ").expect("a separator");
            let left: Vec<&str> = left.split(' ').collect();
            format!("{} {} {} {}", left[4], right.split(' ').next().expect("a type"), left[5], left[6..].join(","))
        })
        .collect()
}

pub(crate) fn mount(destination: &str, kind: &str, source: &Path, options: &[&str]) -> Mount {
    Mount {
        destination: destination.into(),
        kind: kind.into(),
        source: Some(source.into()),
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        ..Mount::default()
    }
}
