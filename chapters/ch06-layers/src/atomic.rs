//! A file that is either the old one or the new one, whenever we are killed; and JSON in such files.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use nix::errno::Errno;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::disk_error::DiskError;

/// What a file has to outlive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A power failure: the disk is waited for.
    PowerFailure,
    /// Our own death. After a power failure it is of no use, or made anew.
    Death,
}

/// Replaces the content of the file at `path`: a temporary name in the same directory, and a rename. If a power failure
/// counts, fsync comes before the rename, and after it fsync of the directory, whose entry is data, too.
///
/// # Errors
/// [`DiskError::Io`]; the old file is then still there.
pub fn write_atomically(path: &Path, bytes: &[u8], durability: Durability) -> Result<(), DiskError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".");
    let made = tempfile::Builder::new().prefix(&prefix).tempfile_in(directory);
    let mut file = made.map_err(DiskError::at("create a file in", directory))?;
    let fault = |action: &str| format!("{action} {}", path.file_name().unwrap_or_default().to_string_lossy());
    process::fault!(fault("write")).map_err(DiskError::at("write", path))?;
    file.write_all(bytes).map_err(DiskError::at("write", path))?;
    process::fault!(fault("rename")).map_err(DiskError::at("replace", path))?;
    if durability == Durability::PowerFailure {
        file.as_file().sync_all().map_err(DiskError::at("sync", path))?;
    }
    file.persist(path).map_err(|failed| DiskError::at("replace", path)(failed.error))?;
    if durability == Durability::PowerFailure {
        sync_directory(directory)?;
    }
    Ok(())
}

/// The last resort of whoever has something to record that will not come again, on a disk that has no room for a second file:
/// writes over what stands in the file at `path`, as long as that needs no room. A power cut may tear it; and what was longer
/// is filled up with newlines.
///
/// # Errors
/// [`DiskError::Io`]; the old content is then still there.
pub fn write_over(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let file = File::options().write(true).open(path).map_err(DiskError::at("open", path))?;
    let metadata = file.metadata().map_err(DiskError::at("look at", path))?;
    let room = metadata.blocks() * 512;
    let length = usize::try_from(metadata.len()).unwrap_or_default().max(bytes.len());
    if u64::try_from(length).is_ok_and(|length| length > room) {
        return Err(DiskError::at("write over", path)(Errno::ENOSPC));
    }
    let mut all = bytes.to_vec();
    all.resize(length, b'\n');
    file.write_all_at(&all, 0).map_err(DiskError::at("write over", path))
}

/// Gives a file that is complete its place, both on the disk.
///
/// # Errors
/// [`DiskError::Io`].
pub fn move_durably(from: &Path, to: &Path) -> Result<(), DiskError> {
    File::open(from).and_then(|open| open.sync_all()).map_err(DiskError::at("sync", from))?;
    process::fault!("move a file").map_err(DiskError::at("rename", from))?;
    fs::rename(from, to).map_err(DiskError::at("rename", from))?;
    to.parent().map_or(Ok(()), sync_directory)
}

/// Waits until the names in `directory` are on the disk.
///
/// # Errors
/// [`DiskError::Io`].
pub fn sync_directory(directory: &Path) -> Result<(), DiskError> {
    File::open(directory).and_then(|open| open.sync_all()).map_err(DiskError::at("sync", directory))
}

/// Waits until everything on the file system of `directory` is on the disk.
///
/// # Errors
/// [`DiskError::Io`].
pub fn sync_file_system(directory: &Path) -> Result<(), DiskError> {
    let open = File::open(directory).map_err(DiskError::at("open", directory))?;
    nix::unistd::syncfs(&open).map_err(DiskError::at("sync", directory))
}

/// As [`write_atomically`], for a value.
///
/// # Errors
/// [`DiskError::Io`].
pub fn write_json<T: Serialize>(path: &Path, value: &T, durability: Durability) -> Result<(), DiskError> {
    let bytes = serde_json::to_vec_pretty(value).map_err(DiskError::at("write", path))?;
    write_atomically(path, &bytes, durability)
}

/// The value in the file at `path`, or `None` if there is no such file.
///
/// # Errors
/// [`DiskError::Damaged`] if it is something else, [`DiskError::Io`].
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, DiskError> {
    match fs::read(path) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).map(Some).map_err(|source| DiskError::Damaged { path: path.into(), source })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(DiskError::at("read", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let here = tempfile::tempdir().expect("a directory");
        let path = here.path().join("file");
        for durability in [Durability::PowerFailure, Durability::Death] {
            for text in ["one", "two, longer", ""] {
                write_atomically(&path, text.as_bytes(), durability).expect("write");
                assert_eq!(fs::read_to_string(&path).expect("the file"), text);
            }
        }
        assert_eq!(fs::read_dir(here.path()).expect("a directory").count(), 1);
        let error =
            write_atomically(&here.path().join("missing/file"), b"", Durability::Death).expect_err("no directory");
        assert!(error.to_string().contains("missing: No such file"), "{error}");
    }

    #[test]
    fn what_is_written_over_needs_no_room() {
        let here = tempfile::tempdir().expect("a directory");
        let path = here.path().join("file");
        assert!(write_over(&path, b"1").is_err(), "there is nothing to write over");
        write_json(&path, &[1, 2, 3], Durability::Death).expect("write");
        for list in [vec![4], vec![5; 100]] {
            write_over(&path, &serde_json::to_vec(&list).expect("JSON")).expect("there is room");
            assert_eq!(read_json::<Vec<u32>>(&path).expect("a list"), Some(list));
        }
        let before = fs::read(&path).expect("the file");
        let refused = write_over(&path, &" ".repeat(1 << 20).into_bytes()).expect_err("more than it has");
        assert!(refused.is_full(), "{refused}");
        assert_eq!(fs::read(&path).expect("the file"), before);
    }

    #[test]
    fn what_is_no_json_is_an_error_and_what_is_missing_is_none() {
        let here = tempfile::tempdir().expect("a directory");
        let path = here.path().join("file");
        assert_eq!(read_json::<Vec<u32>>(&path).expect("no file"), None);
        write_json(&path, &[1, 2], Durability::Death).expect("write");
        assert_eq!(read_json::<Vec<u32>>(&path).expect("a list"), Some(vec![1, 2]));
        fs::write(&path, "[1,").expect("damage");
        let error = read_json::<Vec<u32>>(&path).expect_err("damage").to_string();
        assert!(error.starts_with(&format!("{} is damaged: EOF while", path.display())), "{error}");
    }
}
