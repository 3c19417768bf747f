//! A compiled filter: loaded into the kernel, and kept on disk so that it is compiled once.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use process::step;
use process::sys::{self, SockFilter};
use sha2::{Digest, Sha256};

use super::compile::{SeccompError, compile};
use super::oci::Seccomp;

/// Changes whenever the compiler's output does: an older file in the cache is then another file.
const COMPILER: &[u8] = b"mini-docker seccomp 1";
/// Bytes of one instruction.
const SIZE: usize = 8;
/// Bytes of the longest program that the kernel takes.
const LONGEST: u64 = 4096 * SIZE as u64;

/// A program for the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    program: Vec<SockFilter>,
    flags: u64,
    /// For the narration.
    from_cache: bool,
}

impl Filter {
    /// Compiles.
    ///
    /// # Errors
    /// [`SeccompError`].
    pub fn compile(seccomp: &Seccomp) -> Result<Self, SeccompError> {
        Ok(Self { program: compile(seccomp)?, flags: flags(seccomp)?, from_cache: false })
    }

    /// Takes the program from `directory`, or compiles it and leaves it there for the next time. A cache that cannot be
    /// used is no error: it only costs time.
    ///
    /// # Errors
    /// As [`Filter::compile`].
    pub fn cached(seccomp: &Seccomp, directory: &Path) -> Result<Self, SeccompError> {
        let key = serde_json::to_vec(seccomp).unwrap_or_default();
        let digest = Sha256::new().chain_update(COMPILER).chain_update(key).finalize();
        let name = digest.iter().fold(String::with_capacity(64), |text, byte| format!("{text}{byte:02x}"));
        let path = directory.join(name);
        if let Some(program) = read(&path) {
            return Ok(Self { program, flags: flags(seccomp)?, from_cache: true });
        }
        let filter = Self::compile(seccomp)?;
        let _ = write(&path, &filter.program);
        Ok(filter)
    }

    /// The program.
    pub fn instructions(&self) -> &[SockFilter] {
        &self.program
    }

    /// Puts it in force for this process and all that come of it. It cannot be taken back.
    ///
    /// # Errors
    /// [`SeccompError::Load`].
    pub fn load(&self) -> Result<(), SeccompError> {
        sys::seccomp_set_filter(self.flags, &self.program).map_err(SeccompError::Load)?;
        let origin = if self.from_cache { "from the cache" } else { "compiled" };
        step!(5, "seccomp filter of {} instructions, {origin}, in force", self.program.len());
        Ok(())
    }
}

/// `<linux/seccomp.h>`. The others concern threads, of which there are none, and listeners.
fn flags(seccomp: &Seccomp) -> Result<u64, SeccompError> {
    seccomp.flags.iter().try_fold(0, |flags, name| match name.as_str() {
        "SECCOMP_FILTER_FLAG_LOG" => Ok(flags | 2),
        "SECCOMP_FILTER_FLAG_SPEC_ALLOW" => Ok(flags | 4),
        "SECCOMP_FILTER_FLAG_TSYNC" => Ok(flags),
        other => Err(SeccompError::Flag(other.into())),
    })
}

/// A program from a file that only root can have written, whole.
fn read(path: &Path) -> Option<Vec<SockFilter>> {
    let metadata = fs::symlink_metadata(path).ok()?;
    let ours = metadata.is_file() && metadata.uid() == nix::unistd::geteuid().as_raw() && metadata.mode() & 0o022 == 0;
    if !ours || metadata.len() == 0 || metadata.len() > LONGEST {
        return None;
    }
    let bytes = fs::read(path).ok()?;
    let (instructions, rest) = bytes.as_chunks::<SIZE>();
    rest.is_empty().then(|| instructions.iter().copied().map(decode).collect())
}

fn write(path: &Path, program: &[SockFilter]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let temporary = path.with_extension(format!("tmp{}", std::process::id()));
    let bytes: Vec<u8> = program.iter().copied().flat_map(encode).collect();
    File::options().write(true).create_new(true).open(&temporary)?.write_all(&bytes)?;
    fs::rename(&temporary, path)
}

fn encode(instruction: SockFilter) -> [u8; SIZE] {
    let SockFilter { code, jt, jf, k } = instruction;
    let ([c0, c1], [k0, k1, k2, k3]) = (code.to_ne_bytes(), k.to_ne_bytes());
    [c0, c1, jt, jf, k0, k1, k2, k3]
}

fn decode(bytes: [u8; SIZE]) -> SockFilter {
    let [c0, c1, jt, jf, k0, k1, k2, k3] = bytes;
    SockFilter { code: u16::from_ne_bytes([c0, c1]), jt, jf, k: u32::from_ne_bytes([k0, k1, k2, k3]) }
}
