//! The container as far as chapter 8 goes: what chapter 7 has, and an image that is not here is fetched from its registry.
//!
//! `stage [REGISTRY/]IMAGE COMMAND [ARGS…]`

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cgroups::{Cgroup, Cpu, DeviceRule, Layout, Limits, Memory, cgroup_mounts, new_cgroup_namespace};
use confinement::{Capabilities, CapabilitySets, Filter, SeccompProfile, become_user};
use images::{Image, ImageStore, ImageStoreError, Platform};
use layers::{DataRoot, Held, LayerStore, Overlay, Upper, changes};
use namespaces::{IdMap, Kind, Namespaces, become_root, enter_uts, loopback_up, write_maps};
use nix::sched::CloneFlags;
use nix::unistd::{Gid, Uid, getegid, geteuid};
use process::{DEFAULT_PATH, ExitStatus, Failure, Program, Spawn, own_binary};
use registry::{Client, CredentialStore, Stores, Surroundings};
use rootfs::{Root, Rootfs};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let name = arguments.next().unwrap_or_default().to_string_lossy().into_owned();
    let command: Vec<OsString> = arguments.collect();
    match run(&name, &command) {
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

// ANCHOR: run
fn run(name: &str, command: &[OsString]) -> Result<ExitStatus, Failure> {
    own_binary::protect()?;
    let (image, layers) = find(name)?;
    // The program gets the environment that its image asks for, and nothing of our own.
    let mut environment = image.config.config.env.unwrap_or_else(|| vec![format!("PATH={DEFAULT_PATH}")]);
    environment.extend(["HOME=/root".into(), "TERM=xterm".into()]);
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
    let outcome = on_overlay(&layers, |overlay| start(&plan, &group, &files, overlay, &program));
    let gone = group.kill().and_then(|()| group.remove());
    let status = outcome?;
    gone?;
    Ok(status)
}
// ANCHOR_END: run

// ANCHOR: find
/// The image that is called so, from here or from its registry, and its layers from the top down, as an overlay wants them.
fn find(name: &str) -> Result<(Image, Vec<PathBuf>), Failure> {
    let place = std::env::var_os("MINI_DOCKER_ROOT").map_or_else(|| DataRoot::DEFAULT.into(), PathBuf::from);
    let root = DataRoot::open(&place)?;
    let (images, store) = (ImageStore::open(&root)?, LayerStore::open(&root)?);
    let image = match images.find(name) {
        Err(ImageStoreError::NotFound(_)) => fetch(Stores { images: &images, layers: &store }, name)?,
        other => other?,
    };
    let layers = image.layers().iter().rev().map(|layer| Ok(store.get(layer)?.path)).collect::<Result<_, Failure>>()?;
    Ok((image, layers))
}
// ANCHOR_END: find

// ANCHOR: fetch
/// What it is called says where it is: `localhost:5000/box` is at localhost.
fn fetch(stores: Stores, name: &str) -> Result<Image, Failure> {
    let keys = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    // Nobody is told how far it is.
    let client = Client::new(Surroundings::read()?, CredentialStore::new(keys.as_deref()), &());
    Ok(client.pull(stores, &name.parse()?, &Platform::host())?.image)
}
// ANCHOR_END: fetch

// ANCHOR: on_overlay
/// What is written goes into a directory of its own. It is listed, and thrown away whatever comes of it.
fn on_overlay(
    layers: &[PathBuf],
    start: impl FnOnce(&Overlay) -> Result<ExitStatus, Failure>,
) -> Result<ExitStatus, Failure> {
    // Closed to others: nobody outside shall run what the container's root makes there.
    let name = format!("mini-docker-stage-{}", std::process::id());
    let scratch = Held::create(&std::env::temp_dir().join(name))?;
    let outcome = Upper::create(scratch.path(), layers.first().map(PathBuf::as_path));
    let outcome = outcome.map_err(Failure::from).and_then(|upper| {
        let status = start(&Overlay::new(layers.to_vec(), &upper).volatile(true))?;
        changes(&upper.upper, layers)?.iter().for_each(|change| eprintln!("{change}"));
        Ok(status)
    });
    scratch.remove()?;
    outcome
}
// ANCHOR_END: on_overlay

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
    overlay: &Overlay,
    program: &Program,
) -> Result<ExitStatus, Failure> {
    // ANCHOR: start
    let capabilities = Capabilities::docker_default();
    let filter = Filter::compile(&SeccompProfile::docker_default().resolve(&capabilities))?;
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
        files.prepare(Root::Detached(overlay.mount()?))?.pivot()?;
        // Before the capabilities go: without no_new_privs, loading takes CAP_SYS_ADMIN.
        filter.load()?;
        become_user(Uid::from_raw(0), Gid::from_raw(0), &[], &CapabilitySets::docker(capabilities))?;
        Ok(program.exec(gate)?)
    })?;
    if plan.is_new(Kind::User) {
        let (user, group) = (geteuid().as_raw(), getegid().as_raw());
        write_maps(pending.pid(), &IdMap::single(0, user), &IdMap::single(0, group))?;
    }
    let mut child = pending.release()?;
    Ok(child.wait()?)
    // ANCHOR_END: start
}
