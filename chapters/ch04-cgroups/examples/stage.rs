//! The container as far as chapter 4 goes: with a share of memory, processor and processes, and harmless devices only. It
//! may still do everything else that root may.
//!
//! `stage ROOTFS COMMAND [ARGS…]`

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cgroups::{Cgroup, Cpu, DeviceRule, Layout, Limits, Memory, cgroup_mounts, new_cgroup_namespace};
use namespaces::{IdMap, Kind, Namespaces, become_root, enter_uts, loopback_up, write_maps};
use nix::sched::CloneFlags;
use nix::unistd::{getegid, geteuid};
use process::{DEFAULT_PATH, ExitStatus, Failure, Program, Spawn, own_binary};
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
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(root: PathBuf, command: &[OsString]) -> Result<ExitStatus, Failure> {
    own_binary::protect()?;
    // The program gets the environment that we give it, and nothing of our own.
    let environment = [format!("PATH={DEFAULT_PATH}"), "HOME=/root".into(), "TERM=xterm".into()];
    let program = Program::new(command, &environment)?;
    let mut plan = Namespaces::docker_default();
    if !geteuid().is_root() {
        // What only root may do, an ordinary user may do as root of a user namespace.
        plan = plan.with_new(Kind::User);
    }
    let layout = Layout::detect()?;
    let name = format!("/mini-docker/stage-{}", std::process::id());
    let group = Cgroup::create(&layout, Path::new(&name), &limits())?;
    let mut files = Rootfs::docker_default();
    files.mounts.extend(cgroup_mounts(&layout, Path::new("/sys/fs/cgroup"), true));
    // Whatever comes of it, the group goes.
    let outcome = start(&plan, &group, &files, root, &program);
    let gone = group.kill().and_then(|()| group.remove());
    let status = outcome?;
    gone?;
    Ok(status)
}

// ANCHOR: limits
fn limits() -> Limits {
    const BYTES: i64 = 64 << 20;
    Limits {
        // As much memory and swap together as memory alone: no swap.
        memory: Memory { limit: Some(BYTES), swap: Some(BYTES), ..Memory::default() },
        cpu: Cpu::default().with_nano_cpus(500_000_000),
        pids: 32.into(),
        devices: DeviceRule::docker_defaults(),
        ..Limits::default()
    }
}
// ANCHOR_END: limits

fn start(
    plan: &Namespaces,
    group: &Cgroup,
    files: &Rootfs,
    root: PathBuf,
    program: &Program,
) -> Result<ExitStatus, Failure> {
    // ANCHOR: start
    // A cgroup namespace begins where its maker is: it is made from inside the group, as that of the host name is.
    let inside = CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWCGROUP;
    let spawn = Spawn::new().namespaces(plan.clone_flags() - inside);
    let pending = group.start(spawn, |gate| -> Result<_, Failure> {
        gate.wait()?;
        if plan.is_new(Kind::User) {
            become_root()?;
        }
        new_cgroup_namespace()?;
        enter_uts("inside")?;
        loopback_up()?;
        files.prepare(Root::Directory(root))?.pivot()?;
        Ok(program.exec(gate)?)
    })?;
    // ANCHOR_END: start
    if plan.is_new(Kind::User) {
        let (user, group) = (geteuid().as_raw(), getegid().as_raw());
        write_maps(pending.pid(), &IdMap::single(0, user), &IdMap::single(0, group))?;
    }
    let mut child = pending.release()?;
    Ok(child.wait()?)
}
