//! A pseudo-terminal: the master is ours, the slave becomes the program's standard streams.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer};
use rustix::termios::{OptionalActions, Termios, Winsize, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};
use thiserror::Error;

use crate::{Diagnose, sys};

/// Why there is no terminal.
#[derive(Debug, Error)]
pub enum PtyError {
    /// `/dev/ptmx` or the slave could not be opened.
    #[error("open {name}: {errno}")]
    Open {
        /// The device.
        name: String,
        /// The kernel's reason.
        errno: Errno,
    },
    /// A terminal call failed.
    #[error("{action}: {errno}")]
    Terminal {
        /// What we were doing.
        action: &'static str,
        /// The kernel's reason.
        errno: Errno,
    },
}

impl Diagnose for PtyError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Open { errno: Errno::ENOSPC, .. } => Some("all terminals of this devpts are in use".into()),
            Self::Open { errno: Errno::ENOENT, .. } => Some("is devpts mounted on /dev/pts?".into()),
            _ => None,
        }
    }
}

/// Both sides of a new terminal.
#[derive(Debug)]
pub struct Pty {
    /// What a terminal emulator holds.
    pub master: OwnedFd,
    /// What the program holds.
    pub slave: OwnedFd,
    /// The slave's name: `/dev/pts/0`.
    pub name: String,
}

impl Pty {
    /// Opens a terminal of the devpts that is mounted here and now: call it inside the container's root, so that the
    /// name means the same thing to the program.
    ///
    /// # Errors
    /// [`PtyError`].
    // ANCHOR: open_pty
    pub fn open() -> Result<Self, PtyError> {
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let master = open("/dev/ptmx", flags, Mode::empty())
            .map_err(|errno| PtyError::Open { name: "/dev/ptmx".into(), errno })?;
        Self::of(master)
    }
    // ANCHOR_END: open_pty

    /// The terminal that `master` is one side of. The other side is asked for by the descriptor: a name can lead to
    /// another device by then.
    ///
    /// # Errors
    /// [`PtyError`].
    pub fn of(master: OwnedFd) -> Result<Self, PtyError> {
        rustix::pty::unlockpt(&master).map_err(|error| terminal("unlock a terminal", error))?;
        let name = rustix::pty::ptsname(&master, Vec::new()).map_err(|error| terminal("name a terminal", error))?;
        let name = CString::into_string(name).unwrap_or_default();
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let slave = ioctl_tiocgptpeer(&master, flags)
            .map_err(|error| PtyError::Open { name: name.clone(), errno: Errno::from_raw(error.raw_os_error()) })?;
        Ok(Self { master, slave, name })
    }

    /// Sets the window size, in characters. A new terminal's is 0 by 0, which programs take for "unknown".
    pub fn resize(&self, rows: u16, columns: u16) {
        // The kernel refuses this for no terminal that is open, and a wrong size would be no reason to give up.
        let _ = tcsetwinsize(&self.master, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 });
    }
}

/// Makes `slave` this process's controlling terminal and its standard streams. The process must lead a session.
///
/// # Errors
/// [`PtyError::Terminal`].
// ANCHOR: take_over
pub fn take_over(slave: &OwnedFd) -> Result<(), PtyError> {
    let failed = |action| move |errno| PtyError::Terminal { action, errno };
    sys::set_controlling_terminal(slave).map_err(failed("make the terminal ours"))?;
    nix::unistd::dup2_stdin(slave).map_err(failed("make the terminal standard input"))?;
    nix::unistd::dup2_stdout(slave).map_err(failed("make the terminal standard output"))?;
    nix::unistd::dup2_stderr(slave).map_err(failed("make the terminal standard error"))
}
// ANCHOR_END: take_over

/// Copies the window size of one terminal to another. Quiet where there is none to copy.
pub fn copy_window_size(from: impl AsFd, to: impl AsFd) {
    if let Ok(size) = tcgetwinsize(from) {
        let _ = tcsetwinsize(to, size);
    }
}

/// A terminal without line editing, echo and signals, until this value is dropped.
#[derive(Debug)]
pub struct RawMode {
    terminal: OwnedFd,
    before: Termios,
}

impl RawMode {
    /// Switches `terminal` to raw mode: every key goes through to the program inside.
    ///
    /// # Errors
    /// [`PtyError::Terminal`], with `ENOTTY` when it is none.
    pub fn enter(terminal: BorrowedFd) -> Result<Self, PtyError> {
        let failed = |action| move |error: rustix::io::Errno| self::terminal(action, error);
        let before = tcgetattr(terminal).map_err(failed("read the terminal's mode"))?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(terminal, OptionalActions::Now, &raw).map_err(failed("set the terminal to raw mode"))?;
        let terminal = terminal
            .try_clone_to_owned()
            .map_err(|error| PtyError::Terminal { action: "keep the terminal", errno: errno_of(&error) })?;
        Ok(Self { terminal, before })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

fn terminal(action: &'static str, error: rustix::io::Errno) -> PtyError {
    PtyError::Terminal { action, errno: Errno::from_raw(error.raw_os_error()) }
}

fn errno_of(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}
