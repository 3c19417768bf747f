//! The container as far as chapter 4 goes: what chapter 3 has, in a control group: 64 MiB of memory, half a processor, 50
//! processes, and only harmless devices. It may still do everything else that root may.
//!
//! `stage ROOTFS COMMAND [ARGS…]`

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cgroups::{Cgroup, Cpu, DeviceRule, Layout, Limits, Memory, cgroup_mounts, new_cgroup_namespace};
use namespaces::{IdMap, Kind, Namespaces, become_root, loopback_up, set_hostname, write_maps};
use nix::sched::CloneFlags;
use nix::unistd::{getegid, geteuid};
use process::{DEFAULT_PATH, ExitStatus, Failure, Pending, Program, Spawn};
use rootfs::{Root, Rootfs};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let root = arguments.next().map(PathBuf::from).unwrap_or_default();
    let command: Vec<OsString> = arguments.collect();
    match run(root, &command) {
        Ok(status) => ExitCode::from(status.code()),
        Err(failure) => {
            eprintln!("Error: {failure}");
            if let Some(hint) = &failure.hint {
                eprintln!("hint: {hint}");
            }
            ExitCode::from(failure.exit_code)
        }
    }
}

// ANCHOR: run
fn run(root: PathBuf, command: &[OsString]) -> Result<ExitStatus, Failure> {
    // The program gets the environment that we give it, and nothing of our own.
    let environment = [format!("PATH={DEFAULT_PATH}"), "HOME=/root".into(), "TERM=xterm".into()];
    let program = Program::new(command, &environment)?;
    let mut plan = Namespaces::docker_default();
    if !geteuid().is_root() {
        // What only root may do, an ordinary user may do as root of a user namespace.
        plan = plan.with_new(Kind::User);
    }
    let layout = Layout::detect()?;
    let mut files = Rootfs::docker_default();
    files.mounts.extend(cgroup_mounts(&layout, Path::new("/sys/fs/cgroup"), true));
    let path = format!("/mini-docker/stage-{}", std::process::id());
    let group = Cgroup::create(&layout, path.as_ref(), &limits())?;
    // A cgroup namespace begins where its maker is. So it is made later, from inside the group.
    let spawn = Spawn::new().namespaces(plan.clone_flags() - CloneFlags::CLONE_NEWCGROUP);
    let started = group.start(spawn, |gate| -> Result<_, Failure> {
        gate.wait()?;
        if plan.is_new(Kind::User) {
            become_root()?;
        }
        new_cgroup_namespace()?;
        set_hostname("inside")?;
        loopback_up()?;
        files.prepare(Root::Directory(root))?.pivot()?;
        Ok(program.exec()?)
    });
    let status = started.and_then(|pending| finish(pending, &plan));
    let cleaned = group.kill().and_then(|()| group.remove());
    let status = status?;
    cleaned?;
    Ok(status)
}

fn finish(pending: Pending, plan: &Namespaces) -> Result<ExitStatus, Failure> {
    if plan.is_new(Kind::User) {
        let (user, group) = (geteuid().as_raw(), getegid().as_raw());
        write_maps(pending.pid(), &IdMap::single(0, user), &IdMap::single(0, group))?;
    }
    let mut child = pending.release()?;
    Ok(child.wait()?)
}
// ANCHOR_END: run

// ANCHOR: limits
fn limits() -> Limits {
    const LIMIT: i64 = 64 << 20;
    Limits {
        // As much memory and swap together as memory alone: no swap.
        memory: Memory { limit: Some(LIMIT), swap: Some(LIMIT), ..Memory::default() },
        cpu: Cpu::default().with_nano_cpus(500_000_000),
        pids: Some(50),
        devices: DeviceRule::docker_defaults(),
        ..Limits::default()
    }
}
// ANCHOR_END: limits
