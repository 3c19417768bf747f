//! The test binaries: built here, run there, as far as another kernel can make a difference: the kernel tests. The other
//! tests compute, and have done so on this machine.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// One binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binary {
    /// `package/target`.
    pub(crate) name: String,
    /// Where it was built.
    pub(crate) executable: PathBuf,
    /// Whether it is an example: those are started by tests of other packages, too.
    is_example: bool,
    /// The package's directory.
    pub(crate) manifest_directory: PathBuf,
    /// Which of its tests are for every kernel; of a program that tests start by its path, none.
    pub(crate) tests: Vec<String>,
}

impl Binary {
    /// Where it is in the guest. A program keeps its path, which was compiled into the tests.
    pub(crate) fn inside(&self) -> PathBuf {
        if self.is_program() { self.executable.clone() } else { Path::new("/tests").join(self.name.replace('/', "-")) }
    }

    /// Whether it is no test, but started by some.
    pub(crate) fn is_program(&self) -> bool {
        self.tests.is_empty()
    }

    fn package(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }
}

/// Builds the tests of `packages`, or of all, and takes those that are for every kernel and have one of `filters` in their
/// names, if there are any.
pub(crate) fn build(root: &Path, packages: &[String], filters: &[String]) -> Result<Vec<Binary>> {
    let mut command = Command::new("cargo");
    // Not only the tests: this builds what they start, too, programs and examples.
    command.args(["test", "--no-run", "--message-format=json-render-diagnostics"]).current_dir(root);
    if packages.is_empty() {
        // As for the tests on this machine: with another choice of packages cargo would build libraries once more, with
        // other features.
        command.arg("--workspace");
    }
    for package in packages {
        command.args(["-p", package]);
    }
    let output = command.stderr(Stdio::inherit()).output().context("run cargo")?;
    if !output.status.success() {
        bail!("the tests do not compile");
    }
    let mut binaries = Vec::new();
    for (mut binary, is_test) in parse(&String::from_utf8_lossy(&output.stdout)) {
        if is_test {
            binary.tests = for_every_kernel(&binary)?;
            binary.tests.retain(|test| filters.is_empty() || filters.iter().any(|filter| test.contains(filter)));
        }
        if !is_test || !binary.tests.is_empty() {
            binaries.push(binary);
        }
    }
    let tested: BTreeSet<String> =
        binaries.iter().filter(|binary| !binary.is_program()).map(|binary| binary.package().to_owned()).collect();
    binaries.retain(|binary| binary.is_example || tested.contains(binary.package()));
    Ok(binaries)
}

/// The test kit names them, where it is asked for a list.
fn for_every_kernel(binary: &Binary) -> Result<Vec<String>> {
    let mut command = Command::new(&binary.executable);
    let output = command.args(["--list", "--format", "terse"]).env("TESTKIT_LIST", "1").output();
    let output = output.with_context(|| format!("run {}", binary.executable.display()))?;
    let lines = String::from_utf8_lossy(&output.stdout);
    Ok(lines.lines().filter_map(|line| line.strip_prefix("for every kernel: ")).map(str::to_owned).collect())
}

/// The tests, and the programs that they may start.
fn parse(messages: &str) -> Vec<(Binary, bool)> {
    let mut binaries: Vec<(Binary, bool)> = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| binary(&message))
        .collect();
    binaries.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
    binaries
}

fn binary(message: &Value) -> Option<(Binary, bool)> {
    let executable = PathBuf::from(message["executable"].as_str()?);
    let manifest_directory = Path::new(message["manifest_path"].as_str()?).parent()?.to_owned();
    let kind = message["target"]["kind"][0].as_str()?;
    let target = message["target"]["name"].as_str()?;
    let is_test = message["profile"]["test"].as_bool()?;
    let package = package(message["package_id"].as_str()?)?;
    let wanted = matches!((kind, is_test), ("test" | "lib", true) | ("bin" | "example", false));
    let name = format!("{package}/{target}");
    let is_example = kind == "example";
    wanted.then(|| (Binary { name, executable, is_example, manifest_directory, tests: Vec::new() }, is_test))
}

/// Of `path+file:///w/chapters/ch04-cgroups#cgroups@0.1.0` what is before the `@`; cargo leaves that out where the folder has
/// the same name: `path+file:///w/mini-docker#0.1.0`.
fn package(id: &str) -> Option<&str> {
    let (path, name) = id.split_once('#')?;
    name.split_once('@').map(|(name, _)| name).or_else(|| path.rsplit('/').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_the_programs_that_they_start_are_taken() {
        let message = |kind: &str, name: &str, test: bool| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"path+file:///w/chapters/ch04#cgroups@0.1.0","manifest_path":"/w/chapters/ch04/Cargo.toml","target":{{"kind":["{kind}"],"name":"{name}"}},"profile":{{"test":{test}}},"executable":"/w/target/debug/deps/{name}-1"}}"#
            )
        };
        let lines = [
            message("test", "memory", true),
            message("lib", "cgroups", true),
            message("lib", "cgroups", false),
            message("bin", "mini-docker", false),
            message("bin", "mini-docker", true),
            message("example", "stage-ch04", false),
            "not JSON".into(),
        ];
        let names: Vec<(String, bool)> =
            parse(&lines.join("\n")).into_iter().map(|(binary, is_test)| (binary.name, is_test)).collect();
        let expected = [
            ("cgroups/cgroups", true),
            ("cgroups/memory", true),
            ("cgroups/mini-docker", false),
            ("cgroups/stage-ch04", false),
        ];
        assert_eq!(names, expected.map(|(name, is_test)| (name.to_owned(), is_test)));
    }

    #[test]
    fn a_package_may_be_named_by_its_folder() {
        assert_eq!(package("path+file:///w/chapters/ch04-cgroups#cgroups@0.1.0"), Some("cgroups"));
        assert_eq!(package("path+file:///w/mini-docker#0.1.0"), Some("mini-docker"));
    }
}
