//! One kind of error number for all calls, whichever library makes them.

use nix::errno::Errno;

/// Of a call that rustix makes.
pub(crate) fn errno(error: rustix::io::Errno) -> Errno {
    Errno::from_raw(error.raw_os_error())
}

/// Of a call that the standard library makes.
pub(crate) fn errno_of(error: &std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}
