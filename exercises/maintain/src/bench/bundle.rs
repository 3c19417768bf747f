//! A bundle that asks of a runtime what `mini-docker run` asks of ours: docker's namespaces, mounts, masks, devices,
//! capabilities and seccomp profile.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};

/// Files that an engine makes for each container and mounts over the image's.
const ETC: [&str; 3] = ["hosts", "hostname", "resolv.conf"];

/// A root file system out of the static busybox.
pub(crate) fn root_file_system(rootfs: &Path) -> Result<()> {
    let busybox = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| Path::new(path).is_file());
    let busybox = busybox.context("no static busybox\nhint: apt-get install busybox-static")?;
    for directory in ["bin", "dev", "etc", "proc", "sys", "tmp"] {
        let path = rootfs.join(directory);
        fs::create_dir_all(&path).with_context(|| format!("create {}", path.display()))?;
    }
    let inside = rootfs.join("bin/busybox");
    fs::copy(busybox, &inside).with_context(|| format!("copy {busybox} to {}", inside.display()))?;
    fs::set_permissions(&inside, fs::Permissions::from_mode(0o755))?;
    for applet in ["sh", "true", "cat", "echo", "head", "sleep", "yes"] {
        symlink("busybox", rootfs.join("bin").join(applet))?;
    }
    fs::write(rootfs.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n")?;
    fs::write(rootfs.join("etc/group"), "root:x:0:\n")?;
    ETC.iter().try_for_each(|file| fs::write(rootfs.join("etc").join(file), ""))?;
    Ok(())
}

/// The same as a tar archive, for engines that import one.
pub(crate) fn archive(rootfs: &Path, archive: &Path) -> Result<()> {
    let status = Command::new("tar").arg("-C").arg(rootfs).arg("-cf").args([archive, Path::new(".")]).status();
    if status.context("run tar")?.success() { Ok(()) } else { bail!("tar of {} failed", rootfs.display()) }
}

/// What is different from one bundle to the next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bundle<'a> {
    pub(crate) place: &'a Path,
    /// Of its control group.
    pub(crate) name: &'a str,
    pub(crate) args: &'a [&'a str],
    /// With docker's profile, or without any.
    pub(crate) seccomp: bool,
}

/// What docker gives a container, as the chapters have it: for runtimes, and for the program that is measured as the floor.
#[derive(Debug, Deserialize)]
pub(crate) struct Defaults {
    config: Value,
    plan: String,
}

impl Defaults {
    /// Asks the chapters, by a program of theirs.
    pub(crate) fn ask(program: &Path) -> Result<Self> {
        let output = Command::new(program).stderr(Stdio::inherit()).output();
        let output = output.with_context(|| format!("run {}", program.display()))?;
        serde_json::from_slice(&output.stdout).with_context(|| format!("read what {} says", program.display()))
    }

    /// Writes `config.json` and the files that it mounts. `group` is where its control group goes.
    pub(crate) fn write(&self, bundle: &Bundle<'_>, rootfs: &Path, group: &str) -> Result<()> {
        let Bundle { place, name, args, seccomp } = *bundle;
        fs::create_dir_all(place).with_context(|| format!("create {}", place.display()))?;
        let mut config = self.config.clone();
        // crun of Debian 12 takes no later version.
        config["ociVersion"] = "1.0.2".into();
        config["root"] = json!({ "path": rootfs });
        config["hostname"] = "peer".into();
        config["process"]["args"] = json!(args);
        if let Some(variables) = config["process"]["env"].as_array_mut() {
            variables.extend(["HOSTNAME=peer", "HOME=/root"].map(Value::from));
        }
        config["linux"]["cgroupsPath"] = format!("/{group}/{name}").into();
        if let Some(mounts) = config["mounts"].as_array_mut() {
            for file in ETC {
                let source = place.join(file);
                fs::write(&source, "").with_context(|| format!("write {}", source.display()))?;
                let options = ["bind", "rprivate"];
                let destination = format!("/etc/{file}");
                mounts
                    .push(json!({ "destination": destination, "type": "bind", "source": source, "options": options }));
            }
        }
        if !seccomp && let Some(linux) = config["linux"].as_object_mut() {
            linux.remove("seccomp");
        }
        let path = place.join("config.json");
        fs::write(&path, serde_json::to_string_pretty(&config)?).with_context(|| format!("write {}", path.display()))
    }

    /// The plan of the floor, which binds the same files from `bundle`.
    pub(crate) fn plan(&self, bundle: &Path) -> String {
        let binds = ETC.map(|file| format!("bind\t{}\t/etc/{file}\n", bundle.join(file).display()));
        [self.plan.as_str()].into_iter().chain(binds.iter().map(String::as_str)).collect()
    }
}
