//! `cargo wb vm`: the kernel tests again, in a guest with Debian's kernel and pure cgroup v2.
//!
//! Most machines have cgroup v2; the one you sit at may not, or may have a kernel that differs. The guest is emulated in
//! software if it must be, and boots in a few seconds.

mod binaries;
mod cpio;
mod disk;
mod guest;
mod image;
mod kernel;
mod machine;
mod modules;
mod report;

use std::fs::{self, File};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use image::Image;
use machine::{Machine, PATIENCE, QEMU};
pub(crate) use report::Report;
use workbook::Workspace;

use crate::{packages, release};

/// Below the workspace.
const DIRECTORY: &str = "target/vm";

/// Runs the kernel tests of all chapters, or of the packages named with `-p`, filtered by what follows `--`; with
/// `--shell`, gives a shell instead.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let arguments = Arguments::parse(args)?;
    if arguments.shell {
        let workspace = Workspace::find()?;
        let root = workspace.root();
        let directory = root.join(DIRECTORY);
        let _lock = alone(&directory)?;
        let kernel = kernel::prepare(&directory)?;
        let image = Image::with_tools(&kernel)?.script(&guest::shell());
        let initramfs = image.write(&directory.join("shell.cpio"))?;
        return machine(&kernel, &initramfs, &disk::make(&directory)?).interactive();
    }
    let report = run_tests(&arguments.packages, &arguments.filters)?;
    print!("{report}");
    Ok(if report.failed().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Why there can be no guest here, if that is so: its kernel is a package.
pub(crate) fn missing(root: &Path) -> Option<(&'static str, &'static str)> {
    let found = kernel::is_there(&root.join(DIRECTORY)) || packages::on_path("apt-get");
    match () {
        () if !packages::on_path(QEMU[0]) => Some(("no QEMU", "install qemu-system-x86_64")),
        () if !found => Some(("no apt-get", "the guest's kernel is a package of Debian or Ubuntu")),
        () => None,
    }
}

/// Builds the tests, boots the guest, runs them there.
pub(crate) fn run_tests(packages: &[String], filters: &[String]) -> Result<Report> {
    let workspace = Workspace::find()?;
    let root = workspace.root();
    let directory = root.join(DIRECTORY);
    let _lock = alone(&directory)?;
    let kernel = kernel::prepare(&directory)?;
    let binaries = binaries::build(root, packages, filters)?;
    let mut image = Image::with_tools(&kernel)?;
    // What takes a millisecond takes seconds there, if nobody has optimised it.
    let released = release::build(root, &["mini-docker", "mini-runc"])?;
    for binary in &binaries {
        let optimised = released.join(binary.executable.file_name().unwrap_or_default());
        if binary.is_program() && optimised.is_file() {
            image.add_program(&optimised, &binary.inside(), &directory)?;
            image.add_program(&optimised, &optimised, &directory)?;
        } else {
            image.add_program(&binary.executable, &binary.inside(), &directory)?;
        }
        image.add_snapshots(&binary.manifest_directory)?;
    }
    let image = image.script(&guest::tests(&binaries, root));
    let initramfs = image.write(&directory.join("tests.cpio"))?;
    let log = directory.join("console.log");
    eprintln!("booting the guest; what it says is in {}", log.display());
    let disk = disk::make(&directory)?;
    let said = machine(&kernel, &initramfs, &disk).boot(root, &log, |line| {
        if let Some(program) = line.strip_prefix(guest::MARK).and_then(|rest| rest.trim().strip_prefix("begin ")) {
            eprintln!("  {program}");
        }
    })?;
    let _ = fs::remove_file(&initramfs);
    Ok(report::parse(&said))
}

fn machine<'a>(kernel: &'a kernel::Kernel, initramfs: &'a Path, disk: &'a Path) -> Machine<'a> {
    let kvm = Path::new("/dev/kvm").exists();
    Machine { qemu: QEMU, kvm, kernel, initramfs, disk, patience: PATIENCE }
}

/// One guest at a time: two would write the same files.
fn alone(directory: &Path) -> Result<File> {
    fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    let path = directory.join("lock");
    let file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
    if file.try_lock().is_err() {
        eprintln!("another guest runs; waiting for it to end");
        file.lock().with_context(|| format!("lock {}", path.display()))?;
    }
    Ok(file)
}

/// What was typed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Arguments {
    packages: Vec<String>,
    filters: Vec<String>,
    shell: bool,
}

impl Arguments {
    fn parse(args: &[String]) -> Result<Self> {
        let mut parsed = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--shell" => parsed.shell = true,
                "-p" => parsed.packages.push(args.next().context("-p needs the name of a package")?.clone()),
                "--" => parsed.filters.extend(args.by_ref().cloned()),
                other => parsed.filters.push(other.into()),
            }
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_filters_and_the_shell_are_told_apart() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let parsed = Arguments::parse(&words("-p cgroups -p layers -- oom -p")).expect("words");
        assert_eq!(parsed.packages, ["cgroups", "layers"]);
        assert_eq!(parsed.filters, ["oom", "-p"]);
        assert!(Arguments::parse(&words("--shell")).expect("a word").shell);
        assert!(Arguments::parse(&words("-p")).is_err());
    }
}
