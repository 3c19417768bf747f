//! System calls that no crate has a safe function for, each with its arguments in their types.
#![allow(unsafe_code, reason = "attackers use what the kernel offers, not what a crate does")]

use std::ffi::{CStr, CString, c_int, c_long};
use std::fmt::Write;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::unistd::{ForkResult, Pid};

/// A child that does one thing and ends.
pub(crate) fn fork(inside: impl FnOnce()) -> io::Result<Pid> {
    // SAFETY: fork(2). This program has one thread.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            inside();
            std::process::exit(0)
        }
    }
}

/// alarm(2), whose signal nobody catches: what hangs ends.
pub(crate) fn end_after_seconds(seconds: u32) {
    // SAFETY: alarm(2) takes a number.
    unsafe { libc::alarm(seconds) };
}

fn checked(result: c_long) -> Result<usize, Errno> {
    usize::try_from(result).map_err(|_| Errno::last())
}

fn descriptor(result: c_long) -> Result<OwnedFd, Errno> {
    let number = checked(result)?;
    // SAFETY: the kernel has just made it, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(c_int::try_from(number).map_err(|_| Errno::EBADF)?) })
}

/// A descriptor that this process was started with, if there is one of this number.
pub(crate) fn inherited(number: c_int) -> Option<BorrowedFd<'static>> {
    std::path::Path::new(&format!("/proc/self/fd/{number}")).exists().then(|| {
        // SAFETY: it was there before us, so nothing here owns it or closes it.
        unsafe { BorrowedFd::borrow_raw(number) }
    })
}

/// A new `SysV` segment with this text in it, by its id.
pub(crate) fn share(text: &CStr) -> Result<c_int, Errno> {
    let bytes = text.to_bytes_with_nul();
    // SAFETY: shmget(2) and shmat(2); the segment is at least a page, and the text is shorter.
    unsafe {
        let id = Errno::result(libc::shmget(libc::IPC_PRIVATE, bytes.len(), 0o600))?;
        let place = libc::shmat(id, std::ptr::null(), 0);
        if place.addr() == usize::MAX {
            return Err(Errno::last());
        }
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), place.cast(), bytes.len());
        Ok(id)
    }
}

/// The text in a `SysV` segment.
pub(crate) fn shared(id: c_int) -> Result<CString, Errno> {
    // SAFETY: shmat(2); a segment is a page at least, and this one holds a text that ends with a zero, as do new pages.
    unsafe {
        let place = libc::shmat(id, std::ptr::null(), libc::SHM_RDONLY);
        if place.addr() == usize::MAX {
            return Err(Errno::last());
        }
        Ok(CStr::from_ptr(place.cast()).to_owned())
    }
}

/// What `name_to_handle_at(2)` says of a file, in hexadecimal: its type, and its bytes.
pub(crate) fn handle_of(path: &CStr) -> Result<String, Errno> {
    let (mut handle, mut mount) = (Handle::default(), 0);
    // SAFETY: name_to_handle_at(2); the structure says how much room it has.
    Errno::result(unsafe {
        libc::syscall(libc::SYS_name_to_handle_at, libc::AT_FDCWD, path.as_ptr(), &raw mut handle, &raw mut mount, 0)
    })?;
    let mut text = format!("{:08x}", handle.kind);
    for byte in handle.bytes.iter().take(handle.length as usize) {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

/// Opens a file by that, somewhere on the file system of `mount`.
pub(crate) fn open_handle(mount: impl AsFd, hexadecimal: &str) -> Result<OwnedFd, Errno> {
    let (kind, bytes) = hexadecimal.split_at_checked(8).ok_or(Errno::EINVAL)?;
    let byte = |at: usize| bytes.get(at..at + 2).and_then(|text| u8::from_str_radix(text, 16).ok());
    let bytes: Vec<u8> = (0..bytes.len()).step_by(2).map_while(byte).collect();
    let mut handle = Handle {
        length: u32::try_from(bytes.len()).map_err(|_| Errno::EINVAL)?,
        kind: u32::from_str_radix(kind, 16).map_err(|_| Errno::EINVAL)?,
        ..Handle::default()
    };
    handle.bytes.get_mut(..bytes.len()).ok_or(Errno::EINVAL)?.copy_from_slice(&bytes);
    // SAFETY: open_by_handle_at(2); the structure is as long as it says.
    descriptor(unsafe {
        libc::syscall(libc::SYS_open_by_handle_at, mount.as_fd().as_raw_fd(), &raw mut handle, libc::O_RDONLY)
    })
}

/// `struct file_handle`, with the most room that the kernel ever wants.
#[repr(C)]
struct Handle {
    length: u32,
    kind: u32,
    bytes: [u8; 128],
}

impl Default for Handle {
    fn default() -> Self {
        Self { length: 128, kind: 0, bytes: [0; 128] }
    }
}

/// Asks for a tick of no length. Whoever may not set the clock is told so first (EPERM), whoever may is told that this cannot
/// be (EINVAL). Nothing is set.
pub(crate) fn set_tick_to_nothing() -> Errno {
    // SAFETY: adjtimex(2) reads and fills the structure, for which all zeros are a value.
    unsafe {
        let mut request: libc::timex = std::mem::zeroed();
        request.modes = 0x4000;
        Errno::result(libc::adjtimex(&raw mut request)).map_or_else(|errno| errno, |_| Errno::UnknownErrno)
    }
}

/// A session keyring of its own for this process, with one key in it.
pub(crate) fn plant_key(name: &CStr, secret: &[u8]) -> Result<(), Errno> {
    const JOIN_SESSION_KEYRING: c_int = 1;
    // SAFETY: keyctl(2), add_key(2); the strings live during the calls.
    unsafe {
        checked(libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, 0))?;
        checked(libc::syscall(
            libc::SYS_add_key,
            c"user".as_ptr(),
            name.as_ptr(),
            secret.as_ptr(),
            secret.len(),
            SESSION_KEYRING,
        ))?;
    }
    Ok(())
}

/// What the key of this name in the session's keyring says.
pub(crate) fn key(name: &CStr) -> Result<Vec<u8>, Errno> {
    const SEARCH: c_int = 10;
    const READ: c_int = 11;
    let mut secret = vec![0; 64];
    // SAFETY: keyctl(2); the buffer is as long as is said.
    let length = unsafe {
        let found =
            checked(libc::syscall(libc::SYS_keyctl, SEARCH, SESSION_KEYRING, c"user".as_ptr(), name.as_ptr(), 0))?;
        checked(libc::syscall(libc::SYS_keyctl, READ, found, secret.as_mut_ptr(), secret.len()))?
    };
    secret.truncate(length);
    Ok(secret)
}

const SESSION_KEYRING: c_int = -3;

/// The newest lines of the kernel's log.
pub(crate) fn log() -> Result<usize, Errno> {
    const READ_ALL: c_int = 3;
    let mut text = [0_u8; 1024];
    // SAFETY: syslog(2); the buffer is as long as is said.
    checked(unsafe { libc::syscall(libc::SYS_syslog, READ_ALL, text.as_mut_ptr(), text.len()) })
}

/// The id of the first BPF program in the kernel; ENOENT says that there is none, to whoever may know.
pub(crate) fn first_bpf_program() -> Result<u32, Errno> {
    const PROG_GET_NEXT_ID: c_int = 11;
    let mut request = [0_u32; 3];
    // SAFETY: bpf(2); start, next id and flags are what this command takes.
    checked(unsafe { libc::syscall(libc::SYS_bpf, PROG_GET_NEXT_ID, request.as_mut_ptr(), size_of_val(&request)) })?;
    Ok(request[1])
}

/// An instance of `io_uring` with one entry.
pub(crate) fn io_uring() -> Result<OwnedFd, Errno> {
    let mut parameters = [0_u8; 256];
    // SAFETY: io_uring_setup(2); its parameters take 120 bytes.
    descriptor(unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, parameters.as_mut_ptr()) })
}

/// Puts a character into the input of a terminal, as if somebody had typed it.
pub(crate) fn type_into(terminal: impl AsFd, character: u8) -> Result<(), Errno> {
    // SAFETY: TIOCSTI of ioctl_tty(2) reads one byte.
    Errno::result(unsafe { libc::ioctl(terminal.as_fd().as_raw_fd(), libc::TIOCSTI, &raw const character) }).map(drop)
}

#[cfg(target_arch = "x86_64")]
std::arch::global_asm!(
    ".pushsection .rodata.attack_loader, \"a\"",
    ".global attack_loader_begin, attack_loader_end",
    "attack_loader_begin:",
    // fd = open("/proc/self/exe", O_PATH): it survives the next exec.
    "mov eax, 2",
    "lea rdi, [rip + 2f]",
    "mov esi, 0x200000",
    "xor edx, edx",
    "syscall",
    // execve(loader, [loader, "/attack", "reopen"], [])
    "push 0",
    "lea rax, [rip + 5f]",
    "push rax",
    "lea rax, [rip + 4f]",
    "push rax",
    "lea rdi, [rip + 3f]",
    "push rdi",
    "mov rsi, rsp",
    "xor edx, edx",
    "mov eax, 59",
    "syscall",
    "mov edi, 1",
    "mov eax, 60",
    "syscall",
    "2: .asciz \"/proc/self/exe\"",
    "3: .asciz \"/attack-loader\"",
    "4: .asciz \"/attack\"",
    "5: .asciz \"reopen\"",
    "attack_loader_end:",
    ".popsection",
);

/// A program loader that is none: it keeps the file that is executed open, and executes us, by a real one.
#[cfg(target_arch = "x86_64")]
#[allow(clippy::unnecessary_wraps, reason = "there is none for other processors")]
pub(crate) fn false_loader() -> io::Result<&'static [u8]> {
    unsafe extern "C" {
        static attack_loader_begin: u8;
        static attack_loader_end: u8;
    }
    // SAFETY: both are labels around constant bytes of this program.
    unsafe {
        let (begin, end) = (&raw const attack_loader_begin, &raw const attack_loader_end);
        Ok(std::slice::from_raw_parts(begin, end.addr() - begin.addr()))
    }
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn false_loader() -> io::Result<&'static [u8]> {
    Err(io::Error::other("there is none for this processor"))
}
