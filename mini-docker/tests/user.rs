//! `run -u`: what a user other than root can do in a container, and what root's power must not do for them.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use common::Docker;
use testkit::{Host, kernel_test};

/// An image in which `/bin/secret` and `/root` are root's alone.
fn with_secrets(host: &Host) -> Docker {
    let docker = Docker::new(host);
    let root = host.rootfs();
    fs::write(root.join("bin/secret"), "#!/bin/sh\necho secret\n").expect("a script");
    fs::create_dir_all(root.join("root")).expect("a directory");
    for (path, mode) in [("bin/secret", 0o700), ("root", 0o700)] {
        fs::set_permissions(root.join(path), fs::Permissions::from_mode(mode)).expect("a mode");
    }
    let archive = host.dir().join("secrets.tar");
    let status =
        Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(&root).arg(".").status().expect("tar starts");
    assert!(status.success());
    docker.ok(&["import", &archive.display().to_string(), "secrets"]);
    docker
}

kernel_test! {
    fn what_only_root_may_execute_is_refused(host) {
        let docker = with_secrets(host);
        assert_eq!(docker.ok(&["run", "--rm", "secrets", "secret"]), "secret\n");
        for command in ["secret", "/bin/secret"] {
            let said = docker.run(&["run", "--rm", "-u", "1000:1000", "secrets", command]);
            assert_eq!((said.code, said.stdout.as_str()), (Some(126), ""), "{command}: {}", said.stderr);
            assert!(said.stderr.contains("permission denied"), "{}", said.stderr);
        }
    }

    /// Docker enters the working directory as root, and so it can be one that the user may not enter.
    fn the_working_directory_may_be_roots(host) {
        let docker = with_secrets(host);
        let said = docker.run(&["run", "--rm", "-u", "1000", "-w", "/root", "secrets", "sh", "-c", "pwd; ls"]);
        assert_eq!(said.stdout, "/root\n", "{}", said.stderr);
        assert_eq!(said.code, Some(1), "it is there, and may not look around");
    }

    /// With an id that is "none" to the kernel, nothing would change, and the user would be root.
    fn an_id_that_the_kernel_takes_for_none_is_refused(host) {
        let docker = with_secrets(host);
        for user in ["4294967295", "2147483648", "0:4294967295"] {
            let said = docker.run(&["run", "--rm", "-u", user, "secrets", "id"]);
            assert_eq!((said.code, said.stdout.as_str()), (Some(125), ""), "{user}: {}", said.stderr);
        }
    }
}
