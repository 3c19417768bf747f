//! The test binaries: built here, run there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Integration tests with these in their names compute a lot and ask the kernel little: here is the place for them.
const NOT_IN_THE_GUEST: [&str; 3] = ["properties", "oracle", "book"];

/// Packages without tests of the kernel.
const STAY_HERE: [&str; 4] = ["workbook", "maintain", "wb", "benches"];

/// One binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binary {
    /// `package/target`.
    pub(crate) name: String,
    /// Where it was built.
    pub(crate) executable: PathBuf,
    /// The package's directory.
    pub(crate) manifest_directory: PathBuf,
    /// A program that tests start by its path, not a test.
    pub(crate) is_program: bool,
}

impl Binary {
    /// Where it is in the guest. A program keeps its path, which was compiled into the tests.
    pub(crate) fn inside(&self) -> PathBuf {
        if self.is_program { self.executable.clone() } else { Path::new("/tests").join(self.name.replace('/', "-")) }
    }
}

/// Builds the integration tests of `packages`, or of all that have any.
pub(crate) fn build(root: &Path, packages: &[String]) -> Result<Vec<Binary>> {
    let mut command = Command::new("cargo");
    command.args(["test", "--no-run", "--message-format=json-render-diagnostics", "--tests"]).current_dir(root);
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
    Ok(parse(&String::from_utf8_lossy(&output.stdout)))
}

fn parse(messages: &str) -> Vec<Binary> {
    let mut binaries: Vec<Binary> = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| binary(&message))
        .collect();
    binaries.sort_by(|one, other| one.name.cmp(&other.name));
    binaries
}

fn binary(message: &Value) -> Option<Binary> {
    let executable = PathBuf::from(message["executable"].as_str()?);
    let manifest_directory = Path::new(message["manifest_path"].as_str()?).parent()?.to_owned();
    let kind = message["target"]["kind"][0].as_str()?;
    let target = message["target"]["name"].as_str()?;
    let is_test = message["profile"]["test"].as_bool()?;
    let package = package(message["package_id"].as_str()?).filter(|package| !STAY_HERE.contains(package))?;
    let wanted = match (kind, is_test) {
        ("test", true) => !NOT_IN_THE_GUEST.iter().any(|word| target.contains(word)),
        ("bin", false) => true,
        _ => false,
    };
    wanted.then(|| Binary { name: format!("{package}/{target}"), executable, manifest_directory, is_program: !is_test })
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
            message("test", "properties", true),
            message("lib", "cgroups", true),
            message("bin", "mini-docker", false),
            message("test", "sessions", true).replace("#cgroups@", "#workbook@"),
            "not JSON".into(),
        ];
        let names: Vec<(String, bool)> = parse(&lines.join("\n")).into_iter().map(|b| (b.name, b.is_program)).collect();
        assert_eq!(names, [("cgroups/memory".into(), false), ("cgroups/mini-docker".into(), true)]);
    }

    #[test]
    fn a_package_may_be_named_by_its_folder() {
        assert_eq!(package("path+file:///w/chapters/ch04-cgroups#cgroups@0.1.0"), Some("cgroups"));
        assert_eq!(package("path+file:///w/mini-docker#0.1.0"), Some("mini-docker"));
    }
}
