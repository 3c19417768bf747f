//! What is in the guest: busybox, kernel modules, programs with their libraries, snapshots.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::cpio::Archive;
use super::kernel::Kernel;
use super::modules;

/// Programs of this machine that tests start, where busybox has none, or one that knows less.
const BORROWED: [&str; 6] = ["bash", "tar", "setpriv", "script", "ipcmk", "crun"];

/// A guest's first file system, in the making.
#[derive(Debug)]
pub(crate) struct Image {
    archive: Archive,
}

impl Image {
    /// Busybox under all its names, and the modules.
    pub(crate) fn with_tools(kernel: &Kernel) -> Result<Self> {
        let mut image = Self { archive: Archive::default() };
        // First come, first served: these are in front of busybox's.
        image.borrow_programs()?;
        let archive = &mut image.archive;
        let busybox = ["/bin/busybox", "/usr/bin/busybox"].map(Path::new).into_iter().find(|path| path.is_file());
        let busybox = busybox.context("no static busybox\nhint: apt-get install busybox-static")?;
        let content = fs::read(busybox).with_context(|| format!("read {}", busybox.display()))?;
        archive.file(Path::new("/bin/busybox"), 0o755, &content);
        let list = Command::new(busybox).arg("--list").output().context("run busybox --list")?;
        for applet in String::from_utf8_lossy(&list.stdout).lines().filter(|applet| *applet != "busybox") {
            archive.link(&Path::new("/bin").join(applet), "busybox");
        }
        for directory in ["/proc", "/sys", "/dev", "/tmp", "/run", "/etc", "/root", "/new"] {
            archive.directory(Path::new(directory));
        }
        archive.directory(Path::new("/usr"));
        archive.link(Path::new("/usr/bin"), "../bin");
        archive.file(Path::new("/etc/passwd"), 0o644, b"root:x:0:0:root:/root:/bin/sh\n");
        archive.file(Path::new("/etc/group"), 0o644, b"root:x:0:\n");
        // Loaded in the order of their names.
        for (number, module) in modules::collect(&kernel.modules)?.into_iter().enumerate() {
            let path = format!("/modules/{number:03}-{}.ko", module.name);
            archive.file(Path::new(&path), 0o644, &module.content);
        }
        Ok(image)
    }

    /// A program at `inside`, without its debug information, and every library that it is linked to.
    pub(crate) fn add_program(&mut self, program: &Path, inside: &Path, scratch: &Path) -> Result<()> {
        let stripped = scratch.join("stripped");
        let status = Command::new("strip")
            .arg("-o")
            .args([&stripped, program])
            .status()
            .context("run strip\nhint: apt-get install binutils")?;
        if !status.success() {
            bail!("strip {} failed: {status}", program.display());
        }
        self.archive.file(inside, 0o755, &fs::read(&stripped)?);
        self.add_libraries(program)
    }

    /// As far as this machine has them.
    fn borrow_programs(&mut self) -> Result<()> {
        for name in BORROWED {
            let here = ["/usr/bin", "/bin"].map(|directory| Path::new(directory).join(name));
            if let Some(program) = here.into_iter().find(|program| program.is_file()) {
                self.archive.file(&Path::new("/bin").join(name), 0o755, &fs::read(&program)?);
                self.add_libraries(&program)?;
            }
        }
        Ok(())
    }

    fn add_libraries(&mut self, program: &Path) -> Result<()> {
        let output = Command::new("ldd").arg(program).output().context("run ldd")?;
        for library in String::from_utf8_lossy(&output.stdout).lines().filter_map(library) {
            let content = fs::read(&library).with_context(|| format!("read {}", library.display()))?;
            self.archive.file(&library, 0o755, &content);
        }
        Ok(())
    }

    /// All that a test reads from its package: snapshots and data, at the same path as here.
    pub(crate) fn add_snapshots(&mut self, package: &Path) -> Result<()> {
        for directory in ["tests", "src/snapshots"] {
            self.add_tree(&package.join(directory))?;
        }
        Ok(())
    }

    fn add_tree(&mut self, directory: &Path) -> Result<()> {
        let Ok(entries) = fs::read_dir(directory) else { return Ok(()) };
        for entry in entries.flatten() {
            let (path, kind) = (entry.path(), entry.file_type()?);
            if kind.is_dir() {
                self.add_tree(&path)?;
            } else if kind.is_file() {
                let mode = entry.metadata()?.permissions().mode() & 0o777;
                self.archive.file(&path, mode, &fs::read(&path)?);
            }
        }
        Ok(())
    }

    /// With this as the first program.
    pub(crate) fn script(mut self, text: &str) -> Self {
        self.archive.file(Path::new("/init"), 0o755, text.as_bytes());
        self
    }

    /// Writes the archive, and says where.
    pub(crate) fn write(self, path: &Path) -> Result<PathBuf> {
        fs::write(path, self.archive.finish()).with_context(|| format!("write {}", path.display()))?;
        Ok(path.into())
    }
}

/// A path in a line of `ldd`: `libc.so.6 => /lib/… (0x…)`, or `/lib64/ld-linux-x86-64.so.2 (0x…)`.
fn library(line: &str) -> Option<PathBuf> {
    let words = line.split_whitespace();
    words.into_iter().find(|word| word.starts_with('/')).map(PathBuf::from)
}
