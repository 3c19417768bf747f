//! Compiled programs on disk, named by the hash of what they were compiled from.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;
use process::sys::SockFilter;
use sha2::{Digest, Sha256};

use super::compile::SeccompError;
use super::oci::Seccomp;

/// Changes whenever the compiler's output does: an older file in the cache is then another file.
const COMPILER: &[u8] = b"mini-docker seccomp 5\n";
/// Bytes of one instruction.
const SIZE: usize = 8;
/// Bytes of the longest program that the kernel takes.
const LONGEST: u64 = 4096 * SIZE as u64;
/// Bytes of the checksum in front of the program.
const CHECKSUM: usize = 32;

/// The program for `seccomp` from `directory`, and whether it was there. If not, it is compiled, and left there for the
/// next time. A cache that cannot be used is no error: it only costs time.
pub(crate) fn cached(
    seccomp: &Seccomp,
    directory: &Path,
    compile: impl FnOnce(&Seccomp) -> Result<Vec<SockFilter>, SeccompError>,
) -> Result<(Vec<SockFilter>, bool), SeccompError> {
    let key = serde_json::to_vec(seccomp).unwrap_or_default();
    let digest = Sha256::new().chain_update(COMPILER).chain_update(key).finalize();
    let name = digest.iter().fold(String::with_capacity(64), |text, byte| format!("{text}{byte:02x}"));
    let path = directory.join(name);
    if let Some(program) = read(&path) {
        return Ok((program, true));
    }
    let program = compile(seccomp)?;
    let _ = write(&path, &program);
    Ok((program, false))
}

/// A program from a file that nobody but us can have written, whole. The checks are made on the open file, so that it
/// cannot be another one by then.
fn read(path: &Path) -> Option<Vec<SockFilter>> {
    // A FIFO in its place would otherwise keep us waiting, and a link would lead elsewhere.
    let careful = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let file = File::options().read(true).custom_flags(careful).open(path).ok()?;
    let metadata = file.metadata().ok()?;
    let ours = metadata.is_file() && metadata.uid() == nix::unistd::geteuid().as_raw() && metadata.mode() & 0o022 == 0;
    if !ours || metadata.len() > LONGEST + CHECKSUM as u64 {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(metadata.len()).read_to_end(&mut bytes).ok()?;
    let (checksum, program) = bytes.split_at_checked(CHECKSUM)?;
    let (instructions, rest) = program.as_chunks::<SIZE>();
    let whole = !instructions.is_empty() && rest.is_empty() && Sha256::digest(program)[..] == *checksum;
    whole.then(|| instructions.iter().copied().map(decode).collect())
}

/// Under another name first, so that nobody ever reads half a program.
fn write(path: &Path, program: &[SockFilter]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let temporary = path.with_extension(format!("tmp{}", std::process::id()));
    let program: Vec<u8> = program.iter().copied().flat_map(encode).collect();
    let mut bytes = Sha256::digest(&program).to_vec();
    bytes.extend(program);
    let written = File::options().write(true).create_new(true).mode(0o600).open(&temporary);
    let done = written.and_then(|mut file| file.write_all(&bytes)).and_then(|()| fs::rename(&temporary, path));
    if done.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    done
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
