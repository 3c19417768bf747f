//! `cp`: files from a container, and to it. They go as an archive from one directory to another, each of which is held by
//! a descriptor: what the container does with names and links meanwhile leads nowhere else. Nothing of it is executed
//! (CVE-2026-41567), and nothing is mounted into its tree (CVE-2026-41568, CVE-2026-42306).

use std::io::{self, BufWriter, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;

use layers::{Held, LayerError, Ownership, PlaceError, Placed, View, pack_files, place_archive, place_tar};
use namespaces::IdRange;
use nix::sys::statvfs::{FsFlags, fstatvfs};
use process::Failure;
use rootfs::RootDir;
use runtime::user;

use crate::copy_error::CopyError;
use crate::copy_paths::{Destination, Source, inside, outside};
use crate::engine::Engine;
use crate::exec_plan::identity;
use crate::launch;
use crate::saved::{Container, Status};
use crate::state::StateError;
use crate::users::owners;

/// How files are copied.
#[derive(Debug, Clone, Copy, Default)]
pub struct CopyWish {
    /// Give them to the container's user, if it has one.
    pub archive: bool,
    /// A link as a source is what it leads to.
    pub follow: bool,
}

/// A container's root to write to. While it does not run, nobody starts it meanwhile.
struct Writable {
    container: Container,
    root: RootDir,
    life: Option<Held>,
}

impl Engine {
    /// Copies `source` of the container to `destination` outside. Whatever it is, it becomes the caller's.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn copy_out(&self, name: &str, source: &Path, destination: &Path, wish: CopyWish) -> Result<Placed, Failure> {
        outside::check(destination)?;
        let container = self.find(name)?;
        let root = self.root_to_read(&container)?;
        let source = inside::source(&root, name, source, wish.follow)?;
        let destination = outside::destination(destination, &source)?;
        Ok(copy(source, destination, owners(&container.saved), Ownership::Caller)?)
    }

    /// Writes `source` of the container as a tar archive.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn copy_out_tar(&self, name: &str, source: &Path, out: impl Write, wish: CopyWish) -> Result<(), Failure> {
        let container = self.find(name)?;
        let root = self.root_to_read(&container)?;
        let Source { directory, name, own_name, .. } = inside::source(&root, name, source, wish.follow)?;
        let view = View { owners: owners(&container.saved), hidden: None };
        Ok(pack_files(directory, &name, &own_name, &view, out)?)
    }

    /// Copies `source`, which is outside, to `destination` in the container.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn copy_in(&self, source: &Path, name: &str, destination: &Path, wish: CopyWish) -> Result<Placed, Failure> {
        let source = outside::source(source, wish.follow)?;
        self.write_to(name, |writable| {
            let destination = inside::destination(&writable.root, name, destination, &source)?;
            writable.check(&destination.directory)?;
            Ok(copy(source, destination, None, writable.ownership(wish)?)?)
        })
    }

    /// Unpacks a tar archive, plain or compressed, in the directory `destination` of the container.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn copy_in_tar(
        &self,
        input: impl Read,
        name: &str,
        destination: &Path,
        wish: CopyWish,
    ) -> Result<Placed, Failure> {
        self.write_to(name, |writable| {
            let directory = inside::directory(&writable.root, name, destination)?;
            writable.check(&directory)?;
            Ok(place_archive(input, directory, writable.ownership(wish)?)?)
        })
    }

    /// The root as the container sees it, with what is mounted in it; or its layers, if it does not run.
    fn root_to_read(&self, container: &Container) -> Result<RootDir, Failure> {
        match container.state.status {
            Status::Running | Status::Paused => Ok(runtime::root_of(identity(&container.state))?),
            _ => self.shown(&container.saved),
        }
    }

    fn write_to<T>(&self, name: &str, work: impl FnOnce(&Writable) -> Result<T, Failure>) -> Result<T, Failure> {
        let writable = self.root_to_write(name)?;
        let done = work(&writable);
        drop(writable.root);
        let ended = writable.life.map_or(Ok(()), |life| self.store().end_life(life));
        let done = done?;
        ended?;
        Ok(done)
    }

    fn root_to_write(&self, name: &str) -> Result<Writable, Failure> {
        loop {
            let id = self.find(name)?.saved.id;
            let Some(lock) = self.store().lock(&id)? else { continue };
            // It may have changed before we had the lock.
            let container = self.store().load(&id)?.ok_or_else(|| StateError::NotFound(name.into()))?;
            match container.state.status {
                Status::Running | Status::Paused => {
                    let root = runtime::root_of(identity(&container.state))?;
                    return Ok(Writable { container, root, life: None });
                }
                Status::Restarting => return Err(CopyError::Restarting(id).into()),
                Status::Created | Status::Exited => {}
            }
            let claimed = self.store().claim_life(&id)?;
            drop(lock);
            let Some(life) = claimed else {
                // It has just ended, and is being cleared up after.
                self.store().wait_for_end_of_life(&id)?;
                continue;
            };
            match launch::mount(self, &container.saved) {
                Ok(mounted) => {
                    let root = RootDir::from_fd(mounted);
                    return Ok(Writable { container, root, life: Some(life) });
                }
                Err(failure) => {
                    self.store().end_life(life)?;
                    return Err(failure);
                }
            }
        }
    }
}

impl Writable {
    /// What the container itself may not write to, nobody writes to for it.
    fn check(&self, directory: impl AsFd) -> Result<(), CopyError> {
        let read_only = fstatvfs(directory).is_ok_and(|found| found.flags().contains(FsFlags::ST_RDONLY));
        match (self.container.saved.record.read_only, self.life.is_some(), read_only) {
            (true, true, _) | (true, _, true) => Err(CopyError::ReadOnlyRoot),
            (false, _, true) => Err(CopyError::ReadOnlyVolume),
            _ => Ok(()),
        }
    }

    fn ownership(&self, wish: CopyWish) -> Result<Ownership, Failure> {
        let record = &self.container.saved.record;
        let owners = owners(&self.container.saved);
        if !wish.archive || record.user.is_empty() {
            return Ok(Ownership::Archive(owners));
        }
        let user = user::resolve(&record.user, &[], &self.root)?.user;
        let offset = owners.map_or(0, |range| range.outside);
        Ok(Ownership::Of(user.uid + offset, user.gid + offset))
    }
}

/// One side packs, the other unpacks.
fn copy(
    source: Source,
    destination: Destination,
    seen_as: Option<IdRange>,
    ownership: Ownership,
) -> Result<Placed, PlaceError> {
    let (mut reader, writer) = io::pipe().map_err(LayerError::Read)?;
    std::thread::scope(|scope| {
        let names = destination.name;
        let packing = scope.spawn(move || {
            let view = View { owners: seen_as, hidden: None };
            pack_files(source.directory, &source.name, &names, &view, BufWriter::with_capacity(1 << 16, writer))
        });
        let placed = place_tar(&mut reader, destination.directory, ownership);
        // After an error the packer must not wait for a reader, nor may a write into a closed pipe end the process.
        if placed.is_err() {
            let _ = io::copy(&mut reader, &mut io::sink());
        }
        match packing.join() {
            // That is why the archive was cut off.
            Ok(Err(error)) => Err(error.into()),
            Ok(Ok(())) => placed,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
