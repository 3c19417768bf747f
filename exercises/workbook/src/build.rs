//! Compiling a test target, apart from running it: only so can "does not compile" be told from "fails", and both from
//! a machine on which nothing compiles.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::outcome::Broken;
use crate::running::Running;

/// What came out.
#[derive(Debug)]
pub(crate) enum Built {
    Test(Binary),
    /// rustc says no.
    Errors(Vec<CompilerError>),
    /// Something else did not work.
    Broken(Broken),
}

/// A test binary.
#[derive(Debug)]
pub(crate) struct Binary {
    pub(crate) path: PathBuf,
    /// Where tests expect to be run.
    pub(crate) package_dir: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CompilerError {
    /// As rustc prints it.
    pub(crate) rendered: String,
    /// The files that it points to, as rustc names them: relative to the workspace.
    pub(crate) files: Vec<PathBuf>,
    /// Every place that it names.
    pub(crate) places: Vec<Place>,
}

/// A line that an error names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: PathBuf,
    pub(crate) line: usize,
    /// Whether the error is there, and not only something that has to do with it.
    pub(crate) primary: bool,
}

/// The cargo that started us, or the first on the PATH.
pub(crate) fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Compiles the tests `target` of `package`; `progress` gets what cargo says meanwhile, line by line.
pub(crate) fn build(
    root: &Path,
    target_dir: &Path,
    (package, target): (&str, &str),
    running: &Running,
    progress: &(dyn Fn(&str) + Sync),
) -> Built {
    let mut command = Command::new(cargo());
    command.current_dir(root).args(["test", "--no-run", "--message-format=json", "--package", package]);
    match target {
        "lib" => command.arg("--lib"),
        target => command.args(["--test", target]),
    };
    // Never a directory that several checkouts share: there the binary of another may be found, and judged.
    command.env("CARGO_TARGET_DIR", target_dir);
    command.env("CARGO_TERM_COLOR", "never").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Built::Broken(no_cargo(&error)),
    };
    match attend(child, running, progress) {
        Ok(said) => judge(&said, target),
        Err(error) => Built::Broken(Broken::new(format!("cargo could not be read: {error}"), None, "")),
    }
}

/// What the compiler says about these libraries, if it does not take them.
pub(crate) fn refused(root: &Path, target_dir: &Path, packages: &BTreeSet<&str>) -> Option<String> {
    let mut command = Command::new(cargo());
    command.current_dir(root).args(["check", "--quiet", "--lib"]).env("CARGO_TERM_COLOR", "never");
    command.args(packages.iter().flat_map(|package| ["--package", package]));
    match command.env("CARGO_TARGET_DIR", target_dir).stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(error_part(&String::from_utf8_lossy(&output.stderr))),
        Err(error) => Some(no_cargo(&error).what),
    }
}

/// What cargo printed, and whether it was content.
struct Said {
    messages: Vec<Value>,
    stderr: String,
    success: bool,
}

fn attend(mut child: Child, running: &Running, progress: &(dyn Fn(&str) + Sync)) -> io::Result<Said> {
    running.note(&child);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (messages, stderr) = thread::scope(|scope| {
        let stderr = scope.spawn(|| collect_lines(stderr, progress));
        (collect_messages(stdout), stderr.join().unwrap_or_default())
    });
    let status = child.wait();
    running.finish();
    Ok(Said { messages, stderr, success: status?.success() })
}

fn collect_lines(from: Option<impl Read>, each: &(dyn Fn(&str) + Sync)) -> String {
    let mut all = String::new();
    for line in from.map(BufReader::new).into_iter().flat_map(BufRead::lines).map_while(Result::ok) {
        each(line.trim());
        all = all + &line + "\n";
    }
    all
}

fn collect_messages(from: Option<impl Read>) -> Vec<Value> {
    let lines = from.map(BufReader::new).into_iter().flat_map(BufRead::lines).map_while(Result::ok);
    lines.filter_map(|line| serde_json::from_str(&line).ok()).collect()
}

fn judge(said: &Said, target: &str) -> Built {
    if said.success {
        return match said.messages.iter().find_map(|message| test_binary(message, target)) {
            Some(binary) => Built::Test(binary),
            None => Built::Broken(Broken::new("cargo built no test binary", None, &*said.stderr)),
        };
    }
    let errors: Vec<CompilerError> = said.messages.iter().filter_map(compiler_error).collect();
    if errors.iter().any(|error| !error.files.is_empty()) {
        return Built::Errors(errors);
    }
    let rendered: String = errors.iter().map(|error| error.rendered.as_str()).collect();
    Built::Broken(name_the_fault(&if rendered.is_empty() { error_part(&said.stderr) } else { rendered }))
}

fn test_binary(message: &Value, target: &str) -> Option<Binary> {
    let built = &message["target"];
    let is_lib = built["kind"].as_array()?.iter().any(|kind| kind != "test" && kind != "bin" && kind != "example");
    let wanted = if target == "lib" { is_lib } else { built["name"] == target && !is_lib };
    if message["reason"] != "compiler-artifact" || message["profile"]["test"] != true || !wanted {
        return None;
    }
    let manifest = Path::new(message["manifest_path"].as_str()?);
    Some(Binary { path: message["executable"].as_str()?.into(), package_dir: manifest.parent()?.into() })
}

fn compiler_error(message: &Value) -> Option<CompilerError> {
    let inner = &message["message"];
    let text = inner["message"].as_str()?;
    // rustc ends with an error that only counts the others.
    if message["reason"] != "compiler-message" || inner["level"] != "error" || text.starts_with("aborting due to") {
        return None;
    }
    let mut files = Vec::new();
    collect_files(inner, &mut files);
    let places = places(inner);
    Some(CompilerError { rendered: inner["rendered"].as_str().unwrap_or(text).to_owned(), files, places })
}

fn places(message: &Value) -> Vec<Place> {
    let mut found = Vec::new();
    for span in message["spans"].as_array().into_iter().flatten() {
        let primary = span["is_primary"] == true;
        let mut span = span;
        while let (Some(name), Some(line)) = (span["file_name"].as_str(), span["line_start"].as_u64()) {
            found.push(Place { file: name.into(), line: usize::try_from(line).unwrap_or(0), primary });
            span = &span["expansion"]["span"];
        }
    }
    found
}

/// Where an error is: its primary spans, and the places from which the macros there were called.
fn collect_files(message: &Value, files: &mut Vec<PathBuf>) {
    for span in message["spans"].as_array().into_iter().flatten().filter(|span| span["is_primary"] == true) {
        let mut span = span;
        while let Some(name) = span["file_name"].as_str() {
            files.push(name.into());
            span = &span["expansion"]["span"];
        }
    }
}

/// cargo's words without its progress: from the first error on.
fn error_part(stderr: &str) -> String {
    let start = stderr.find("error").unwrap_or(0);
    stderr[start..].trim().to_owned()
}

fn no_cargo(error: &io::Error) -> Broken {
    let cure = match error.kind() {
        ErrorKind::NotFound => Some("install Rust from https://rustup.rs, or put ~/.cargo/bin on the PATH"),
        _ => None,
    };
    Broken::new(format!("cargo cannot be run: {error}"), cure, "")
}

/// The faults of machines that we know, by what cargo, rustc or the linker say.
fn name_the_fault(said: &str) -> Broken {
    const NETWORK: [&str; 5] = [
        "failed to download",
        "failed to fetch",
        "Could not resolve host",
        "spurious network error",
        "failed to get `",
    ];
    const KNOWN: [(&[&str], &str, &str); 8] = [
        (
            &["could not execute process", "rustc -vV"],
            "rustc cannot be run",
            "install Rust from https://rustup.rs, or put ~/.cargo/bin on the PATH",
        ),
        (&["No space left on device"], "the disk is full", "make room; `cargo clean` frees what was built"),
        (&["linker `", "not found"], "there is no linker", "apt-get install gcc"),
        (&["linking with"], "linking failed", "`cargo wb doctor` names the packages that must be installed"),
        (
            &["failed to run custom build command"],
            "a library cannot be built",
            "`cargo wb doctor` names the packages that must be installed",
        ),
        (&["no test target named"], "a file of the workbook is missing", "get it back: git checkout -- ."),
        (&["did not match any packages"], "a package of the workbook is missing", "get it back: git checkout -- ."),
        (
            &["failed to parse manifest"],
            "a Cargo.toml of the workbook is damaged",
            "see what changed: git diff -- '*Cargo.toml'",
        ),
    ];
    if NETWORK.iter().any(|words| said.contains(words)) {
        let cure = "connect to the network once and run `cargo fetch`; afterwards it works offline";
        return Broken::new("a library is not here and cannot be downloaded", Some(cure), said);
    }
    let known = KNOWN.iter().find(|(all, _, _)| all.iter().all(|words| said.contains(words)));
    match known {
        Some((_, what, cure)) => Broken::new(*what, Some(cure), said),
        None => Broken::new("the tests cannot be built", None, said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_the_machine_are_named() {
        let said = [
            "error: linker `cc` not found\n  |\n  = note: No such file or directory (os error 2)",
            "error: linking with `cc` failed: exit status: 1\n  = note: unable to find library -lseccomp",
            "error: failed to download `nix v0.31.0`",
            "error: failed to write `/x`: No space left on device (os error 28)",
            "error: failed to parse manifest at `/x/Cargo.toml`",
            "error: rustc crashed",
        ];
        let named: Vec<String> = said
            .iter()
            .map(|said| name_the_fault(said))
            .map(|fault| format!("{}: {}", fault.what, fault.cure.unwrap_or_default()))
            .collect();
        insta::assert_snapshot!(named.join("\n"), @r"
        there is no linker: apt-get install gcc
        linking failed: `cargo wb doctor` names the packages that must be installed
        a library is not here and cannot be downloaded: connect to the network once and run `cargo fetch`; afterwards it works offline
        the disk is full: make room; `cargo clean` frees what was built
        a Cargo.toml of the workbook is damaged: see what changed: git diff -- '*Cargo.toml'
        the tests cannot be built: 
        ");
    }

    #[test]
    fn an_error_in_a_macro_is_where_the_macro_was_called() {
        let message = serde_json::json!({
            "reason": "compiler-message",
            "message": { "level": "error", "message": "bad", "rendered": "error: bad", "spans": [{
                "is_primary": true, "file_name": "/std/macros.rs",
                "expansion": { "span": { "file_name": "chapters/a.rs", "expansion": null } },
            }]},
        });
        let files = compiler_error(&message).unwrap().files;
        assert_eq!(files, ["/std/macros.rs", "chapters/a.rs"].map(PathBuf::from));
    }
}
