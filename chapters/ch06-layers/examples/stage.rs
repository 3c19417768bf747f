//! The container as far as chapter 6 goes: what chapter 5 has, on an overlay. What it writes is listed, and thrown away.
//!
//! `stage ROOTFS COMMAND [ARGS…]`

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cgroups::{Cgroup, Layout, Limits, Memory, cgroup_mounts};
use confinement::{Capabilities, CapabilitySets, Filter, SeccompProfile, become_user};
use layers::{Overlay, OverlayError, Upper, changes};
use namespaces::{IdMap, Kind, Namespaces, become_root, loopback_up, set_hostname, write_maps};
use nix::unistd::{Gid, Uid, getegid, geteuid};
use process::{DEFAULT_PATH, ExitStatus, Failure, Program, Spawn};
use rootfs::{Root, Rootfs};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let root = arguments.next().map(PathBuf::from).unwrap_or_default();
    let command: Vec<OsString> = arguments.collect();
    match run(&root, &command) {
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
fn run(root: &Path, command: &[OsString]) -> Result<ExitStatus, Failure> {
    // The program gets the environment that we give it, and nothing of our own.
    let environment = [format!("PATH={DEFAULT_PATH}"), "HOME=/root".into(), "TERM=xterm".into()];
    let program = Program::new(command, &environment)?;
    let mut plan = Namespaces::docker_default();
    if !geteuid().is_root() {
        // What only root may do, an ordinary user may do as root of a user namespace.
        plan = plan.with_new(Kind::User);
    }
    let layout = Layout::detect()?;
    let memory = Memory { limit: Some(64 << 20), swap: Some(64 << 20), ..Memory::default() };
    let limits = Limits { memory, pids: Some(32), ..Limits::default() };
    let name = format!("/mini-docker/stage-{}", std::process::id());
    let group = Cgroup::create(&layout, Path::new(&name), &limits)?;
    let mut files = Rootfs::docker_default();
    files.mounts.extend(cgroup_mounts(&layout, Path::new("/sys/fs/cgroup"), true));
    let scratch = std::env::temp_dir().join(format!("mini-docker-stage-{}", std::process::id()));
    let failed = |source| OverlayError::Io { action: "make or remove", path: scratch.clone(), source };
    fs::create_dir(&scratch).map_err(failed)?;
    let upper = Upper::create(&scratch, Some(root))?;
    let overlay = Overlay::new(vec![root.into()], &upper).volatile(true);
    // Whatever comes of it, the group goes, and so does what was written.
    let outcome = start(&plan, &group, &files, &overlay, &program);
    let gone = group.kill().and_then(|()| group.remove());
    let written = changes(&upper.upper, &[root]);
    Upper::remove(&scratch)?;
    fs::remove_dir(&scratch).map_err(failed)?;
    let status = outcome?;
    gone?;
    written?.iter().for_each(|change| eprintln!("{change}"));
    Ok(status)
}
// ANCHOR_END: run

fn start(
    plan: &Namespaces,
    group: &Cgroup,
    files: &Rootfs,
    overlay: &Overlay,
    program: &Program,
) -> Result<ExitStatus, Failure> {
    // ANCHOR: start
    let capabilities = Capabilities::docker_default();
    let filter = Filter::compile(&SeccompProfile::docker_default().resolve(&capabilities))?;
    let spawn = Spawn::new().namespaces(plan.clone_flags());
    let pending = group.start(spawn, |gate| -> Result<_, Failure> {
        gate.wait()?;
        if plan.is_new(Kind::User) {
            become_root()?;
        }
        set_hostname("inside")?;
        loopback_up()?;
        files.prepare(Root::Detached(overlay.mount()?))?.pivot()?;
        filter.load()?;
        become_user(Uid::from_raw(0), Gid::from_raw(0), &[], &CapabilitySets::docker(capabilities))?;
        Ok(program.exec()?)
    })?;
    if plan.is_new(Kind::User) {
        let (user, group) = (geteuid().as_raw(), getegid().as_raw());
        write_maps(pending.pid(), &IdMap::single(0, user), &IdMap::single(0, group))?;
    }
    let mut child = pending.release()?;
    Ok(child.wait()?)
    // ANCHOR_END: start
}
