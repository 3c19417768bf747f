//! How much memory a compressed stream may ask for, and what is said of one that cannot be read: the same for xz and zstd.

use std::fmt::Display;
use std::io;

/// What xz and zstd may remember of what they have written. A stream says how much it needs, up to gigabytes; this is what
/// `xz -9` and `zstd --ultra -22` make, and more than they do without being told.
pub(crate) const WINDOW: usize = 128 << 20;

/// For a stream that needs more.
pub(crate) fn too_large(program: &str, window: u64) -> io::Error {
    let message = format!("{program} needs {} MiB of memory for it, and gets at most {}", window >> 20, WINDOW >> 20);
    io::Error::new(io::ErrorKind::FileTooLarge, message)
}

/// For a stream that cannot be read.
pub(crate) fn damaged(program: &str, reason: impl Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{program}: {reason}"))
}
