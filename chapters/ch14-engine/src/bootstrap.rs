//! A first image without a registry: out of Debian's static busybox, or by debootstrap.
//!
//! These commands run programs and take their time; nothing here is on the way of `run`.

use std::collections::VecDeque;
use std::fmt;
use std::fs;
use std::io::{self, BufRead, BufReader, Cursor};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use layers::DiskError;
use process::{Diagnose, FailureKind};
use thiserror::Error;

/// Why there is no image.
#[derive(Debug, Error)]
pub enum BootstrapError {
    /// No static busybox on this machine.
    #[error("no static busybox in /bin or /usr/bin")]
    NoBusybox,
    /// It is there, and needs libraries that the image would not have.
    #[error("{0} is not static: it would find none of its libraries in the image")]
    NotStatic(PathBuf),
    /// debootstrap is not installed, or could not be started.
    #[error("run {program}: {source}")]
    Program {
        /// The program.
        program: &'static str,
        /// The reason.
        source: io::Error,
    },
    /// It ran and failed.
    #[error("debootstrap failed ({status}):\n{tail}")]
    Debootstrap {
        /// How it ended.
        status: std::process::ExitStatus,
        /// Its last lines.
        tail: String,
    },
    /// A file.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Not a name of a Debian release.
    #[error("invalid suite {0:?}: letters, digits and '-' only")]
    Suite(String),
}

impl Diagnose for BootstrapError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Disk)
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::NoBusybox | Self::NotStatic(_) => FailureKind::Unsupported,
            Self::Program { source, .. } if source.kind() == io::ErrorKind::NotFound => FailureKind::Unsupported,
            Self::Program { .. } | Self::Debootstrap { .. } => FailureKind::System,
            Self::Suite(_) => FailureKind::Invalid,
            Self::Disk(_) => return None,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoBusybox | Self::NotStatic(_) => Some("apt-get install busybox-static".into()),
            Self::Program { .. } => Some("apt-get install debootstrap".into()),
            Self::Debootstrap { .. } => Some("is the Debian mirror reachable, and the suite's name right?".into()),
            _ => None,
        }
    }
}

/// Whoever wants to show how far it is.
pub trait Progress {
    /// `done` of `total` steps; `total` 0 while it is unknown.
    fn update(&mut self, done: u64, total: u64, what: &str);
}

/// A Debian release: `stable`, `bookworm`.
#[derive(Debug, Clone)]
pub struct Suite(String);

impl fmt::Display for Suite {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::str::FromStr for Suite {
    type Err = BootstrapError;

    fn from_str(text: &str) -> Result<Self, BootstrapError> {
        let plain = !text.is_empty()
            && !text.starts_with('-')
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if plain { Ok(Self(text.into())) } else { Err(BootstrapError::Suite(text.into())) }
    }
}

/// The archive of a root file system with busybox, a link for each of its programs, and the files that programs expect.
/// Made in memory: it is 2 MB.
pub(crate) fn busybox() -> Result<Cursor<Vec<u8>>, BootstrapError> {
    let binary = ["/bin/busybox", "/usr/bin/busybox"]
        .map(Path::new)
        .into_iter()
        .find(|path| path.is_file())
        .ok_or(BootstrapError::NoBusybox)?;
    let bytes = fs::read(binary).map_err(DiskError::at("read", binary))?;
    if is_dynamic(&bytes) {
        return Err(BootstrapError::NotStatic(binary.into()));
    }
    let list = Command::new(binary)
        .arg("--list")
        .output()
        .map_err(|source| BootstrapError::Program { program: "busybox", source })?;
    archive(&bytes, &String::from_utf8_lossy(&list.stdout))
        .map(Cursor::new)
        .map_err(DiskError::at("make the archive of", binary))
        .map_err(BootstrapError::from)
}

fn archive(busybox: &[u8], applets: &str) -> io::Result<Vec<u8>> {
    const DIRECTORIES: [(&str, u32); 13] = [
        ("bin", 0o755),
        ("dev", 0o755),
        ("etc", 0o755),
        ("home", 0o755),
        ("proc", 0o755),
        ("root", 0o700),
        ("sbin", 0o755),
        ("sys", 0o755),
        ("tmp", 0o1777),
        ("usr", 0o755),
        ("usr/bin", 0o755),
        ("usr/sbin", 0o755),
        ("var", 0o755),
    ];
    const FILES: [(&str, &str); 3] = [
        (
            "etc/passwd",
            "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nwww-data:x:33:33:www-data:/var/www:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n",
        ),
        ("etc/group", "root:x:0:\ndaemon:x:1:\ntty:x:5:\nwww-data:x:33:\nnogroup:x:65534:\n"),
        ("etc/nsswitch.conf", "hosts: files dns\n"),
    ];
    let mut tar = tar::Builder::new(Vec::new());
    let header = |kind, mode, size: usize| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size as u64);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header
    };
    for (path, mode) in DIRECTORIES {
        tar.append_data(&mut header(tar::EntryType::Directory, mode, 0), format!("{path}/"), io::empty())?;
    }
    for (path, text) in FILES {
        tar.append_data(&mut header(tar::EntryType::Regular, 0o644, text.len()), path, text.as_bytes())?;
    }
    tar.append_data(&mut header(tar::EntryType::Regular, 0o755, busybox.len()), "bin/busybox", busybox)?;
    for applet in applets.lines().filter(|name| !matches!(*name, "" | "busybox") && !name.contains('/')) {
        tar.append_link(&mut header(tar::EntryType::Symlink, 0o777, 0), format!("bin/{applet}"), "busybox")?;
    }
    tar.into_inner()
}

/// Whether an ELF file names a dynamic loader: a program header of type `PT_INTERP` (`elf(5)`).
fn is_dynamic(bytes: &[u8]) -> bool {
    const PT_INTERP: u32 = 3;
    let number = |at: usize, size: usize| {
        bytes
            .get(at..at + size)
            .map_or(0, |part| part.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)))
    };
    let (table, entry, count) = (number(32, 8), number(54, 2), number(56, 2));
    (0..count).any(|index| usize::try_from(table + index * entry).is_ok_and(|at| number(at, 4) == u64::from(PT_INTERP)))
}

/// Runs debootstrap into `target`, and says how far it is.
pub(crate) fn debian(suite: &Suite, target: &Path, progress: &mut dyn Progress) -> Result<(), BootstrapError> {
    let start = |source| BootstrapError::Program { program: "debootstrap", source };
    let mut child = Command::new("debootstrap")
        .args(["--variant=minbase", &suite.0])
        .arg(target)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(start)?;
    let mut steps = Steps::default();
    for line in child.stdout.take().into_iter().flat_map(|output| BufReader::new(output).lines()).map_while(Result::ok)
    {
        steps.read(&line);
        progress.update(steps.done, steps.total, &line);
    }
    let status = child.wait().map_err(start)?;
    if !status.success() {
        return Err(BootstrapError::Debootstrap { status, tail: Vec::from(steps.tail).join("\n") });
    }
    // Downloaded packages are of no use in an image.
    let cache = target.join("var/cache/apt/archives");
    for entry in fs::read_dir(&cache).map_err(DiskError::at("read", &cache))?.flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "deb") {
            fs::remove_file(entry.path()).map_err(DiskError::at("remove", entry.path()))?;
        }
    }
    Ok(())
}

/// How far debootstrap is, by what it prints: each package is retrieved, extracted or unpacked, and configured.
#[derive(Debug, Default)]
struct Steps {
    done: u64,
    total: u64,
    tail: VecDeque<String>,
}

impl Steps {
    fn read(&mut self, line: &str) {
        const KEEP: usize = 5;
        // Five lines for each package: retrieve, validate, unpack (twice for the base), configure.
        const LINES_PER_PACKAGE: u64 = 5;
        if let Some(names) =
            line.strip_prefix("I: Found additional base dependencies: ").or(line.strip_prefix("I: Base packages: "))
        {
            self.total += names.split_whitespace().count() as u64 * LINES_PER_PACKAGE;
        }
        self.done += 1;
        self.total = self.total.max(self.done);
        if self.tail.len() == KEEP {
            self.tail.pop_front();
        }
        self.tail.push_back(line.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_is_no_option_and_no_path() {
        for text in ["", "--foreign", "../x", "a b"] {
            let refused = process::Failure::from(text.parse::<Suite>().expect_err(text));
            assert_eq!(refused.kind, FailureKind::Invalid, "{text:?}");
        }
        assert!("bookworm-backports".parse::<Suite>().is_ok());
    }

    #[test]
    fn a_dynamic_program_is_recognised() {
        let shell = fs::read("/bin/sh").expect("a shell");
        assert!(is_dynamic(&shell));
        assert!(!is_dynamic(b"\x7fELF, and nothing else"));
    }
}
