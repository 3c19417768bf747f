//! What concerns everybody's share: processes, memory, and the files that limit them.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount, umount};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::pause;

use crate::files::scratch;
use crate::{Facts, Lost, Outcome, system};

/// As many as would be enough to show that there is no limit, and no more.
pub(crate) fn start_processes(_: &Facts) -> Outcome {
    const ENOUGH: usize = 64;
    let mut children = Vec::new();
    let mut refused = None;
    while children.len() < ENOUGH && refused.is_none() {
        match system::fork(pause) {
            Ok(child) => children.push(child),
            Err(error) => refused = Some(error),
        }
    }
    for child in children {
        let _ = kill(child, Signal::SIGKILL);
        let _ = waitpid(child, None);
    }
    refused.map_or_else(|| Ok(format!("{ENOUGH} processes")), |error| Err(error.into()))
}

/// More than a container of the early chapters may have, and little for a machine. Whoever may not is killed.
pub(crate) fn take_memory(_: &Facts) -> Outcome {
    const BYTES: usize = 96 << 20;
    const PAGE: usize = 4096;
    let mut taken = vec![0_u8; BYTES];
    taken.iter_mut().step_by(PAGE).for_each(|byte| *byte = 1);
    let sum: usize = std::hint::black_box(&taken).iter().step_by(PAGE).map(|byte| usize::from(*byte)).sum();
    if sum == BYTES / PAGE { Ok("96 MiB".into()) } else { Err(Lost("not written".into())) }
}

/// Mounts a tree of control groups, and opens what names the program that the kernel runs, as root of the host, when a
/// group becomes empty. It is not written.
pub(crate) fn open_release_agent(_: &Facts) -> Outcome {
    // A tree without a controller may be had where all controllers are in the one of version 2.
    let kinds = ["pids", "memory", "none,name=attack"];
    first(kinds.iter().map(|options| {
        mounted("cgroup", options, |place| {
            OpenOptions::new().write(true).open(place.join("release_agent"))?;
            Ok("open".into())
        })
    }))
}

/// Opens the file that limits our own memory: where it is, or in a tree that we mount ourselves.
pub(crate) fn open_own_limit(_: &Facts) -> Outcome {
    let limits = ["memory.max", "memory.limit_in_bytes"];
    let open = |directory: &Path| {
        first(limits.iter().map(|name| {
            OpenOptions::new().write(true).open(directory.join(name))?;
            Ok(format!("{name} is open"))
        }))
    };
    let places = ["/sys/fs/cgroup", "/sys/fs/cgroup/memory"].map(PathBuf::from);
    first(places.iter().map(|place| open(place))).or_else(|_| {
        first([("cgroup2", ""), ("cgroup", "memory")].iter().map(|(kind, with)| mounted(kind, with, open)))
    })
}

/// The first that was won, or why the last was lost.
fn first(outcomes: impl Iterator<Item = Outcome>) -> Outcome {
    let mut last = Err(Lost("nothing to try".into()));
    for outcome in outcomes {
        if outcome.is_ok() {
            return outcome;
        }
        last = outcome;
    }
    last
}

/// Does something with a new mount, which is taken away again.
fn mounted(kind: &str, options: &str, inside: impl FnOnce(&Path) -> Outcome) -> Outcome {
    let place = scratch("groups")?;
    let done = mount(Some(kind), &place, Some(kind), MsFlags::empty(), Some(options)).map_err(Lost::from);
    let outcome = done.and_then(|()| {
        let outcome = inside(&place);
        umount(&place)?;
        outcome
    });
    std::fs::remove_dir(place)?;
    outcome
}
