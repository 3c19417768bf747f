//! `update`: other limits for a container that runs.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use process::Failure;
use runtime::Containers;
use runtime::spec::{BlockIo, Bundle, Cpu, Limits, Memory};
use serde_json::{Value, json};

use crate::cli::{Update, invalid};

pub(crate) fn update(containers: &Containers, wish: &Update) -> Result<(), Failure> {
    let limits = match &wish.resources {
        Some(file) => read(file)?,
        None => Limits {
            memory: Memory {
                limit: wish.memory,
                reservation: wish.memory_reservation,
                swap: wish.memory_swap,
                ..Memory::default()
            },
            cpu: Cpu {
                shares: wish.cpu_share,
                quota: wish.cpu_quota,
                period: wish.cpu_period,
                burst: wish.cpu_burst,
                idle: wish.cpu_idle,
                realtime_period: wish.cpu_rt_period,
                realtime_runtime: wish.cpu_rt_runtime,
                cpus: wish.cpuset_cpus.clone().unwrap_or_default(),
                mems: wish.cpuset_mems.clone().unwrap_or_default(),
            },
            pids: wish.pids_limit.map(Into::into).unwrap_or_default(),
            block_io: BlockIo { weight: wish.blkio_weight, ..BlockIo::default() },
            ..Limits::default()
        },
    };
    Ok(containers.find_to_change(&wish.id)?.update(&limits)?)
}

/// A part of a description, read as carefully as the whole.
fn read(file: &Path) -> Result<Limits, Failure> {
    let failed = |error: &dyn std::fmt::Display| invalid(format!("{}: {error}", file.display()));
    let mut text = Vec::new();
    let read = if file == Path::new("-") {
        io::stdin().read_to_end(&mut text)
    } else {
        fs::File::open(file).and_then(|mut file| file.read_to_end(&mut text))
    };
    read.map_err(|error| failed(&error))?;
    let resources: Value = serde_json::from_slice(&text).map_err(|error| failed(&error))?;
    let whole = json!({ "linux": { "resources": resources } }).to_string();
    let mut limits = Bundle::from_json(file, whole.as_bytes())?.spec.linux.resources;
    // Go writes a limit that is not asked for as 0, and to whom that would be a limit.
    if limits.pids.limit == Some(0) {
        limits.pids.limit = None;
    }
    Ok(limits)
}
