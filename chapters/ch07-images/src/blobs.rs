//! Blobs: bytes by their digest, exactly as they came.
//!
//! ```text
//! blobs/sha256/<64 digits>   indexes, manifests, configurations, compressed layers
//! diffs/<64 digits>          of a layer's blob: the name of the layer that it unpacks to; if the blob was dropped, what
//!                            registries call images that have it, each in a line
//! ```

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use layers::{DiffId, Digest, DiskError, Durability, write_atomically};

use crate::document::{Descriptor, DocumentError, LARGEST_DOCUMENT, verify};
use crate::reference::Reference;
use crate::store_error::ImageStoreError;

/// All of them.
#[derive(Debug, Clone)]
pub(crate) struct Blobs {
    blobs: PathBuf,
    diffs: PathBuf,
}

impl Blobs {
    /// Those below `images`.
    pub(crate) fn open(images: &Path) -> Result<Self, DiskError> {
        let (blobs, diffs) = (images.join("blobs/sha256"), images.join("diffs"));
        for directory in [&blobs, &diffs].into_iter().filter(|directory| !directory.is_dir()) {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
            made.map_err(DiskError::at("create", directory))?;
        }
        Ok(Self { blobs, diffs })
    }

    /// Where there may be files that are being written.
    pub(crate) fn directories(&self) -> [&Path; 2] {
        [&self.blobs, &self.diffs]
    }

    /// Where a blob is, or would be.
    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        self.blobs.join(digest.hex())
    }

    /// Opens one; `None` if it is not here.
    pub(crate) fn open_blob(&self, digest: &Digest) -> Result<Option<File>, DiskError> {
        let path = self.path(digest);
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some).map_err(DiskError::at("open", path)),
        }
    }

    /// How large one is; `None` if it is not here.
    pub(crate) fn size(&self, digest: &Digest) -> Option<u64> {
        self.path(digest).metadata().ok().map(|metadata| metadata.len())
    }

    /// A whole document: one that is not what its digest says is an error.
    pub(crate) fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, ImageStoreError> {
        if descriptor.size > LARGEST_DOCUMENT {
            return Err(DocumentError::TooLarge(descriptor.size).into());
        }
        let missing = || ImageStoreError::Missing(format!("blob {}", descriptor.digest));
        let file = self.open_blob(&descriptor.digest)?.ok_or_else(missing)?;
        let mut bytes = Vec::new();
        let read = file.take(descriptor.size + 1).read_to_end(&mut bytes);
        read.map_err(DiskError::at("read", self.path(&descriptor.digest)))?;
        verify(descriptor, &bytes)?;
        Ok(bytes)
    }

    /// Keeps bytes, on the disk.
    pub(crate) fn write(&self, bytes: &[u8], durability: Durability) -> Result<Digest, DiskError> {
        let digest = Digest::of(bytes);
        // Also if it is here: it may be damaged.
        write_atomically(&self.path(&digest), bytes, durability)?;
        Ok(digest)
    }

    /// Every blob's digest, and those of blobs of which only is known what they unpack to.
    pub(crate) fn list(&self) -> Result<Vec<Digest>, DiskError> {
        let mut list = names(&self.blobs)?;
        list.extend(names(&self.diffs)?);
        Ok(list)
    }

    /// Bytes of all of them.
    pub(crate) fn total(&self) -> Result<u64, DiskError> {
        total(&self.blobs)
    }

    /// Removes a blob, and what is known of it.
    pub(crate) fn remove(&self, digest: &Digest) -> Result<(), DiskError> {
        remove_file(&self.diffs.join(digest.hex()))?;
        self.drop_bytes(digest)
    }

    /// Removes a blob only.
    pub(crate) fn drop_bytes(&self, digest: &Digest) -> Result<(), DiskError> {
        remove_file(&self.path(digest))
    }

    /// The layer that a blob unpacks to, if that was ever seen.
    pub(crate) fn diff_of(&self, digest: &Digest) -> Option<DiffId> {
        self.note(digest).lines().next()?.trim().parse().ok()
    }

    /// The images that a blob was dropped for, because their registries have it.
    pub(crate) fn sources(&self, digest: &Digest) -> Vec<Reference> {
        self.note(digest).lines().skip(1).filter_map(|line| line.parse().ok()).collect()
    }

    fn note(&self, digest: &Digest) -> String {
        fs::read_to_string(self.diffs.join(digest.hex())).unwrap_or_default()
    }

    /// Remembers what a blob unpacks to.
    pub(crate) fn remember(&self, digest: &Digest, diff_id: &DiffId) -> Result<(), DiskError> {
        self.remember_with(digest, diff_id, &[])
    }

    /// The same, and where it can be fetched from.
    pub(crate) fn remember_with(
        &self,
        digest: &Digest,
        diff_id: &DiffId,
        sources: &[Reference],
    ) -> Result<(), DiskError> {
        let lines = sources.iter().fold(format!("{diff_id}\n"), |lines, name| format!("{lines}{name}\n"));
        write_atomically(&self.diffs.join(digest.hex()), lines.as_bytes(), Durability::Death)
    }
}

/// Bytes of all files in a directory; none if it is not there.
pub(crate) fn total(directory: &Path) -> Result<u64, DiskError> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        other => other.map_err(DiskError::at("read", directory))?,
    };
    // One that goes meanwhile takes nothing.
    Ok(entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum())
}

fn remove_file(path: &Path) -> Result<(), DiskError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(DiskError::at("remove", path)),
    }
}

/// Files that are named by a digest.
pub(crate) fn names(directory: &Path) -> Result<Vec<Digest>, DiskError> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(DiskError::at("read", directory))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(DiskError::at("read", directory))?.file_name();
        names.extend(name.to_str().and_then(|name| Digest::from_hex(name).ok()));
    }
    Ok(names)
}
