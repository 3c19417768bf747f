//! Bad input: one clear error with the object and a hint, docker's exit code, nothing left behind.

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use common::Docker;
use nix::mount::{MsFlags, mount, umount};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use testkit::{Need, kernel_test, require};

/// Complaints about each command line, with the data root's path taken out.
fn complaints(docker: &Docker, lines: &[&[&str]]) -> String {
    let each: Vec<String> = lines
        .iter()
        .map(|line| {
            let complaint = docker.run(line).complaint().replace(&docker.root().display().to_string(), "ROOT");
            assert_eq!(docker.left_behind(), Vec::<String>::new(), "{}", line.join(" "));
            format!("$ mini-docker {}\n{complaint}", line.join(" "))
        })
        .collect();
    each.join("\n\n")
}

/// An image from a directory, by GNU tar.
fn import(docker: &Docker, root: &Path, name: &str) {
    let archive = root.with_extension("tar");
    let status = Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(root).arg(".").status().expect("tar");
    assert!(status.success());
    docker.ok(&["import", &archive.display().to_string(), name]);
}

kernel_test! {
    fn commands_that_cannot_be_run(host) {
        let docker = Docker::new(host);
        insta::assert_snapshot!(complaints(&docker, &[
            &["run", "--rm", "--pull", "never", "nosuch", "true"],
            &["run", "--rm", "Busybox"],
            &["run", "--rm", "--pull", "never", &format!("busybox@sha256:{}", "0".repeat(64)), "true"],
            &["run", "--rm", "", "true"],
            &["run", "--rm", "busybox", "nosuch"],
            &["run", "--rm", "busybox", "/bin/nosuch"],
            &["run", "--rm", "busybox", "/etc/passwd"],
            &["run", "--rm", "busybox", "/etc"],
            &["run", "--rm", "--entrypoint", "", "busybox"],
            &["image", "prune", "--blobs", "-a"],
            &["image", "prune", "--blobs", "--filter", "until=1h"],
            &["image", "tree", "busibox"],
        ]));
    }

    fn users_names_and_paths_that_are_none(host) {
        let docker = Docker::new(host);
        insta::assert_snapshot!(complaints(&docker, &[
            &["run", "--rm", "-u", "bob", "busybox", "id"],
            &["run", "--rm", "-u", "root:nobodies", "busybox", "id"],
            &["run", "--rm", "-u", "4294967295", "busybox", "id"],
            &["run", "--rm", "-u", "1:-1", "busybox", "id"],
            &["run", "--rm", "--name", "-x", "busybox", "true"],
            &["run", "--rm", "-h", "no blanks", "busybox", "true"],
            &["run", "--rm", "-w", "relative", "busybox", "true"],
            &["run", "--rm", "-w", "/etc/passwd", "busybox", "true"],
            &["run", "--rm", "--tmpfs", "relative", "busybox", "true"],
            &["run", "--rm", "-e", "=x", "busybox", "true"],
            &["run", "--rm", "--env-file", "/no/such/file", "busybox", "true"],
            &["run", "--rm", "--device", "/dev/nosuch", "busybox", "true"],
        ]));
    }

    fn limits_that_make_no_sense(host) {
        let docker = Docker::new(host);
        insta::assert_snapshot!(complaints(&docker, &[
            &["run", "--rm", "--memory", "6q", "busybox", "true"],
            &["run", "--rm", "--memory", "5m", "busybox", "true"],
            &["run", "--rm", "--memory-swap", "64m", "busybox", "true"],
            &["run", "--rm", "--memory", "64m", "--memory-swap", "32m", "busybox", "true"],
            &["run", "--rm", "--cpus", "1000000", "busybox", "true"],
            &["run", "--rm", "--cpus", "many", "busybox", "true"],
            &["run", "--rm", "--blkio-weight", "5", "busybox", "true"],
            &["run", "--rm", "--ulimit", "files=1", "busybox", "true"],
            &["run", "--rm", "--ulimit", "nofile=2:1", "busybox", "true"],
        ]).replace(&format!("to {0}.00, as there are only {0}", std::thread::available_parallelism().map_or(1, usize::from)), "to N.00, as there are only N"));
    }

    fn security_options_that_are_none(host) {
        let docker = Docker::new(host);
        let profile = host.dir().join("profile.json");
        fs::write(&profile, r#"{"defaultAction": "SCMP_ACT_DENY"}"#).expect("a file");
        let broken = format!("seccomp={}", profile.display());
        insta::assert_snapshot!(complaints(&docker, &[
            &["run", "--rm", "--cap-add", "ADMIN", "busybox", "true"],
            &["run", "--rm", "--security-opt", "nosuch", "busybox", "true"],
            &["run", "--rm", "--security-opt", "seccomp=/no/such/file", "busybox", "true"],
            &["run", "--rm", "--security-opt", &broken, "busybox", "true"],
            &["run", "--rm", "--network", "bridge", "busybox", "true"],
            &["run", "--rm", "--gpus", "all", "busybox", "true"],
            &["run", "--rm", "--uts", "host", "-h", "x", "busybox", "true"],
            &["run", "--rm", "--cpu-shares", "1", "busybox", "true"],
        ]).replace(&host.dir().display().to_string(), "DIR"));
    }

    fn archives_that_are_none(host) {
        let docker = Docker::new(host);
        let text = host.dir().join("text");
        fs::write(&text, "this is no archive, however long it may be ".repeat(30)).expect("a file");
        let text = text.display().to_string();
        insta::assert_snapshot!(complaints(&docker, &[
            &["import", "/no/such/file", "x"],
            &["import", &text, "x"],
            &["import", &text, "X"],
        ]).replace(&host.dir().display().to_string(), "DIR"));
        assert_eq!(docker.ok(&["image", "ls", "-q"]).lines().count(), 1, "there is no image besides busybox");
    }

    /// The image has a FIFO for `/etc/passwd`, a link for `/dev`, `/proc`, `/etc`: clear errors, or inside; never a hang.
    fn hostile_images(host) {
        let docker = Docker::new(host);
        let canary = host.dir().join("canary");
        fs::create_dir(&canary).expect("a directory");
        let fifo = host.rootfs_named("fifo");
        fs::remove_file(fifo.join("etc/passwd")).expect("no passwd");
        mkfifo(&fifo.join("etc/passwd"), Mode::from_bits_truncate(0o644)).expect("a FIFO");
        import(&docker, &fifo, "fifo");
        let linked = host.rootfs_named("linked");
        for (name, target) in [("dev", canary.display().to_string()), ("etc", "../../../../../../../../../../etc".into())] {
            fs::remove_dir_all(linked.join(name)).expect("a directory less");
            symlink(target, linked.join(name)).expect("a link");
        }
        import(&docker, &linked, "linked");
        let proc = host.rootfs_named("proc-link");
        fs::remove_dir(proc.join("proc")).expect("a directory less");
        symlink("/tmp", proc.join("proc")).expect("a link");
        import(&docker, &proc, "proc-link");
        insta::assert_snapshot!(complaints(&docker, &[
            &["run", "--rm", "fifo", "true"],
            &["run", "--rm", "linked", "true"],
            &["run", "--rm", "proc-link", "true"],
        ]));
        assert_eq!(fs::read_dir(&canary).expect("the directory").count(), 0);
    }

    fn a_disk_that_takes_nothing(host) {
        require(Need::Busybox);
        let disk = host.dir().join("disk");
        fs::create_dir(&disk).expect("a directory");
        let complaint = |flags: MsFlags, options: &str| {
            mount(Some("tmpfs"), &disk, Some("tmpfs"), flags, Some(options)).expect("a disk");
            let said = Docker::at(&disk.join("data")).run(&["image", "bootstrap", "busybox"]);
            umount(&disk).expect("unmount");
            said.complaint().replace(&disk.display().to_string(), "DISK")
        };
        let full = complaint(MsFlags::empty(), "size=1m");
        assert!(full.contains("No space left on device"), "{full}");
        let hint = "hint: free some space, or keep the data root on another disk: --root DIR names one";
        assert!(full.contains(hint), "{full}");
        insta::assert_snapshot!(complaint(MsFlags::MS_RDONLY, ""));
    }

    fn without_root_it_says_so(host) {
        require(Need::Program("setpriv", "util-linux"));
        let docker = Docker::new(host);
        let output = Command::new("setpriv")
            .args(["--reuid", "1000", "--regid", "1000", "--clear-groups", env!("CARGO_BIN_EXE_mini-docker"), "--root"])
            .arg(host.dir().join("other"))
            .args(["image", "ls"])
            .output()
            .expect("setpriv starts");
        drop(docker);
        let complaint = common::Said::from(output).complaint().replace(&host.dir().display().to_string(), "DIR");
        insta::assert_snapshot!(complaint);
    }
}
