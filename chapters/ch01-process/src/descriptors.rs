//! What a program must not find open: everything that is ours.
//!
//! Close-on-exec is not enough. Until `execve` has succeeded such a descriptor is open, and `execve` itself follows
//! paths: a program that is a link to `/proc/self/fd/7/../../bin/x` is a file of the host if 7 is a directory of the host
//! (CVE-2024-21626 did it by the working directory). So they are closed before the first path of the container is used.

use std::io::{stderr, stdin, stdout};
use std::os::fd::{AsFd, AsRawFd, RawFd};

use nix::errno::Errno;
use nix::sys::stat::{SFlag, fstat};
use thiserror::Error;

use crate::{Diagnose, FailureKind, step, sys};

/// What is open cannot be kept from the program.
#[derive(Debug, Error)]
pub enum DescriptorError {
    /// The kernel refused.
    #[error("close our descriptors before exec: {0}")]
    Close(Errno),
    /// A way out of the root: `fchdir(2)` needs no more.
    #[error("standard {0} is a directory")]
    Directory(&'static str),
}

impl Diagnose for DescriptorError {
    fn kind(&self) -> Option<FailureKind> {
        matches!(self, Self::Directory(_)).then_some(FailureKind::Invalid)
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Close(_) => "close_range needs Linux 5.9".into(),
            Self::Directory(_) => "a program that has a directory of the host open is not inside its root".into(),
        })
    }
}

/// Closes all but the standard streams, those `kept`, and the narration's pipe where there is one; none of the standard
/// streams may be a directory.
///
/// # Errors
/// [`DescriptorError`].
// ANCHOR: close_all_but
pub(crate) fn close_all_but(kept: &[RawFd]) -> Result<(), DescriptorError> {
    let streams =
        [("input", is_directory(stdin())), ("output", is_directory(stdout())), ("error", is_directory(stderr()))];
    if let Some((name, _)) = streams.into_iter().find(|(_, directory)| *directory) {
        return Err(DescriptorError::Directory(name));
    }
    // ANCHOR: close_gaps
    let mut kept: Vec<RawFd> = kept.iter().copied().chain([stderr().as_raw_fd()]).chain(step::narration()).collect();
    kept.sort_unstable();
    let ends = kept.iter().skip(1).map(|next| next - 1).chain([RawFd::MAX]);
    kept.iter()
        .zip(ends)
        .try_for_each(|(before, end)| sys::close_range(before + 1, end))
        .map_err(DescriptorError::Close)
    // ANCHOR_END: close_gaps
}
// ANCHOR_END: close_all_but

/// A stream that is closed is none.
fn is_directory(stream: impl AsFd) -> bool {
    fstat(stream).is_ok_and(|found| SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR)
}
