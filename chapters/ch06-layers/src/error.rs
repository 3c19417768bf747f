//! What can go wrong with a layer: the archive, the rules of the format, or the disk.

use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use process::{Diagnose, FailureKind};
use thiserror::Error;

use crate::digest::DigestError;
use crate::disk_error::DiskError;

/// A layer could not be read, written, unpacked or found.
#[derive(Debug, Error)]
pub enum LayerError {
    /// Not a digest. It would have become the name of a directory.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// No such layer in the store.
    #[error("no such layer: {0}")]
    NotFound(String),
    /// The disk, outside the layer.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The archive could not be read to its end.
    #[error("read the layer: {0}")]
    Read(#[source] io::Error),
    /// The archive could not be written.
    #[error("write the layer: {0}")]
    Write(#[source] io::Error),
    /// A block that is not a tar header.
    #[error("the layer is not a tar archive: {reason} in the header at byte {offset}")]
    Header {
        /// What is wrong.
        reason: &'static str,
        /// Of the uncompressed stream.
        offset: u64,
    },
    /// An entry that no honest archive has, or that we do not know how to make.
    #[error("entry {path:?} of the layer: {reason}")]
    Entry {
        /// As the archive has it.
        path: PathBuf,
        /// Why we refuse.
        reason: Refusal,
    },
    /// The kernel refused to make, or to read, a file of the layer.
    #[error("{action} {path:?} of the layer: {errno}")]
    File {
        /// "create", "link", "set the owner of", …
        action: &'static str,
        /// Inside.
        path: PathBuf,
        /// The reason.
        errno: Errno,
    },
    /// More files than we want to make.
    #[error("the layer has more than {0} entries")]
    TooManyEntries(u64),
    /// More to remember than we want to.
    #[error("the layer has directories whose names take more than {0} bytes of memory")]
    TooMuchToKeep(u64),
    /// More bytes than we want to write.
    #[error("the layer has more than {0} bytes")]
    TooLarge(u64),
}

/// Why an entry is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// `../etc/passwd`
    #[error("its name leads out of the layer")]
    Parent,
    /// A zero byte, or an empty target.
    #[error("no usable name")]
    Name,
    /// The kernel's limit is 4096 bytes.
    #[error("name longer than 4095 bytes")]
    LongName,
    /// Links that lead to links, perhaps in a ring.
    #[error("its way leads through more than 40 symbolic links")]
    Links,
    /// A parent is a file.
    #[error("its way leads through a file that is not a directory")]
    NotDirectory,
    /// The root of the layer can only be a directory.
    #[error("the root of a layer is a directory")]
    Root,
    /// A hard link without a target, or to something that is not there.
    #[error("hard link to {0:?}, which this layer does not have")]
    Target(PathBuf),
    /// A hard link to itself.
    #[error("hard link to itself")]
    Itself,
    /// GNU sparse files, multi-volume archives, …
    #[error("unknown kind {0:?}")]
    Kind(char),
    /// Sparse files in PAX clothes.
    #[error("sparse file")]
    Sparse,
    /// Larger than 32 bits, or the number that means "leave it" to chown(2).
    #[error("owner {0}")]
    Owner(i64),
    /// `.wh.`, `.wh..`, `.wh...`
    #[error("whiteout of nothing")]
    Whiteout,
    /// There is nothing that would hide all of the lower layers.
    #[error("an opaque root: it would hide all lower layers, and overlayfs has no such thing")]
    OpaqueRoot,
    /// A file whose own name looks like a whiteout.
    #[error("its name would mean a deletion in an archive")]
    Unrepresentable,
    /// Somebody writes to it.
    #[error("it changes while we read it")]
    Changing,
}

impl Diagnose for LayerError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Digest | Disk)
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::NotFound(_) => FailureKind::NotFound,
            Self::Entry { reason: Refusal::Changing, .. } => FailureKind::Conflict,
            Self::Read(_) | Self::Write(_) | Self::File { .. } => FailureKind::System,
            Self::Digest(_) | Self::Disk(_) => return None,
            _ => FailureKind::Invalid,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound(_) => Some("the image is incomplete: pull or import it again".into()),
            Self::Disk(DiskError::Damaged { .. }) => {
                Some("remove the layer's directory, then pull or import again".into())
            }
            Self::Read(source) | Self::Write(source) => io_hint(source),
            Self::Header { .. } => {
                Some("a layer is a tar archive, plain or compressed with gzip, bzip2, xz or zstd".into())
            }
            Self::Entry { reason: Refusal::Sparse | Refusal::Kind(_), .. } => {
                Some("make the archive with tar --format=pax, without --sparse".into())
            }
            Self::Entry { reason: Refusal::Changing, .. } => Some("pause the container first".into()),
            Self::Entry { .. } => Some("the layer is hostile, or damaged".into()),
            Self::File { errno: Errno::ENOSPC, .. } => {
                Some("free some space, or keep the data root on another disk".into())
            }
            Self::File {
                errno: Errno::EPERM | Errno::EINVAL,
                action: "set the owner of" | "create a device at",
                ..
            } => Some("owners and devices need root, or a user namespace that knows the owner's number".into()),
            Self::TooManyEntries(_) | Self::TooMuchToKeep(_) | Self::TooLarge(_) => {
                Some("this may be a bomb: small, until it is unpacked".into())
            }
            Self::Digest(_) | Self::Disk(_) | Self::File { .. } => None,
        }
    }
}

fn io_hint(source: &io::Error) -> Option<String> {
    match source.kind() {
        io::ErrorKind::StorageFull => Some("free some space, or keep the data root on another disk".into()),
        io::ErrorKind::UnexpectedEof => Some("the archive is cut off".into()),
        io::ErrorKind::FileTooLarge => Some("decompress it before: xz -dc FILE, or zstd --long=31 -dc FILE".into()),
        _ => None,
    }
}

impl LayerError {
    /// Whether this machine is to blame, and not what is in the archive.
    pub fn is_about_the_disk(&self) -> bool {
        match self {
            Self::Disk(_) => true,
            Self::File { errno, .. } => {
                matches!(
                    errno,
                    Errno::ENOSPC | Errno::EDQUOT | Errno::EIO | Errno::EROFS | Errno::EMFILE | Errno::ENFILE
                )
            }
            _ => false,
        }
    }

    pub(crate) fn entry(path: impl AsRef<Path>, reason: Refusal) -> Self {
        Self::Entry { path: path.as_ref().into(), reason }
    }

    /// For `map_err`: a file of the layer.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(Errno) -> Self {
        let path = path.to_path_buf();
        move |errno| Self::File { action, path, errno }
    }
}
