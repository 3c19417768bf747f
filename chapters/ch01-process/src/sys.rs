//! The system calls that neither `nix` nor `rustix` wraps, and nothing else.
//!
//! This and [`attributes`] are the only files of the workspace that speak to the kernel without a library between. Each
//! function is as thin as its man page allows: safe types in, an [`Errno`] out.
#![allow(unsafe_code, reason = "raw system calls; every block names the man page it relies on")]

pub mod attributes;

use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::single_thread::SingleThread;

/// `<linux/sched.h>`; libc's constant is too narrow for it.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Which side of [`clone3`] we woke up on.
#[derive(Debug)]
pub enum Clone3 {
    /// The parent: the child's process id, and its pidfd.
    Parent(Pid, OwnedFd),
    /// The child, on a copy of the parent's memory.
    Child,
}

/// `clone3(2)`: a new process that is a copy of this one, with `CLONE_PIDFD` always set.
///
/// `flags` are `CLONE_*` bits; `exit_signal` is what the parent gets when the child ends (0 for nothing);
/// `cgroup` is a cgroup v2 directory in which the child is born (`CLONE_INTO_CGROUP`).
///
/// # Errors
/// Those of `clone3(2)`: `EPERM` without `CAP_SYS_ADMIN`, `EINVAL` for flags that exclude each other,
/// `ENOSPC` past `/proc/sys/user/max_*_namespaces`, `EAGAIN` at a `pids` limit.
/// The child gets a copy of memory but not of other threads, and glibc's fork handlers do not run: hence the proof that
/// there are no other threads.
// ANCHOR: clone3
pub fn clone3(
    flags: u64,
    exit_signal: c_int,
    cgroup: Option<BorrowedFd>,
    _alone: SingleThread,
) -> Result<Clone3, Errno> {
    let mut pidfd: RawFd = -1;
    // ANCHOR: clone_args
    let mut args = libc::clone_args {
        flags: flags | libc::CLONE_PIDFD as u64,
        pidfd: ptr::from_mut(&mut pidfd) as u64,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: u64::from(exit_signal.unsigned_abs()),
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: 0,
    };
    // ANCHOR_END: clone_args
    if let Some(directory) = cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = u64::from(directory.as_raw_fd().unsigned_abs());
    }
    // SAFETY: clone3(2). `args` lives until the call returns, `size` is its own. Without CLONE_VM the child runs on a
    // copy of this stack, as after fork(2), and there is no other thread whose locks it could copy.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, ptr::from_mut(&mut args), size_of::<libc::clone_args>()) };
    let pid = match Errno::result(pid) {
        // Docker's filter says that there is no clone3, for it cannot look into `args`; clone shows its flags.
        Err(Errno::ENOSYS) if cgroup.is_none() => {
            let flags = args.flags | args.exit_signal;
            // SAFETY: clone(2). A stack of 0 is a copy of this one; with CLONE_PIDFD the kernel writes the descriptor to
            // where the third argument points.
            unsafe { libc::syscall(libc::SYS_clone, flags, 0, ptr::from_mut(&mut pidfd), 0, 0) }
        }
        other => other?,
    };
    match Errno::result(pid)? {
        0 => Ok(Clone3::Child),
        // SAFETY: on success the kernel stored a new descriptor, which is ours alone.
        pid => Ok(Clone3::Parent(Pid::from_raw(narrow(pid)), unsafe { OwnedFd::from_raw_fd(pidfd) })),
    }
}
// ANCHOR_END: clone3

/// `close_range(2)`: closes every descriptor from `first` to `last`, both included. Whoever owned one owns nothing now, so
/// this is for a process that is about to become another program and has let go of all it owned.
///
/// # Errors
/// `ENOSYS` before Linux 5.9.
// ANCHOR: close_range
pub fn close_range(first: RawFd, last: RawFd) -> Result<(), Errno> {
    if first > last {
        return Ok(());
    }
    // SAFETY: close_range(2). Closing touches no memory; a stale owner gets EBADF, as no descriptor is opened after.
    Errno::result(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) }).map(drop)
}
// ANCHOR_END: close_range

/// `pidfd_send_signal(2)`: sends the signal with this number, real-time signals included (rustix knows no name for
/// those, and a container with systemd is stopped by one).
///
/// # Errors
/// `ESRCH` when the process has ended, `EINVAL` for a number that is no signal, `EPERM` for somebody else's process.
pub fn pidfd_send_signal(pidfd: BorrowedFd, number: c_int) -> Result<(), Errno> {
    // SAFETY: pidfd_send_signal(2). A null siginfo makes the kernel fill it in as kill(2) does; the flags must be 0.
    let done = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), number, ptr::null::<libc::siginfo_t>(), 0)
    };
    Errno::result(done).map(drop)
}

/// `rt_sigaction(2)` with `SIG_DFL` for every signal, real-time signals included.
///
/// Not through glibc: it keeps signals 32 and 33 to itself and refuses to touch them, also when whoever started us has
/// left them ignored.
pub fn default_all_signals() {
    const LAST: c_int = 64;
    // The layout of the kernel's struct sigaction depends on the architecture. All zero is SIG_DFL, no flags and an
    // empty mask in each.
    let default = [0_u64; 4];
    for number in 1..=LAST {
        // SAFETY: sigaction(2). `default` is at least as long as the kernel's struct; SIG_DFL runs no code of ours.
        // SIGKILL and SIGSTOP are refused, which is as good.
        unsafe {
            libc::syscall(libc::SYS_rt_sigaction, number, default.as_ptr(), ptr::null_mut::<c_void>(), size_of::<u64>())
        };
    }
}

/// `mount_setattr(2)` on the mount that `directory` (a descriptor) is the root of.
///
/// `set` and `clear` are `MOUNT_ATTR_*` bits, `propagation` one of `MS_PRIVATE`, `MS_SLAVE`, `MS_SHARED` or 0,
/// `user_namespace` the namespace that `MOUNT_ATTR_IDMAP` maps by; with `recursive` the whole tree below changes too.
///
/// # Errors
/// `EINVAL` for a descriptor that is not a mount's root or a file system that cannot be id-mapped, `EPERM` for a
/// flag that a more privileged mount namespace has locked.
pub fn mount_setattr(
    directory: impl AsFd,
    recursive: bool,
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: Option<BorrowedFd>,
) -> Result<(), Errno> {
    let attributes = libc::mount_attr {
        attr_set: set,
        attr_clr: clear,
        propagation,
        userns_fd: user_namespace.map_or(0, |fd| u64::from(fd.as_raw_fd().unsigned_abs())),
    };
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: mount_setattr(2). The path is an empty C string, `attributes` is of the size we say.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            directory.as_fd().as_raw_fd(),
            c"".as_ptr(),
            flags,
            ptr::from_ref(&attributes),
            size_of::<libc::mount_attr>(),
        )
    };
    Errno::result(done).map(drop)
}

/// One instruction of classic BPF, the kernel's `struct sock_filter` (`bpf(4)`, `<linux/filter.h>`).
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SockFilter {
    /// Operation: class, size, mode.
    pub code: u16,
    /// Instructions to skip when a comparison holds.
    pub jt: u8,
    /// Instructions to skip when it does not.
    pub jf: u8,
    /// The operand.
    pub k: u32,
}

/// `seccomp(2)`, `SECCOMP_SET_MODE_FILTER`: adds `program` to this thread's filters, for good.
///
/// `flags` are `SECCOMP_FILTER_FLAG_*` bits.
///
/// # Errors
/// `EACCES` without `no_new_privs` and `CAP_SYS_ADMIN`; `EINVAL` for a program that the kernel's checker refuses,
/// such as one of more than 4096 instructions.
pub fn seccomp_set_filter(flags: u64, program: &[SockFilter]) -> Result<(), Errno> {
    set_filter(flags, program).map(drop)
}

/// The same with a new descriptor, by which another process is asked about the calls that the program leaves to it
/// (`seccomp_unotify(2)`).
///
/// # Errors
/// As [`seccomp_set_filter`]; `EBUSY` where a filter of this process has a listener already.
pub fn seccomp_set_filter_and_listen(flags: u64, program: &[SockFilter]) -> Result<OwnedFd, Errno> {
    const SECCOMP_FILTER_FLAG_NEW_LISTENER: u64 = 8;
    let fd = set_filter(flags | SECCOMP_FILTER_FLAG_NEW_LISTENER, program)?;
    // SAFETY: a new descriptor, ours alone (close-on-exec already, says seccomp_unotify(2)).
    Ok(unsafe { OwnedFd::from_raw_fd(narrow(fd)) })
}

fn set_filter(flags: u64, program: &[SockFilter]) -> Result<c_long, Errno> {
    #[repr(C)]
    struct SockFprog {
        len: u16,
        filter: *const SockFilter,
    }
    let len = u16::try_from(program.len()).map_err(|_| Errno::EINVAL)?;
    let fprog = SockFprog { len, filter: program.as_ptr() };
    // SAFETY: seccomp(2). `fprog` has the layout of struct sock_fprog and points at `len` instructions.
    let done = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, ptr::from_ref(&fprog).cast::<c_void>())
    };
    Errno::result(done)
}

/// `bpf(2)`, `BPF_PROG_LOAD`: verifies an eBPF program and returns its descriptor.
///
/// `kind` is a `BPF_PROG_TYPE_*` number, `instructions` are 8 bytes each in the kernel's `struct bpf_insn` layout.
///
/// # Errors
/// `EPERM` without `CAP_BPF`, `EINVAL` or `EACCES` for a program that the verifier refuses.
pub fn bpf_prog_load(kind: u32, instructions: &[u64], license: &CStr) -> Result<OwnedFd, Errno> {
    #[repr(C)]
    struct ProgLoad {
        kind: u32,
        instruction_count: u32,
        instructions: u64,
        license: u64,
        log_level: u32,
        log_size: u32,
        log: u64,
        kernel_version: u32,
        flags: u32,
    }
    const BPF_PROG_LOAD: c_int = 5;
    let attributes = ProgLoad {
        kind,
        instruction_count: u32::try_from(instructions.len()).map_err(|_| Errno::E2BIG)?,
        instructions: instructions.as_ptr() as u64,
        license: license.as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log: 0,
        kernel_version: 0,
        flags: 0,
    };
    // SAFETY: bpf(2). `attributes` starts like union bpf_attr's member for BPF_PROG_LOAD, and the kernel takes what is
    // past `size` as zero. Both pointers outlive the call.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, BPF_PROG_LOAD, ptr::from_ref(&attributes), size_of::<ProgLoad>()) };
    // SAFETY: a new descriptor, ours alone (close-on-exec already, says bpf(2)).
    Errno::result(fd).map(|fd| unsafe { OwnedFd::from_raw_fd(narrow(fd)) })
}

/// `bpf(2)`, `BPF_PROG_ATTACH`: attaches `program` to `target`, a cgroup v2 directory for cgroup programs.
///
/// `kind` is a `BPF_CGROUP_*` attach type; `flags` are `BPF_F_ALLOW_MULTI` and its like.
///
/// # Errors
/// `EPERM` where a parent cgroup has an exclusive program, `EINVAL` for a wrong `kind`.
pub fn bpf_prog_attach(kind: u32, program: BorrowedFd, target: BorrowedFd, flags: u32) -> Result<(), Errno> {
    #[repr(C)]
    struct ProgAttach {
        target: u32,
        program: u32,
        kind: u32,
        flags: u32,
    }
    const BPF_PROG_ATTACH: c_int = 8;
    let attributes = ProgAttach {
        target: target.as_raw_fd().unsigned_abs(),
        program: program.as_raw_fd().unsigned_abs(),
        kind,
        flags,
    };
    // SAFETY: bpf(2). `attributes` starts like union bpf_attr's member for BPF_PROG_ATTACH.
    let done =
        unsafe { libc::syscall(libc::SYS_bpf, BPF_PROG_ATTACH, ptr::from_ref(&attributes), size_of::<ProgAttach>()) };
    Errno::result(done).map(drop)
}

/// `keyctl(2)`, `KEYCTL_JOIN_SESSION_KEYRING`: leaves the caller's session keyring for a new one of this name.
///
/// Keyrings are not namespaced, so without this a container shares its maker's keys.
///
/// # Errors
/// `EDQUOT` past `/proc/sys/kernel/keys/maxkeys`, `ENOSYS` on a kernel without keys.
pub fn join_session_keyring(name: &CStr) -> Result<(), Errno> {
    const KEYCTL_JOIN_SESSION_KEYRING: c_long = 1;
    // SAFETY: keyctl(2). The name is a C string; no memory is written.
    let done = unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name.as_ptr().cast::<c_char>()) };
    Errno::result(done).map(drop)
}

/// `TIOCSCTTY` of `ioctl_tty(2)`: makes `terminal` the controlling terminal of this session's leader.
///
/// # Errors
/// `EPERM` when the caller leads no session, or another session holds the terminal.
pub fn set_controlling_terminal(terminal: impl AsFd) -> Result<(), Errno> {
    // SAFETY: ioctl_tty(2). The third argument is a number, 0 for "do not steal".
    let done = unsafe { libc::ioctl(terminal.as_fd().as_raw_fd(), libc::TIOCSCTTY, 0) };
    Errno::result(done).map(drop)
}

/// `_exit(2)`: ends this process without running what `exit(3)` would: destructors, flushes, handlers of the parent
/// whose memory a cloned child has copied.
pub fn exit_now(code: u8) -> ! {
    // SAFETY: _exit(2) does not return and touches no memory.
    unsafe { libc::_exit(code.into()) }
}

/// System calls that return a descriptor or a pid return a `long` that always fits an `int`.
fn narrow(result: c_long) -> c_int {
    c_int::try_from(result).unwrap_or(c_int::MAX)
}
