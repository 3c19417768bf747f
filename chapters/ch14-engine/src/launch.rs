//! From what is kept of a container to a running program: layers, files of its own, the specification, the runtime. In the
//! shim, with the container's mark held, and no lock.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, chown, fchown};
use std::path::{Path, PathBuf};

use layers::{DiffId, DiskError, Lock, Overlay, Upper};
use process::Failure;
use rootfs::{Root, RootDir};
use runtime::files::{self, Resolver};
use runtime::spec::ConsoleSize;
use runtime::user;
use runtime::{Container, Running, Setup, Stdio};

use crate::compose::{self, Facts};
use crate::devices;
use crate::engine::Engine;
use crate::record::ContainerRecord;
use crate::saved::Saved;
use crate::users::{self, owners};

/// A program that runs, and a hold on the file system that it sees.
///
/// Whoever lets go of an overlay last waits until the disk has all that the machine has written (`ovl_sync_fs`): seconds, if
/// others write much. That must not be the program, whose end would then be told so much later.
#[derive(Debug)]
pub(crate) struct Launched {
    pub(crate) running: Running,
    pub(crate) root: OwnedFd,
}

/// Starts the program.
pub(crate) fn launch(engine: &Engine, saved: &Saved, console: Option<ConsoleSize>) -> Result<Launched, Failure> {
    Lock::assert_none();
    let (id, home) = (saved.id.as_str(), engine.store().home(&saved.id));
    let (record, mut joined) = engine.join(saved)?;
    let record: &ContainerRecord = &record;
    let mounted = mount(engine, saved)?;
    let ids = owners(saved);
    let owner = ids.map(|ids| ids.outside);
    let duplicate = || mounted.try_clone().map_err(DiskError::at("duplicate the descriptor of", &home));
    let (root, hold) = (RootDir::from_fd(duplicate()?), duplicate()?);
    let user = user::resolve(&record.user, &record.groups, &root)?;
    let host_name = host_name();
    let facts = Facts {
        id,
        host_name: &host_name,
        files: match &joined.files {
            Some(theirs) => FILES.map(|(name, inside)| (theirs.join(name), inside)).into(),
            None => own_files(record, id, &host_name, &home, owner)?,
        },
        init: if record.init { Some(copy_of_us(&home)?) } else { None },
        user,
        devices: devices::find(&record.resources, record.privileged)?,
        ids,
        joined: joined.namespaces(),
        console,
    };
    let mut spec = compose::compose(record, facts);
    spec.mounts = rootfs::arrange(spec.mounts, |path, covered| root.place_of(path, covered))?;
    let stdio = if record.terminal { Stdio::Terminal } else { Stdio::Pipes { input: record.interactive } };
    let cache = Some(engine.root().directory("seccomp")?);
    let container = Container { id, spec: &spec, root: Root::Detached(mounted), stdio, cache, attached: true };
    let setup = Setup { shown: joined.memory.take(), ..Setup::default() };
    Ok(Launched { running: container.create(setup)?.start()?, root: hold })
}

/// The root file system as the container is to see it, to be written to. Nobody else may have it at that time.
pub(crate) fn mount(engine: &Engine, saved: &Saved) -> Result<OwnedFd, Failure> {
    let home = engine.store().home(&saved.id);
    let lower = lower(engine, saved)?;
    let upper = Upper::create(&home, lower.first().map(PathBuf::as_path))?;
    let ids = owners(saved);
    if let Some(ids) = ids {
        users::map_owners(&lower, ids)?;
        // What is written is the container's own, and belongs to its root as the host counts.
        let owner = Some(ids.outside);
        chown(&upper.upper, owner, owner).map_err(DiskError::at("give away", &upper.upper))?;
    }
    let owner = ids.map(|ids| ids.outside);
    mark(&upper.upper, owner)?;
    // What ends with its container need not wait for the disk.
    let overlay = Overlay::new(lower, &upper).volatile(saved.is_temporary());
    Ok(overlay.mount()?)
}

/// The file by which programs have known for years that they are in a container.
pub(crate) const MARK: &str = ".dockerenv";

/// Directories of the layers, the topmost first.
pub(crate) fn lower(engine: &Engine, saved: &Saved) -> Result<Vec<PathBuf>, Failure> {
    let ids = saved.layers.iter().rev();
    ids.map(|id| Ok(engine.layers().get(&id.parse::<DiffId>()?)?.path)).collect()
}

/// Makes the mark in the upper directory before that is mounted: nobody else is there yet, and whatever the image has of
/// that name is hidden. What stands there from an earlier life may be anything, and is left.
fn mark(upper: &Path, owner: Option<u32>) -> Result<(), DiskError> {
    let path = upper.join(MARK);
    let file = match File::create_new(&path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        other => other.map_err(DiskError::at("create", &path))?,
    };
    file.set_permissions(fs::Permissions::from_mode(0o755)).map_err(DiskError::at("set the mode of", &path))?;
    if owner.is_some() {
        fchown(&file, owner, owner).map_err(DiskError::at("give away", &path))?;
    }
    Ok(())
}

/// What is written for each network: the file, and where it is inside.
const FILES: [(&str, &str); 3] =
    [("resolv.conf", "/etc/resolv.conf"), ("hostname", "/etc/hostname"), ("hosts", "/etc/hosts")];

/// `/etc/resolv.conf`, `/etc/hosts` and `/etc/hostname`: the container's own, not the image's. What it has changed in them in
/// an earlier life stays.
fn own_files(
    record: &ContainerRecord,
    id: &str,
    host_name: &str,
    home: &Path,
    owner: Option<u32>,
) -> Result<Vec<(PathBuf, &'static str)>, DiskError> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let name = compose::hostname(record, id, host_name);
    let host = record.network.is_host().then(|| read("/etc/hosts"));
    let [servers, search, options] = &record.dns;
    let resolver = Resolver { servers, search, options };
    let texts = [
        files::resolv_conf(&read("/etc/resolv.conf"), resolver),
        format!("{name}\n"),
        files::hosts(host.as_deref(), &record.extra_hosts),
    ];
    let written =
        FILES.iter().zip(texts).map(|((file, inside), text)| Ok((write_once(home, file, &text, owner)?, *inside)));
    written.collect()
}

/// Writes one of the small files that the container sees, and may write to: nothing of ours reads them again. `owner` is the
/// container's root, if that is not ours.
fn write_once(home: &Path, name: &str, text: &str, owner: Option<u32>) -> Result<PathBuf, DiskError> {
    let path = home.join(name);
    let mut file = match File::create_new(&path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(path),
        other => other.map_err(DiskError::at("create", &path))?,
    };
    file.write_all(text.as_bytes()).map_err(DiskError::at("write", &path))?;
    // Every user inside reads them, whatever our umask is.
    file.set_permissions(fs::Permissions::from_mode(0o644)).map_err(DiskError::at("set the mode of", &path))?;
    if owner.is_some() {
        fchown(&file, owner, owner).map_err(DiskError::at("give away", &path))?;
    }
    Ok(path)
}

/// A copy of our own binary, for a container to execute (`--init`). It is that container's alone: one that may mount can make
/// the mount over it writable, and would write to what other containers execute.
fn copy_of_us(home: &Path) -> Result<PathBuf, DiskError> {
    let path = home.join("docker-init");
    fs::copy("/proc/self/exe", &path).map_err(DiskError::at("write", &path))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(DiskError::at("set the mode of", &path))?;
    Ok(path)
}

pub(crate) fn host_name() -> String {
    nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_files_can_be_read_inside_and_what_a_container_wrote_to_them_stays() {
        let home = tempfile::tempdir().expect("a directory");
        let path = write_once(home.path(), "hosts", "127.0.0.1\tlocalhost\n", None).expect("a file");
        assert_eq!(fs::metadata(&path).expect("it").permissions().mode() & 0o7777, 0o644);
        fs::write(&path, "its own").expect("a change");
        assert_eq!(write_once(home.path(), "hosts", "ours", None).expect("the file"), path);
        assert_eq!(fs::read_to_string(&path).expect("it"), "its own");
    }
}
