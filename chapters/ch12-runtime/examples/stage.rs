//! The container as far as chapter 12 goes: what chapter 6 did with its own hands is described by a specification now, and the
//! container is led through its life step by step. Its own program only waits; the command joins it.
//!
//! `stage ROOTFS COMMAND [ARGS…]`

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use layers::{Held, Overlay, Upper, changes};
use nix::mount::{MntFlags, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;
use process::signals::Proxy;
use process::{ExitStatus, Failure, FailureKind, own_binary};
use runtime::spec::{Cpu, Hook, Memory, Process, Root, Spec};
use runtime::{Containers, Entry, Exec, Request, Stdio, attend};
use rustix::mount::{MoveMountFlags, move_mount};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let root = arguments.next().map(PathBuf::from).unwrap_or_default();
    let command: Vec<OsString> = arguments.collect();
    match run(&root, command) {
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

fn run(root: &Path, command: Vec<OsString>) -> Result<ExitStatus, Failure> {
    own_binary::protect()?;
    // A specification names its root by a path, so the overlay has to be somewhere: nobody else shall see it there.
    unshare(CloneFlags::CLONE_NEWNS).map_err(io::Error::from).map_err(failed("make a mount table for", root))?;
    rootfs::isolate(false)?;
    on_overlay(root, |bundle| live(bundle, command))
}

/// What is written goes into a directory of its own. It is listed, and thrown away whatever comes of it.
fn on_overlay(root: &Path, live: impl FnOnce(&Path) -> Result<ExitStatus, Failure>) -> Result<ExitStatus, Failure> {
    // Closed to others: nobody outside shall run what the container's root makes there.
    let name = format!("mini-docker-stage-{}", std::process::id());
    let bundle = Held::create(&std::env::temp_dir().join(name))?;
    let outcome = Upper::create(bundle.path(), Some(root)).map_err(Failure::from).and_then(|upper| {
        let merged = attach(&Overlay::new(vec![root.into()], &upper).volatile(true), bundle.path())?;
        let status = live(bundle.path());
        umount2(&merged, MntFlags::MNT_DETACH).map_err(io::Error::from).map_err(failed("unmount", &merged))?;
        let status = status?;
        changes(&upper.upper, &[root])?.iter().for_each(|change| eprintln!("{change}"));
        Ok(status)
    });
    bundle.remove()?;
    outcome
}

/// The overlay as the directory `rootfs` of the bundle.
fn attach(overlay: &Overlay, bundle: &Path) -> Result<PathBuf, Failure> {
    let merged = bundle.join("rootfs");
    std::fs::create_dir(&merged).map_err(failed("create", &merged))?;
    let (mount, flags) = (overlay.mount()?, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH);
    move_mount(mount, "", rustix::fs::CWD, &merged, flags)
        .map_err(io::Error::from)
        .map_err(failed("mount", &merged))?;
    Ok(merged)
}

// ANCHOR: live
/// One life, from create to delete. The command joins while it runs.
fn live(bundle: &Path, command: Vec<OsString>) -> Result<ExitStatus, Failure> {
    let (spec, visitor) = describe(bundle, command);
    let stdio = if io::stdin().is_terminal() { Stdio::Terminal } else { Stdio::Inherit };
    let containers = Containers::at(&bundle.join("containers"));
    let (entry, mut running) = containers.create(&request(bundle, spec))?;
    tell(&entry);
    entry.start()?;
    tell(&entry);
    let status = attend::exec(visit(&entry, &visitor, stdio)?, true, Proxy::UntilThird)?;
    entry.kill(Signal::SIGKILL as i32)?;
    running.parts().0.wait()?;
    tell(&entry);
    entry.delete(false)?;
    Ok(status)
}
// ANCHOR_END: live

/// A container whose own program waits, and a process like that, with other words.
fn describe(bundle: &Path, command: Vec<OsString>) -> (Spec, Process) {
    const BYTES: i64 = 64 << 20;
    let root = bundle.join("rootfs");
    let mut spec = Spec::docker_default();
    spec.hostname = "inside".into();
    spec.linux.cgroups_path = format!("/mini-docker/stage-{}", std::process::id());
    spec.linux.resources.memory = Memory { limit: Some(BYTES), swap: Some(BYTES), ..Memory::default() };
    spec.linux.resources.cpu = Cpu::default().with_nano_cpus(500_000_000);
    spec.linux.resources.pids = 32.into();
    let script = format!("echo a hook was here >{}", root.join("etc/motd").display());
    let args = ["sh", "-c", &script].map(Into::into).into();
    spec.hooks.create_container = vec![Hook { path: "/bin/sh".into(), args, ..Hook::default() }];
    spec.root = Some(Root { path: root, readonly: false });
    let mut visitor = spec.process.clone().unwrap_or_default();
    visitor.args = command.into_iter().map(Into::into).collect();
    visitor.env.push("TERM=xterm".into());
    spec.process = Some(Process { args: vec!["sleep".into(), "86400".into()], ..visitor.clone() });
    (spec, visitor)
}

fn request(bundle: &Path, spec: Spec) -> Request<'_> {
    let (stdio, preserved, keep_keyring) = (Stdio::Inherit, 0, false);
    Request { id: "stage", bundle, spec, stdio, attached: true, waits: true, preserved, keep_keyring }
}

fn visit<'a>(entry: &'a Entry, process: &'a Process, stdio: Stdio) -> Result<Exec<'a>, Failure> {
    let init = entry.init().ok_or_else(|| Failure::new(FailureKind::Conflict, "the container has ended"))?;
    let (spec, cgroup) = (&entry.record.spec, entry.record.cgroup.as_path());
    Ok(Exec {
        init,
        spec,
        cgroup,
        process,
        stdio,
        cache: None,
        attached: true,
        part: None,
        watched: false,
        preserved: 0,
        state: None,
    })
}

/// Where it is in its life, and what its first process is just now.
fn tell(entry: &Entry) {
    let state = entry.state();
    match std::fs::read_to_string(format!("/proc/{}/comm", state.pid)) {
        Ok(name) => eprintln!("{}: process {} is {}", state.status, state.pid, name.trim()),
        Err(_) => eprintln!("{}", state.status),
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Failure {
    move |error| Failure::new((&error).into(), format!("{action} {}: {error}", path.display()))
}
