//! Work that nobody has to wait for: it is done when this process has ended, by a copy of it.

use std::convert::Infallible;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::unistd::setpgid;

use crate::descriptors;
use crate::detach::leave_streams;
use crate::spawn::{Spawn, SpawnError};
use crate::{Failure, sys};

/// Has a copy of this process do `work` once this one has ended, and whoever waits for it has the answer. Of our
/// descriptors the copy has `kept` alone: a pipeline that reads what we print must not wait for it, nor a script that
/// has lent us a lock. It is in a process group of its own, so ^C in the terminal does not reach it. How it fares is not heard:
/// `work` must be such that somebody else can do it later.
///
/// # Errors
/// [`SpawnError`]; then nothing will be done.
pub fn afterwards(kept: &[BorrowedFd], work: impl FnOnce()) -> Result<(), SpawnError> {
    let kept: Vec<_> = kept.iter().map(AsRawFd::as_raw_fd).collect();
    let pending = Spawn::new().start(|gate| -> Result<Infallible, Failure> {
        // Nobody reads a report of this, and what could fail here has no other way to go.
        if leave_streams().is_ok() && descriptors::close_all_but(&[&kept[..], &[gate.number()]].concat()).is_ok() {
            gate.wait_for_end();
            work();
        }
        sys::exit_now(0)
    })?;
    // By us, while whoever may end our group still waits for us. It is our child, and has executed nothing: it can be done.
    let _ = setpgid(pending.pid(), pending.pid());
    pending.leave();
    Ok(())
}
