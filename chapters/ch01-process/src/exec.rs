//! Becoming another program: look it up as a shell would, check that it is not ourselves, `execve`.

use std::convert::Infallible;
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
use nix::unistd::{AccessFlags, access, execve};
use thiserror::Error;

use crate::{Diagnose, FailureKind, sys};

/// Where a program is looked for when the environment has no `PATH`, as in docker.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The kernel follows a chain of `#!` lines this far (`execve(2)`, "Interpreter scripts").
const LONGEST_INTERPRETER_CHAIN: usize = 4;

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
    /// The file, or the interpreter in its first line, is this very binary.
    #[error("exec: {program:?}: refused: it is the container engine's own binary, reached through /proc")]
    Engine {
        /// The file.
        program: PathBuf,
    },
    /// The signal set-up failed.
    #[error("reset signals before exec: {0}")]
    Signals(Errno),
    /// Our descriptors could not be kept from the program.
    #[error("close our descriptors before exec: {0}")]
    Descriptors(Errno),
}

/// Docker prints Go's lower-case reasons; Rust's and ours should not differ from what people search for.
fn reason(errno: Errno) -> String {
    errno.desc().to_lowercase()
}

impl Diagnose for ExecError {
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
            Self::NotInPath { .. } | Self::Exec { errno: Errno::ENOENT | Errno::ENOTDIR, .. } => {
                FailureKind::CommandNotFound
            }
            Self::Exec { .. } | Self::Engine { .. } => FailureKind::CannotExecute,
            Self::NoCommand | Self::Nul { .. } => FailureKind::Invalid,
            Self::Signals(_) | Self::Descriptors(_) => FailureKind::System,
        })
    }
}

/// A program with its arguments and environment, ready for `execve`: everything that allocates is done.
#[derive(Debug, Clone)]
pub struct Program {
    arguments: Vec<CString>,
    environment: Vec<CString>,
    /// Device and inode of this very binary.
    own: Option<(u64, u64)>,
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
            // Now, because the container may have its procfs elsewhere, or none.
            own: own_binary(),
        })
    }

    /// Replaces this process. Signals go back to their defaults first: Rust ignores `SIGPIPE`, and `exec` would hand
    /// that down. Descriptors from 3 on are closed.
    ///
    /// # Errors
    /// Every [`ExecError`]; on success there is nobody left to return to.
    // ANCHOR: exec
    pub fn exec(&self) -> Result<Infallible, ExecError> {
        let program = self.find()?;
        self.refuse_own_binary(&program)?;
        reset_signals().map_err(ExecError::Signals)?;
        // Nothing of ours reaches the program, whatever opened it (CVE-2024-21626).
        keep_descriptors_from_program().map_err(ExecError::Descriptors)?;
        let file = CString::new(program.as_os_str().as_bytes()).map_err(|_| ExecError::NoCommand)?;
        execve(&file, &self.arguments, &self.environment).map_err(|errno| ExecError::Exec { program, errno })
    }
    // ANCHOR_END: exec

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
                Ok(()) if !candidate.is_dir() && !name.as_os_str().is_empty() => return Ok(candidate),
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

    // ANCHOR: refuse_own_binary
    /// A container that has us execute `/proc/self/exe` (or a script with `#!/proc/self/exe`) gets a process whose
    /// `/proc/PID/exe` is our file on the host, to be overwritten once we are done (CVE-2019-5736).
    fn refuse_own_binary(&self, program: &Path) -> Result<(), ExecError> {
        let Some(own) = self.own.or_else(own_binary) else { return Ok(()) };
        let mut next = program.to_path_buf();
        for _ in 0..=LONGEST_INTERPRETER_CHAIN {
            let Ok(metadata) = std::fs::metadata(&next) else { return Ok(()) };
            if (metadata.dev(), metadata.ino()) == own {
                return Err(ExecError::Engine { program: program.into() });
            }
            // Opening a FIFO would wait for a writer that never comes.
            if !metadata.is_file() {
                return Ok(());
            }
            let Some(interpreter) = interpreter(&next) else { return Ok(()) };
            next = interpreter;
        }
        Ok(())
    }
    // ANCHOR_END: refuse_own_binary
}

fn own_binary() -> Option<(u64, u64)> {
    std::fs::metadata("/proc/self/exe").ok().map(|file| (file.dev(), file.ino()))
}

/// The path after `#!`, if the file starts with that.
fn interpreter(script: &Path) -> Option<PathBuf> {
    let mut head = [0; 256];
    let length = File::open(script).ok()?.read(&mut head).ok()?;
    let line = head[..length].strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let path = line.split(|byte| matches!(byte, b' ' | b'\t')).find(|word| !word.is_empty())?;
    Some(PathBuf::from(OsStr::from_bytes(path)))
}

/// Default action for every signal, and none blocked.
fn reset_signals() -> Result<(), Errno> {
    sys::default_all_signals();
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
}

/// Marks every descriptor above standard error, ours or inherited, as close-on-exec.
fn keep_descriptors_from_program() -> Result<(), Errno> {
    match sys::close_on_exec_from(3) {
        // Linux before 5.11 has no such call; procfs knows which ones there are.
        Err(Errno::ENOSYS | Errno::EINVAL) => mark_each_descriptor(),
        other => other,
    }
}

fn mark_each_descriptor() -> Result<(), Errno> {
    let errno_of = |error: std::io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO));
    let open: Vec<i32> = std::fs::read_dir("/proc/self/fd")
        .map_err(errno_of)?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for number in open.into_iter().filter(|number| *number > 2) {
        sys::close_on_exec(number)?;
    }
    Ok(())
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

        /// The first line of a script can be anything.
        #[test]
        fn any_file_has_an_interpreter_or_none(bytes: Vec<u8>) {
            let file = tempfile();
            std::fs::write(&file, [b"#!".as_slice(), &bytes].concat()).expect("a temporary file");
            let found = interpreter(&file);
            let _ = std::fs::remove_file(&file);
            prop_assert!(found.is_none_or(|path| !path.as_os_str().is_empty()));
        }
    }

    /// Kernels before 5.11 are told about each descriptor by itself.
    #[test]
    fn descriptors_can_be_marked_one_by_one() {
        use nix::fcntl::{FcntlArg, FdFlag, fcntl};
        let (one, other) = nix::unistd::pipe().expect("a pipe");
        mark_each_descriptor().expect("procfs");
        for end in [&one, &other] {
            assert_eq!(fcntl(end, FcntlArg::F_GETFD), Ok(FdFlag::FD_CLOEXEC.bits()));
        }
    }

    fn tempfile() -> PathBuf {
        let thread = std::thread::current().id();
        std::env::temp_dir().join(format!("interpreter-{}-{thread:?}", std::process::id()))
    }
}
