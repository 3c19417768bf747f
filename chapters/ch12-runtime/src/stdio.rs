//! The program's standard streams: the caller's, pipes, or a terminal of its own.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use namespaces::IdMap;
use nix::errno::Errno;
use nix::sys::stat::{SFlag, fstat};
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

/// Who is to own the pipes of the container's user `user`, whose ids are mapped by `maps`.
pub(crate) fn owner((users, groups): &(IdMap, IdMap), user: Uid) -> Option<(Uid, Gid)> {
    Some((Uid::from_raw(users.to_outside(user.as_raw())?), Gid::from_raw(groups.to_outside(0)?)))
}

/// Makes the pipes. `owner` is the program's user and root's group as the host counts, where only the host can give to
/// them: in a user namespace, root is nobody to what the host's root has made.
pub(crate) fn open_streams(stdio: Stdio, owner: Option<(Uid, Gid)>) -> std::io::Result<(Ends, Inner)> {
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
        if let Some((uid, gid)) = owner {
            for stream in [&theirs.stdin, &theirs.stdout, &theirs.stderr].into_iter().flatten() {
                give(stream.as_fd(), uid, Some(gid))?;
            }
        }
    }
    Ok((ours, theirs))
}

impl Inner {
    pub(crate) fn wants_terminal(&self) -> bool {
        self.terminal
    }

    /// Whether standard input is the container's null device.
    pub(crate) fn wants_null(&self) -> bool {
        !self.inherit && !self.terminal && self.stdin.is_none()
    }

    /// Puts them at 0, 1 and 2, in the child, inside the container's root, and makes them the user's, who may want to
    /// open `/dev/stdout` again.
    pub(crate) fn connect(self, null: Option<OwnedFd>, uid: Uid) -> Result<(), Errno> {
        if !self.inherit && !self.terminal {
            self.stdin.or(null).map_or(Ok(()), dup2_stdin)?;
            self.stdout.map_or(Ok(()), dup2_stdout)?;
            self.stderr.map_or(Ok(()), dup2_stderr)?;
        }
        let (stdin, stdout, stderr) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
        let streams = [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()];
        streams
            .into_iter()
            .filter(|stream| self.terminal || is_pipe(*stream))
            .try_for_each(|stream| give(stream, uid, None))
    }
}

/// A pipe has no name. A terminal or a file that we inherit has one, and would stay the user's when all is over.
fn is_pipe(stream: BorrowedFd) -> bool {
    fstat(stream).is_ok_and(|metadata| metadata.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFIFO.bits())
}

/// Without `gid` the group stays: a terminal's is `tty`, whoever holds it.
fn give(stream: BorrowedFd, uid: Uid, gid: Option<Gid>) -> Result<(), Errno> {
    match fchown(stream, Some(uid), gid) {
        // What is not mapped in the user namespace cannot own anything, or be given away.
        Ok(()) | Err(Errno::EINVAL | Errno::EPERM) => Ok(()),
        Err(errno) => Err(errno),
    }
}
