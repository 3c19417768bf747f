//! `events`: what a container uses, in runc's JSON, and a line whenever its memory is out.

use cgroups::{OomEvent, Stats};
use mini_docker::outcome;
use nix::errno::Errno;
use nix::poll::{PollFd, PollTimeout, poll};
use process::{Failure, FailureKind};
use runtime::{Entry, Status};
use serde_json::{Value, json};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

pub(crate) fn events(entry: &Entry, interval: u32, once: bool) -> Result<(), Failure> {
    let id = &entry.record.id;
    if entry.status() == Status::Stopped {
        let message = format!("container with id {id} is not running");
        return Err(Failure::new(FailureKind::Conflict, message));
    }
    let group = entry.cgroup()?;
    let line =
        || outcome::print(format_args!("{}\n", json!({ "type": "stats", "id": id, "data": shown(&group.stats()) })));
    if once {
        return line();
    }
    let interval = Duration::from_secs(interval.into());
    // Where memory is not counted, nothing is told of it.
    let mut watch = group.oom_watch().ok();
    let mut next = Instant::now() + interval;
    while let Some(init) = entry.init() {
        let Ok(pidfd) = init.open() else { break };
        let left = PollTimeout::try_from(next.saturating_duration_since(Instant::now())).unwrap_or(PollTimeout::MAX);
        let mut interest = vec![PollFd::new(pidfd.as_fd(), nix::poll::PollFlags::POLLIN)];
        interest.extend(watch.as_ref().map(|watch| PollFd::new(watch.as_fd(), watch.flags())));
        let ready = match poll(&mut interest, left) {
            Ok(_) | Err(Errno::EINTR) => interest.get(1).is_some_and(|watched| watched.any().unwrap_or(false)),
            Err(errno) => return Err(Failure::new(FailureKind::System, format!("wait for an event: {errno}"))),
        };
        drop(interest);
        match watch.as_mut().filter(|_| ready).map(cgroups::OomWatch::take) {
            Some(OomEvent::OutOfMemory) => outcome::print(format_args!("{}\n", json!({ "type": "oom", "id": id })))?,
            Some(OomEvent::Gone) => watch = None,
            _ => {}
        }
        if Instant::now() >= next {
            line()?;
            next = Instant::now() + interval;
        }
    }
    Ok(())
}

fn shown(stats: &Stats) -> Value {
    let mut data = json!({});
    if let Some(cpu) = stats.cpu {
        data["cpu"]["usage"] = json!({ "total": cpu.usage, "kernel": cpu.system, "user": cpu.user });
    }
    if let Some(throttling) = stats.throttling {
        let (periods, throttled, time) = (throttling.periods, throttling.throttled, throttling.time);
        data["cpu"]["throttling"] = json!({ "periods": periods, "throttledPeriods": throttled, "throttledTime": time });
    }
    if let Some(memory) = stats.memory {
        data["memory"] = json!({
            "cache": memory.file,
            "usage": { "limit": memory.limit.unwrap_or(u64::MAX), "usage": memory.usage, "max": memory.peak.unwrap_or(0) },
            "raw": { "anon": memory.anonymous, "file": memory.file, "inactive_file": memory.inactive_file },
        });
    }
    if let Some(pids) = stats.pids {
        data["pids"] = json!({ "current": pids.current, "limit": pids.limit.unwrap_or(0) });
    }
    data
}
