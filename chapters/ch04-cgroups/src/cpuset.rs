//! Processors and memory nodes: the only limit that is a set, and on v1 one that a new group does not have at all.

use std::collections::BTreeSet;
use std::path::Path;

use nix::errno::Errno;

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
    match (numbers(asked), numbers(effective.trim())) {
        (Some(asked), Some(given)) if !given.is_empty() => asked.iter().all(|number| given.contains(number)),
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

/// `0-2,4` as numbers, each once. `None` if it is no such list.
fn numbers(list: &str) -> Option<BTreeSet<u32>> {
    let mut numbers = BTreeSet::new();
    for part in list.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        numbers.extend(first.trim().parse::<u32>().ok()?..=last.trim().parse::<u32>().ok()?.min(u32::from(u16::MAX)));
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_processors() {
        assert_eq!(numbers("0-2,4"), Some(BTreeSet::from([0, 1, 2, 4])));
        assert_eq!(numbers(""), Some(BTreeSet::new()));
        assert_eq!(numbers("0-x"), None);
        assert_eq!(numbers("5-3"), Some(BTreeSet::new()));
        assert_eq!(numbers(&"0-65535,".repeat(10_000)).map(|all| all.len()), Some(65536), "however often it is said");
    }
}
