//! The program's standard streams: the caller's, pipes, or a terminal of its own.

use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::unistd::{Gid, Uid, dup2_stderr, dup2_stdin, dup2_stdout, fchown};
use process::relay::pipe;

/// What to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdio {
    /// The caller's own, as `runc run` does: for a caller that has prepared them.
    Inherit,
    /// Pipes; without `input`, standard input is `/dev/null`.
    Pipes {
        /// Whether anybody will write to it.
        input: bool,
    },
    /// A new terminal of the container's devpts.
    Terminal,
}

/// Our ends.
#[derive(Debug, Default)]
pub struct Ends {
    /// To write to the program.
    pub stdin: Option<OwnedFd>,
    /// To read what it prints.
    pub stdout: Option<OwnedFd>,
    /// To read its complaints.
    pub stderr: Option<OwnedFd>,
    /// All three in one, for a terminal.
    pub terminal: Option<OwnedFd>,
}

/// The program's ends.
#[derive(Debug, Default)]
pub(crate) struct Inner {
    stdin: Option<OwnedFd>,
    stdout: Option<OwnedFd>,
    stderr: Option<OwnedFd>,
    inherit: bool,
    terminal: bool,
}

/// Makes the pipes.
pub(crate) fn open_streams(stdio: Stdio) -> std::io::Result<(Ends, Inner)> {
    let (mut ours, mut theirs) = (
        Ends::default(),
        Inner { inherit: stdio == Stdio::Inherit, terminal: stdio == Stdio::Terminal, ..Inner::default() },
    );
    if let Stdio::Pipes { input } = stdio {
        if input {
            let (reader, writer) = pipe()?;
            (theirs.stdin, ours.stdin) = (Some(reader), Some(writer));
        }
        let (reader, writer) = pipe()?;
        (ours.stdout, theirs.stdout) = (Some(reader), Some(writer));
        let (reader, writer) = pipe()?;
        (ours.stderr, theirs.stderr) = (Some(reader), Some(writer));
    }
    Ok((ours, theirs))
}

impl Inner {
    pub(crate) fn wants_terminal(&self) -> bool {
        self.terminal
    }

    /// Puts them at 0, 1 and 2, in the child, inside the container's root. The user may open `/dev/stdout` again, so a
    /// pipe is made theirs.
    pub(crate) fn connect(self, uid: Uid, gid: Gid) -> Result<(), Errno> {
        if self.inherit || self.terminal {
            return Ok(());
        }
        for pipe in [&self.stdin, &self.stdout, &self.stderr].into_iter().flatten() {
            match fchown(pipe, Some(uid), Some(gid)) {
                // An id that is not mapped in the user namespace cannot own anything.
                Ok(()) | Err(Errno::EINVAL | Errno::EPERM) => {}
                Err(errno) => return Err(errno),
            }
        }
        match self.stdin {
            Some(stdin) => dup2_stdin(stdin)?,
            None => dup2_stdin(null()?)?,
        }
        self.stdout.map_or(Ok(()), dup2_stdout)?;
        self.stderr.map_or(Ok(()), dup2_stderr)
    }
}

/// The container's own `/dev/null`; an image that has put something else there gets an error.
fn null() -> Result<OwnedFd, Errno> {
    let null =
        open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW, Mode::empty())?;
    let metadata = fstat(null.as_fd())?;
    let is_null = SFlag::from_bits_truncate(metadata.st_mode).contains(SFlag::S_IFCHR)
        && metadata.st_rdev == nix::sys::stat::makedev(1, 3);
    if is_null { Ok(null) } else { Err(Errno::ENODEV) }
}
