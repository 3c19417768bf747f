//! The other side: a process of the host to be attacked, what a careless parent leaves to a container, and a runtime as
//! naive as one can be. With it the test proves that an attack is one.

use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::mount::{MsFlags, mount};
use nix::unistd::{chdir, chroot, setsid};

use crate::system;

/// The name of the host's process, as `/proc` shows it.
pub(crate) const VICTIM: &str = "the-victim";
/// What it keeps in its environment, its memory, its file and its key.
pub(crate) const SECRET: &str = "the host's secret";
pub(crate) const KEY: &CStr = c"the-victims-key";

pub(crate) fn run(command: &str, words: &[String]) -> io::Result<()> {
    match (command, words) {
        ("secret", []) => write!(io::stdout(), "{SECRET}"),
        ("victim", [file, socket]) => be_the_victim(file, socket),
        ("carelessly", [directory, program, arguments @ ..]) => run_carelessly(directory, program, arguments),
        ("naively", [root, program, arguments @ ..]) => run_naively(root, program, arguments),
        ("libraries", []) => name_libraries(),
        ("loader", [file]) => write_loader(Path::new(file)),
        _ => Err(io::Error::other(format!("no such command: {command} {}", words.join(" ")))),
    }
}

/// Prints facts about itself, and lives until its standard input ends.
fn be_the_victim(file: &str, socket: &str) -> io::Result<()> {
    let _listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(socket)?)?;
    let segment = system::share(&CString::new(SECRET)?)?;
    let handle = system::handle_of(&CString::new(file)?)?;
    println!("victim={} segment={segment} handle={handle}", std::process::id());
    io::stdin().read(&mut [0]).map(drop)
}

/// With a terminal, a key, and a descriptor of a directory, all inherited.
fn run_carelessly(directory: &str, program: &str, arguments: &[String]) -> io::Result<()> {
    setsid()?;
    rustix::process::ioctl_tiocsctty(io::stdin())?;
    system::plant_key(KEY, SECRET.as_bytes())?;
    let directory = File::open(directory)?;
    rustix::io::fcntl_setfd(&directory, rustix::io::FdFlags::empty())?;
    Err(Command::new(program).args(arguments).exec())
}

/// What a first attempt at a container looks like: a procfs, `chroot`, and nothing else.
fn run_naively(root: &str, program: &str, arguments: &[String]) -> io::Result<()> {
    mount(Some("proc"), &Path::new(root).join("proc"), Some("proc"), MsFlags::empty(), None::<&str>)?;
    chroot(root)?;
    chdir("/")?;
    Err(Command::new(program).args(arguments).env_clear().env("PATH", "/bin").exec())
}

/// Which files this program is loaded from besides its own, a line each.
fn name_libraries() -> io::Result<()> {
    let table = fs::read_to_string("/proc/self/maps")?;
    let mut files: Vec<&str> = table.lines().filter_map(|line| line.find('/').map(|at| &line[at..])).collect();
    files.dedup();
    let own = std::env::current_exe()?;
    files.iter().filter(|file| Path::new(file) != own).for_each(|file| println!("{file}"));
    Ok(())
}

/// The loader of the attack on the runtime's own binary: the smallest program in the format that the kernel takes.
fn write_loader(path: &Path) -> io::Result<()> {
    const HEADERS: u64 = 64 + 56;
    let code = system::false_loader()?;
    let length = HEADERS + code.len() as u64;
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(16, 0);
    // A shared object for x86-64, with one segment; where it begins.
    for half in [3_u16, 62] {
        elf.extend(half.to_le_bytes());
    }
    elf.extend(1_u32.to_le_bytes());
    for word in [HEADERS, 64, 0] {
        elf.extend(word.to_le_bytes());
    }
    elf.extend(0_u32.to_le_bytes());
    for half in [64_u16, 56, 1, 0, 0, 0] {
        elf.extend(half.to_le_bytes());
    }
    // To be loaded, readable and executable, all of the file, at any page. Kernels before 6.10 write zeros behind the last
    // segment of a loader, and give up where they may not.
    for half in [1_u32, 7] {
        elf.extend(half.to_le_bytes());
    }
    for word in [0, 0, 0, length, length, 4096] {
        elf.extend(word.to_le_bytes());
    }
    elf.extend(code);
    fs::write(path, elf)
}
