//! Places at which a test can have a process end, or have a call fail: there is no other way to try what a power cut, a full
//! disk or `kill -9` does between two given lines.

#[cfg(debug_assertions)]
use std::{fs::File, io, io::Write};

#[cfg(debug_assertions)]
use nix::{
    errno::Errno,
    sys::signal::{Signal, raise},
};

/// `fault!("write record.json")` is an `io::Result<()>`: `Ok`, if no test wants anything else. Release builds have nothing but
/// that, and do not evaluate the name.
#[macro_export]
macro_rules! fault {
    ($name:expr) => {{
        #[cfg(debug_assertions)]
        {
            $crate::fault_at(&$name)
        }
        #[cfg(not(debug_assertions))]
        {
            // The name is looked at by the compiler only.
            let _ = || $name;
            ::std::io::Result::Ok(())
        }
    }};
}

/// What the test wants to happen here: `MINI_DOCKER_FAULT` is `NAME=KILL`, `NAME=ENOSPC` or `NAME=EIO`, or the path of a file,
/// to which the names of all places are appended that are passed.
#[cfg(debug_assertions)]
#[doc(hidden)]
pub fn fault_at(name: &str) -> io::Result<()> {
    let Ok(wanted) = std::env::var("MINI_DOCKER_FAULT") else { return Ok(()) };
    if wanted.starts_with('/') {
        return File::options().append(true).create(true).open(wanted)?.write_all(format!("{name}\n").as_bytes());
    }
    match wanted.rsplit_once('=') {
        Some((place, "KILL")) if place == name => raise(Signal::SIGKILL).map_err(io::Error::from),
        Some((place, "ENOSPC")) if place == name => Err(Errno::ENOSPC.into()),
        Some((place, "EIO")) if place == name => Err(Errno::EIO.into()),
        _ => Ok(()),
    }
}
