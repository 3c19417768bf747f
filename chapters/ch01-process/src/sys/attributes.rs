//! System calls that give this process attributes which it keeps over `exec`: how it is scheduled, on which memory, and
//! what it takes the kernel for.
#![allow(unsafe_code, reason = "raw system calls; every block names the man page it relies on")]

use std::ffi::{c_int, c_long, c_ulong};

use nix::errno::Errno;

/// The first version of the kernel's `struct sched_attr` (`sched_setattr(2)`).
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SchedAttributes {
    /// Bytes of this structure; filled in by [`sched_setattr`].
    pub size: u32,
    /// `SCHED_*`.
    pub policy: u32,
    /// `SCHED_FLAG_*`.
    pub flags: u64,
    /// For ordinary policies, -20 to 19.
    pub nice: i32,
    /// For real-time policies, 1 to 99.
    pub priority: u32,
    /// Nanoseconds, as the next two, for `SCHED_DEADLINE`.
    pub runtime: u64,
    /// Nanoseconds.
    pub deadline: u64,
    /// Nanoseconds.
    pub period: u64,
}

/// `sched_setattr(2)`: policy and parameters of the calling thread.
///
/// # Errors
/// `EPERM` without `CAP_SYS_NICE` for a real-time policy or a lower nice value, `EINVAL` for parameters that the policy
/// does not have, `EBUSY` for a deadline that cannot be kept.
pub fn sched_setattr(attributes: SchedAttributes) -> Result<(), Errno> {
    let size = u32::try_from(size_of::<SchedAttributes>()).map_err(|_| Errno::E2BIG)?;
    let attributes = SchedAttributes { size, ..attributes };
    // SAFETY: sched_setattr(2). `attributes` is of the size it says; pid 0 is the caller, flags must be 0.
    Errno::result(unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) }).map(drop)
}

/// `ioprio_set(2)`: `class` and `level` of the calling thread's input and output.
///
/// # Errors
/// `EPERM` for the real-time class without `CAP_SYS_NICE`, `EINVAL`.
pub fn ioprio_set(class: u16, level: u16) -> Result<(), Errno> {
    const IOPRIO_WHO_PROCESS: c_int = 1;
    const IOPRIO_CLASS_SHIFT: u16 = 13;
    let priority = c_int::from(class << IOPRIO_CLASS_SHIFT | level);
    // SAFETY: ioprio_set(2). Three numbers; 0 is the caller.
    Errno::result(unsafe { libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, priority) }).map(drop)
}

/// `personality(2)`: the execution domain of this process.
///
/// # Errors
/// `EINVAL` where the kernel cannot change it.
pub fn personality(domain: u32) -> Result<(), Errno> {
    // SAFETY: personality(2). A number.
    Errno::result(unsafe { libc::personality(c_ulong::from(domain)) }).map(drop)
}

/// `set_mempolicy(2)`: on which nodes this thread's memory is allocated. `mode` is an `MPOL_*` number with flags, `nodes`
/// a bit for each node.
///
/// # Errors
/// `EINVAL` for nodes that are not there, or a mode that wants none, or some; `ENOSYS` without NUMA in the kernel.
pub fn set_mempolicy(mode: u32, nodes: &[u64]) -> Result<(), Errno> {
    // The kernel takes one bit less than it is told (set_mempolicy(2), NOTES of older editions).
    let bits = if nodes.is_empty() { 0 } else { c_long::try_from(nodes.len() * 64 + 1).map_err(|_| Errno::EINVAL)? };
    let mask = if nodes.is_empty() { std::ptr::null() } else { nodes.as_ptr() };
    // SAFETY: set_mempolicy(2). `mask` points at as many bits as we say; the kernel only reads.
    Errno::result(unsafe { libc::syscall(libc::SYS_set_mempolicy, mode, mask, bits) }).map(drop)
}
