//! Becoming another program: let go of everything of ours, look it up as a shell would, `execve`.

use std::convert::Infallible;
use std::ffi::{CString, OsStr};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
use nix::unistd::{AccessFlags, access, execve};
use thiserror::Error;

use crate::descriptors::DescriptorError;
use crate::spawn::Gate;
use crate::{Diagnose, FailureKind, sys};

/// Where a program is looked for when the environment has no `PATH`, as in docker.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Why a program did not start. The words and the exit codes are docker's.
#[derive(Debug, Error)]
pub enum ExecError {
    /// No argument at all.
    #[error("no command specified")]
    NoCommand,
    /// An argument or variable with a NUL byte inside.
    #[error("{what} {text:?} contains a NUL byte")]
    Nul {
        /// "argument" or "environment variable".
        what: &'static str,
        /// The offender.
        text: String,
    },
    /// Nothing of that name in any directory of `PATH`.
    #[error("exec: {name:?}: executable file not found in $PATH")]
    NotInPath {
        /// The name as given.
        name: String,
        /// The directories that were searched.
        path: String,
    },
    /// `execve(2)` failed.
    #[error("exec: {program:?}: {}", reason(*errno))]
    Exec {
        /// The file.
        program: PathBuf,
        /// The kernel's reason.
        errno: Errno,
    },
    /// The signal set-up failed.
    #[error("reset signals before exec: {0}")]
    Signals(Errno),
    /// Our descriptors could not be kept from the program.
    #[error(transparent)]
    Descriptors(#[from] DescriptorError),
}

/// Docker prints Go's lower-case reasons; Rust's and ours should not differ from what people search for.
fn reason(errno: Errno) -> String {
    errno.desc().to_lowercase()
}

impl Diagnose for ExecError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        crate::inner!(self, Descriptors)
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotInPath { path, .. } => Some(format!("searched {path} inside the container")),
            Self::Exec { errno: Errno::ENOENT, program } if program.exists() => Some(
                "the file is there: the interpreter in its #! line, or the dynamic loader it asks for, is not".into(),
            ),
            Self::Exec { errno: Errno::EACCES, program } if program.is_dir() => Some("it is a directory".into()),
            Self::Exec { errno: Errno::EACCES, .. } => {
                Some("the file needs the executable bit (chmod +x), on a mount without noexec".into())
            }
            Self::Exec { errno: Errno::ENOEXEC, .. } => {
                Some("a script needs a #! line; a binary must be built for this machine".into())
            }
            _ => None,
        }
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::NotInPath { .. } | Self::Exec { errno: Errno::ENOENT, .. } => FailureKind::CommandNotFound,
            // A file in the place of a directory: docker has 125 for that.
            Self::Exec { errno: Errno::ENOTDIR, .. } | Self::Signals(_) => FailureKind::System,
            Self::Exec { .. } => FailureKind::CannotExecute,
            Self::NoCommand | Self::Nul { .. } => FailureKind::Invalid,
            Self::Descriptors(_) => return None,
        })
    }
}

/// A program with its arguments and environment, ready for `execve`: everything that allocates is done.
#[derive(Debug, Clone)]
pub struct Program {
    arguments: Vec<CString>,
    environment: Vec<CString>,
}

impl Program {
    /// `arguments` start with the program's name; `environment` has `NAME=value` entries.
    ///
    /// # Errors
    /// [`ExecError::NoCommand`], [`ExecError::Nul`].
    pub fn new<A: AsRef<OsStr>, E: AsRef<OsStr>>(arguments: &[A], environment: &[E]) -> Result<Self, ExecError> {
        if arguments.is_empty() {
            return Err(ExecError::NoCommand);
        }
        Ok(Self {
            arguments: c_strings("argument", arguments)?,
            environment: c_strings("environment variable", environment)?,
        })
    }

    /// Replaces this process. Signals go back to their defaults first: Rust ignores `SIGPIPE`, and `exec` would hand
    /// that down. Of our descriptors nothing is open any more when the program is looked up, but the way to report that
    /// it failed: the caller must own none.
    ///
    /// # Errors
    /// Every [`ExecError`]; on success there is nobody left to return to.
    // ANCHOR: exec
    pub fn exec(&self, gate: &Gate) -> Result<Infallible, ExecError> {
        gate.close_others()?;
        self.execute()
    }

    fn execute(&self) -> Result<Infallible, ExecError> {
        let program = self.find()?;
        reset_signals().map_err(ExecError::Signals)?;
        let file = CString::new(program.as_os_str().as_bytes()).map_err(|_| ExecError::NoCommand)?;
        execve(&file, &self.arguments, &self.environment).map_err(|errno| ExecError::Exec { program, errno })
    }
    // ANCHOR_END: exec

    /// As [`Program::exec`], with more than the way to report still open: only what leads nowhere, and closes at exec, may be.
    ///
    /// # Errors
    /// Every [`ExecError`].
    pub fn exec_with(&self, gate: &Gate, kept: &[BorrowedFd]) -> Result<Infallible, ExecError> {
        gate.close_all_but(kept)?;
        self.execute()
    }

    /// Whether a variable of its environment is missing or empty.
    pub fn lacks(&self, name: &str) -> bool {
        !self.environment.iter().any(|entry| value_of(entry, name).is_some_and(|value| !value.is_empty()))
    }

    /// Sets a variable.
    ///
    /// # Errors
    /// [`ExecError::Nul`].
    pub fn set(&mut self, name: &str, value: &OsStr) -> Result<(), ExecError> {
        let entry = [name.as_bytes(), b"=", value.as_bytes()].concat();
        self.environment.retain(|entry| value_of(entry, name).is_none());
        self.environment.extend(c_strings("environment variable", &[OsStr::from_bytes(&entry)])?);
        Ok(())
    }

    /// What can be said of the program without executing it: whether it is there, and may be executed.
    ///
    /// # Errors
    /// [`ExecError::NotInPath`], [`ExecError::Exec`].
    pub fn check(&self) -> Result<(), ExecError> {
        let program = self.find()?;
        let errno = match access(&program, AccessFlags::X_OK) {
            Ok(()) if !program.is_dir() => return Ok(()),
            Ok(()) => Errno::EACCES,
            Err(errno) => errno,
        };
        Err(ExecError::Exec { program, errno })
    }

    // ANCHOR: find
    /// The file to execute: as it is if it has a slash, else the first executable of that name in `PATH`.
    fn find(&self) -> Result<PathBuf, ExecError> {
        let name = Path::new(OsStr::from_bytes(self.arguments[0].as_bytes()));
        if name.as_os_str().as_bytes().contains(&b'/') {
            return Ok(name.into());
        }
        let path = self.environment.iter().find_map(|entry| entry.as_bytes().strip_prefix(b"PATH="));
        let path = OsStr::from_bytes(path.unwrap_or(DEFAULT_PATH.as_bytes()));
        // ANCHOR: ex_path
        let mut denied = None;
        for directory in path.as_bytes().split(|byte| *byte == b':') {
            let candidate = Path::new(OsStr::from_bytes(directory)).join(name);
            match access(&candidate, AccessFlags::X_OK) {
                Ok(()) if !candidate.is_dir() => return Ok(candidate),
                Err(Errno::EACCES) => denied = denied.or(Some(candidate)),
                _ => {}
            }
        }
        // A file that is there but may not be run is a better story than "not found": 126, not 127.
        match denied {
            Some(program) => Err(ExecError::Exec { program, errno: Errno::EACCES }),
            None => Err(ExecError::NotInPath {
                name: name.display().to_string(),
                path: path.to_string_lossy().into_owned(),
            }),
        }
        // ANCHOR_END: ex_path
    }
    // ANCHOR_END: find
}

fn value_of<'entry>(entry: &'entry CString, name: &str) -> Option<&'entry [u8]> {
    entry.as_bytes().strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

/// Default action for every signal, and none blocked.
fn reset_signals() -> Result<(), Errno> {
    sys::default_all_signals();
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
}

fn c_strings<S: AsRef<OsStr>>(what: &'static str, list: &[S]) -> Result<Vec<CString>, ExecError> {
    list.iter()
        .map(|text| {
            CString::new(text.as_ref().as_bytes())
                .map_err(|_| ExecError::Nul { what, text: text.as_ref().to_string_lossy().into_owned() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{CANNOT_EXECUTE, Failure, NOT_FOUND};

    proptest! {
        /// Whatever PATH is, the lookup ends in a file that can be executed or in an error with the right code.
        #[test]
        fn any_path_is_searched(name in "[^/\0]{0,8}", path in "[^\0]{0,200}") {
            let program = Program::new(&[&name], &[format!("PATH={path}")]).expect("no NUL byte");
            match program.find() {
                Ok(file) => prop_assert!(file.is_file()),
                Err(error) => prop_assert!(matches!(Failure::from(error).exit_code(), NOT_FOUND | CANNOT_EXECUTE)),
            }
        }
    }
}
