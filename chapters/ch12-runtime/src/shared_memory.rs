//! The shared memory of a container that runs, for one that joins its IPC namespace: what is written below `/dev/shm` of the
//! one is then read in the other.

use std::convert::Infallible;
use std::os::fd::OwnedFd;

use namespaces::{Kind, Target, enter};
use nix::errno::Errno;
use process::{Failure, Identity, Spawn, SpawnError, sys};

use crate::become_program::{keep_private, refuse_tracers};
use crate::inside_error::InsideError;
use crate::runtime_error::RuntimeError;

/// A copy of the mount at `/dev/shm` in the container whose first process is `init`, not attached anywhere. The caller must
/// have one thread.
///
/// # Errors
/// [`RuntimeError::Stopped`], [`RuntimeError::Enter`], [`RuntimeError::Spawn`].
pub fn shared_memory_of(init: Identity) -> Result<OwnedFd, RuntimeError> {
    let target = Target::of(init).map_err(RuntimeError::of_target)?;
    keep_private();
    // No way leads back from a mount namespace to all that one had open by name: so it is a child that goes.
    let pending = Spawn::new().start(|gate| -> Result<Infallible, Failure> {
        gate.wait()?;
        refuse_tracers();
        let _ = enter(&target, &[Kind::Mount]).map_err(InsideError::from)?;
        gate.send_fd(rootfs::copy_shared_memory()?)?;
        gate.done();
        sys::exit_now(0)
    })?;
    let mut child = pending.release()?;
    let memory = child.take_fd();
    let _ = child.wait();
    memory.ok_or_else(|| SpawnError::Channel { action: "have shared memory from", errno: Errno::EPROTO }.into())
}
