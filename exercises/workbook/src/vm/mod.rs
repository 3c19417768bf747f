//! `cargo wb vm`: the kernel tests again, in a guest with Debian's kernel and pure cgroup v2.
//!
//! Most machines have cgroup v2; the one you sit at may not, or may have a kernel that differs. The guest is emulated in
//! software if it must be, and boots in a few seconds.

mod binaries;
mod cpio;
mod guest;
mod image;
mod kernel;
mod report;

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::workspace::Workspace;
use image::Image;
pub(crate) use report::Report;

/// Runs the kernel tests of all chapters, or of the packages named with `-p`, filtered by what follows `--`; with
/// `--shell`, gives a shell instead.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let arguments = Arguments::parse(args)?;
    if arguments.shell {
        let workspace = Workspace::find()?;
        let root = workspace.root();
        let kernel = kernel::prepare(&root.join("target/vm"))?;
        let image = Image::with_tools(&kernel)?.script(&guest::shell());
        return guest::interactive(&kernel, &image.write(&root.join("target/vm/shell.cpio"))?);
    }
    let report = run_tests(&arguments.packages, &arguments.filters)?;
    print!("{report}");
    Ok(if report.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds the tests, boots the guest, runs them there.
pub(crate) fn run_tests(packages: &[String], filters: &[String]) -> Result<Report> {
    let workspace = Workspace::find()?;
    let root = workspace.root();
    let directory = root.join("target/vm");
    fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
    let kernel = kernel::prepare(&directory)?;
    let binaries = binaries::build(root, packages)?;
    let mut image = Image::with_tools(&kernel)?;
    for binary in &binaries {
        image.add_program(&binary.executable, &binary.inside(), &directory)?;
        image.add_snapshots(&binary.manifest_directory)?;
    }
    let image = image.script(&guest::tests(&binaries, filters, root));
    let initramfs = image.write(&directory.join("tests.cpio"))?;
    let log = guest::boot(&kernel, &initramfs, &directory.join("console.log"))?;
    Ok(report::parse(&log))
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
