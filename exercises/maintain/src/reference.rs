//! Docker's release 28, the reference of `mini-docker/tests/docker.rs`: Debian testing's packages, unpacked below `target`
//! and not installed. Releases of Debian that are older have an older docker; the comparison then falls back on that.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The release that the table of differences speaks of.
const RELEASE: &str = "28.";
const PACKAGES: [&str; 3] = ["docker.io", "docker-cli", "containerd"];
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Puts it where the tests look, once. Without it they compare with what is installed, so a failure is only said.
pub(crate) fn fetch(root: &Path) {
    let place = root.join("target/wb/docker-28");
    if place.exists() {
        return;
    }
    println!("fetching docker {RELEASE}x from Debian testing (57 MB), to compare with");
    let scratch = root.join("target/wb/docker-28.partial");
    let _ = fs::remove_dir_all(&scratch);
    let fetched = download(&scratch).and_then(|()| {
        fs::rename(scratch.join("root"), &place).with_context(|| format!("rename to {}", place.display()))
    });
    let _ = fs::remove_dir_all(&scratch);
    if let Err(error) = fetched {
        println!("without it: {error:#}");
    }
}

fn download(scratch: &Path) -> Result<()> {
    if !Path::new(KEYRING).exists() {
        bail!("this is no Debian: {KEYRING} is not there");
    }
    for directory in ["lists/partial", "cache/archives/partial", "packages", "root"] {
        fs::create_dir_all(scratch.join(directory)).with_context(|| format!("create {directory}"))?;
    }
    // Lists and settings of its own: the system's apt does not learn of testing.
    let sources = format!("deb [signed-by={KEYRING}] http://deb.debian.org/debian testing main\n");
    fs::write(scratch.join("sources.list"), sources).context("write a list of sources")?;
    apt(scratch, &["update", "-q"])?;
    apt(scratch, &[&["download", "-q"][..], &PACKAGES].concat())?;
    for entry in fs::read_dir(scratch.join("packages")).context("look at what was downloaded")? {
        run(Command::new("dpkg").arg("-x").arg(entry?.path()).arg(scratch.join("root")))?;
    }
    let version = run(Command::new(scratch.join("root/usr/sbin/dockerd")).arg("--version"))?;
    if !version.contains(&format!(" {RELEASE}")) {
        bail!("Debian testing has another by now: {}", version.trim());
    }
    Ok(())
}

fn apt(scratch: &Path, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("apt-get");
    for (option, value) in [
        ("Dir::Etc::sourcelist", scratch.join("sources.list")),
        ("Dir::Etc::sourceparts", "/dev/null".into()),
        ("Dir::State::lists", scratch.join("lists")),
        ("Dir::Cache", scratch.join("cache")),
        ("Acquire::Languages", "none".into()),
        // Downloads are root's: the directory is.
        ("APT::Sandbox::User", "root".into()),
    ] {
        command.arg("-o").arg(format!("{option}={}", value.display()));
    }
    run(command.args(arguments).current_dir(scratch.join("packages")))
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("run {command:?}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim())
}
