//! Extended attributes of files that are named by directory and name, and that may be links.

use std::ffi::{CString, OsStr};
use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use rustix::fs::{XattrFlags, lgetxattr, llistxattr, lsetxattr};

use crate::beneath::{self, DIRECTORY};

/// Names and values.
pub(crate) type Xattrs = Vec<(Vec<u8>, Vec<u8>)>;

/// The kernel's limit for a value, and for all names of a file.
const LARGEST: usize = 64 * 1024;
/// The number of the first user namespace, the same on every Linux (`PROC_USER_INIT_INO`).
const FIRST_USER_NAMESPACE: &str = "user:[4026531837]";

/// Whose attributes overlayfs uses: `trusted.` needs privileges over the whole machine, `user.` is for everyone else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Privilege {
    Machine,
    UserNamespace,
}

impl Privilege {
    /// That of this process.
    pub(crate) fn own() -> Self {
        match fs::read_link("/proc/self/ns/user") {
            Ok(link) if link == Path::new(FIRST_USER_NAMESPACE) => Self::Machine,
            _ => Self::UserNamespace,
        }
    }

    /// The attribute that says: nothing of lower layers shows in this directory.
    pub(crate) fn opaque(self) -> &'static str {
        match self {
            Self::Machine => "trusted.overlay.opaque",
            Self::UserNamespace => "user.overlay.opaque",
        }
    }
}

/// Attributes that belong to overlayfs. They are never taken from an archive, nor put into one: `redirect` in a hostile
/// layer would show another directory in a directory's place.
pub(crate) fn is_overlay(name: &[u8]) -> bool {
    name.starts_with(b"trusted.overlay.") || name.starts_with(b"user.overlay.")
}

/// Sets an attribute of `name` in `directory`; of the directory itself if `name` is empty.
pub(crate) fn set(directory: impl AsFd, name: &Path, key: &[u8], value: &[u8]) -> Result<(), Errno> {
    let key = CString::new(key).map_err(|_| Errno::EINVAL)?;
    lsetxattr(place(directory, name), key.as_c_str(), value, XattrFlags::empty()).map_err(errno)
}

/// The value of an attribute, or `None`.
pub(crate) fn get(directory: impl AsFd, name: &Path, key: &[u8]) -> Result<Option<Vec<u8>>, Errno> {
    let key = CString::new(key).map_err(|_| Errno::EINVAL)?;
    let mut value = vec![0; LARGEST];
    match lgetxattr(place(directory, name), key.as_c_str(), value.as_mut_slice()).map_err(errno) {
        Ok(length) => {
            value.truncate(length);
            Ok(Some(value))
        }
        Err(Errno::ENODATA | Errno::ENOTSUP) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// As [`get`], for the file `path` beneath `root`.
pub(crate) fn of(root: &OwnedFd, path: &Path, key: &[u8]) -> Result<Option<Vec<u8>>, Errno> {
    let parent = beneath::open(root, path.parent().unwrap_or(Path::new("")), DIRECTORY)?;
    get(&parent, path.file_name().map_or(Path::new(""), Path::new), key)
}

/// All attributes that an archive keeps, sorted by name. POSIX ACLs are among them.
pub(crate) fn all(directory: impl AsFd, name: &Path) -> Result<Xattrs, Errno> {
    let mut names = vec![0; LARGEST];
    let length = match llistxattr(place(&directory, name), names.as_mut_slice()).map_err(errno) {
        Ok(length) => length,
        Err(Errno::ENOTSUP) => 0,
        Err(errno) => return Err(errno),
    };
    let mut all = Vec::new();
    for key in names[..length].split(|&byte| byte == 0).filter(|key| !key.is_empty() && !is_overlay(key)) {
        // SELinux' labels are this machine's, not the image's; and a PAX key ends at its first equals sign.
        if key != b"security.selinux"
            && !key.contains(&b'=')
            && let Some(value) = get(&directory, name, key)?
        {
            all.push((key.to_vec(), value));
        }
    }
    all.sort();
    Ok(all)
}

/// There is no `lsetxattrat` before Linux 6.13. The link in /proc leads to the directory; the name after it is not
/// followed.
fn place(directory: impl AsFd, name: &Path) -> PathBuf {
    let descriptor = format!("/proc/self/fd/{}", directory.as_fd().as_raw_fd());
    let name = if name.as_os_str().is_empty() { OsStr::from_bytes(b".") } else { name.as_os_str() };
    Path::new(&descriptor).join(name)
}

fn errno(error: rustix::io::Errno) -> Errno {
    Errno::from_raw(error.raw_os_error())
}
