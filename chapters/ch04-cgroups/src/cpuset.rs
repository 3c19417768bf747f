//! Processors and memory nodes: the only limit that is a set, and on v1 one that a new group does not have at all.

use std::path::Path;

use nix::errno::Errno;
use process::numbers;

use crate::directory::Directory;
use crate::error::CgroupError;
use crate::limits::Cpu;

/// The two files, the same on v1 and v2.
const CPUS: &str = "cpuset.cpus";
const MEMS: &str = "cpuset.mems";

/// Fills the sets of the v1 group at `group` from its parent, and those of the parent from its own, up to the top of the
/// tree at `mount`: a new cpuset is empty, and takes no process before it has both processors and memory.
pub(crate) fn inherit(mount: &Path, group: &Path) -> Result<(), CgroupError> {
    let Some(above) = group.parent().filter(|_| group != mount) else { return Ok(()) };
    let (child, parent) = (Directory::open(group.into())?, Directory::open(above.into())?);
    for file in [CPUS, MEMS] {
        if !child.read(file)?.trim().is_empty() {
            continue;
        }
        let mut set = parent.read(file)?;
        if set.trim().is_empty() {
            // Only the first container of all finds it so.
            inherit(mount, above)?;
            set = parent.read(file)?;
        }
        child.write(file, set.trim())?;
    }
    Ok(())
}

/// Sets what is asked for.
pub(crate) fn set(group: &Directory, cpu: &Cpu) -> Result<(), CgroupError> {
    for (file, asked) in [(CPUS, &cpu.cpus), (MEMS, &cpu.mems)] {
        if asked.is_empty() {
            continue;
        }
        let unavailable = || CgroupError::Unavailable { file, asked: asked.clone(), available: available(group, file) };
        match group.write(file, asked) {
            Ok(()) if is_given(group, file, asked) => {}
            Ok(()) => return Err(unavailable()),
            Err(error) => {
                return Err(match error.errno() {
                    Errno::EINVAL | Errno::EACCES | Errno::ERANGE | Errno::ENOSPC => unavailable(),
                    _ => error.into(),
                });
            }
        }
    }
    Ok(())
}

/// v2 takes a set that the parent does not have, and gives the parent's instead: silence where v1 has an error.
fn is_given(group: &Directory, file: &str, asked: &str) -> bool {
    let effective = group.read(&format!("{file}.effective")).unwrap_or_default();
    match (numbers::parse(asked), numbers::parse(effective.trim())) {
        (Ok(asked), Ok(given)) if !given.is_empty() => given.is_superset(&asked),
        // v1 has no such file, and has spoken already.
        _ => true,
    }
}

/// What the parent has, for a message.
fn available(group: &Directory, file: &str) -> String {
    let parent = group.path().parent().and_then(|path| Directory::open(path.into()).ok());
    let read = |name: &str| parent.as_ref().and_then(|parent| parent.read(name).ok());
    // v2's file is empty where a group has asked for nothing; the root has only the effective one.
    let list = read(&format!("{file}.effective")).or_else(|| read(file)).unwrap_or_default();
    if list.trim().is_empty() { "none".into() } else { list.trim().into() }
}
