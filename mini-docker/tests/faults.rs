//! `kill -9`, a full disk and a broken one, at every place of the way that can be told apart: the next command works, nothing
//! is lost, nothing is left.

mod common;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use common::{Docker, Said};
use nix::mount::{MsFlags, mount, umount};
use nix::sys::wait::{WaitPidFlag, wait, waitpid};
use testkit::{Host, Need, kernel_test, native_test, require};

const FAULTS: [&str; 3] = ["KILL", "ENOSPC", "EIO"];

/// One way through the engine: what is there before, and what is tried.
struct Way {
    before: &'static [&'static [&'static str]],
    tried: &'static [&'static str],
}

const MADE: &[&str] = &["create", "--name", "web", "busybox", "true"];

const WAYS: [Way; 9] = [
    Way { before: &[], tried: &["run", "--rm", "busybox", "true"] },
    Way { before: &[], tried: &["run", "--name", "web", "busybox", "true"] },
    Way { before: &[], tried: &["run", "-d", "--name", "web", "busybox", "true"] },
    Way { before: &[], tried: MADE },
    Way { before: &[MADE], tried: &["start", "-a", "web"] },
    Way { before: &[MADE], tried: &["rename", "web", "net"] },
    Way { before: &[MADE], tried: &["rm", "web"] },
    // Its shim removes it, when all is cleared.
    Way { before: &[], tried: &["run", "-d", "--name", "web", "busybox", "sleep", "1000"] },
    Way { before: &[], tried: &["image", "bootstrap", "busybox", "another"] },
];

fn with_fault(docker: &Docker, arguments: &[&str], fault: &str) -> Said {
    let mut command = docker.command();
    command.env("MINI_DOCKER_FAULT", fault).args(arguments).stdin(std::process::Stdio::null());
    command.output().expect("mini-docker starts").into()
}

/// What has lost its parent comes to us.
fn reap() {
    while waitpid(None, Some(WaitPidFlag::WNOHANG)).is_ok_and(|status| status.pid().is_some()) {}
}

/// Takes all the room that there is.
fn fill(disk: &Path) -> PathBuf {
    let path = disk.join("filled");
    let mut file = File::create(&path).expect("a file");
    for size in [1 << 20, 1 << 12, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    path
}

fn clear(docker: &Docker) {
    let ids = docker.ok(&["ps", "-aq"]);
    for id in ids.split_whitespace() {
        docker.ok(&["rm", "-f", id]);
    }
    reap();
    // A shim that was killed while it cleared up has left that to the next command.
    if !docker.left_behind().is_empty() {
        docker.ok(&["system", "check"]);
    }
    assert_eq!(docker.left_behind(), Vec::<String>::new());
}

/// Every place on the way.
fn places(host: &Host, docker: &Docker, way: &Way) -> BTreeSet<String> {
    let list = host.dir().join("places");
    let _ = fs::remove_file(&list);
    for line in way.before {
        docker.ok(line);
    }
    with_fault(docker, way.tried, &list.display().to_string());
    clear(docker);
    fs::read_to_string(&list).expect("places").lines().map(str::to_owned).collect()
}

native_test! {
    fn whatever_fails_the_next_command_works_and_nothing_is_lost_or_left(host) {
        let docker = Docker::new(host);
        let mut seen = BTreeSet::new();
        for way in &WAYS {
            for (number, place) in places(host, &docker, way).into_iter().enumerate() {
                // An image has more places than all others together: one fault for each of them, in turn.
                let turn = number % FAULTS.len();
                let faults = if way.tried[0] == "image" { &FAULTS[turn..=turn] } else { &FAULTS[..] };
                for &fault in faults {
                    for line in way.before {
                        docker.ok(line);
                    }
                    let tried = format!("{} at {place:?}: {fault}", way.tried.join(" "));
                    let said = with_fault(&docker, way.tried, &format!("{place}={fault}"));
                    assert!(!said.stderr.contains("panicked"), "{tried}: {}", said.stderr);
                    reap();
                    let listed = docker.run(&["ps", "-aq"]);
                    assert_eq!(listed.code, Some(0), "{tried}: {}", listed.stderr);
                    // A container that was there is there, unless it was to be removed.
                    if !way.before.is_empty() && way.tried[0] != "rm" {
                        assert_eq!(listed.stdout.lines().count(), 1, "{tried}");
                    }
                    let checked = docker.run(&["system", "check"]);
                    assert_eq!(checked.code, Some(0), "{tried}: {}", checked.stdout);
                    if fault == "KILL" {
                        docker.ok(&["run", "--rm", "--name", "other", "busybox", "true"]);
                    }
                    clear(&docker);
                }
                seen.insert(place);
            }
        }
        // A list that has lost some is as good as none.
        for known in ["write record.json", "rename state.json", "claim a name", "record a start", "record an end", "release a name", "remove what is left", "rename a container", "hold a directory", "keep an archive", "set the references"] {
            assert!(seen.contains(known), "{known} is not among {seen:?}");
        }
    }
}

kernel_test! {
    fn release_binaries_have_no_such_places(_host) {
        let binary = common::static_binary();
        require(Need::Program(binary, "cargo wb try builds it"));
        let bytes = fs::read(binary).expect("the binary");
        let variable = b"MINI_DOCKER_FAULT";
        assert!(!bytes.windows(variable.len()).any(|window| window == variable));
    }

    /// A check finds what nobody but a disk could have done, and repairs what is of no use to anybody.
    fn a_check_finds_what_is_damaged(host) {
        let docker = Docker::new(host);
        docker.ok(MADE);
        let id = docker.ok(&["ps", "-aq", "--no-trunc"]).trim().to_owned();
        let root = docker.root();
        fs::create_dir(root.join("layers/half")).expect("a directory");
        fs::write(root.join("containers").join(&id).join("state.json"), "{").expect("damage");
        let said = docker.run(&["system", "check"]);
        let text = said.stdout.replace(&id, "ID").replace(&root.display().to_string(), "ROOT");
        insta::assert_snapshot!(format!("{text}exit {:?}", said.code), @r"
        layer half: it is not named by a digest (system check --repair removes it)
        container ID: ROOT/containers/ID/state.json is damaged: EOF while parsing an object at line 1 column 1 (system check --repair removes it)
        1 container, 1 image, 1 layer: 2 faults
        exit Some(1)
        ");
        let said = docker.run(&["system", "check", "--repair"]);
        assert_eq!(said.code, Some(0), "{}", said.stdout);
        assert_eq!(docker.ok(&["system", "check"]), "1 container, 1 image, 1 layer: no fault\n");
        assert_eq!(docker.run(&["start", "-a", "web"]).code, Some(0), "what it was is known");
        clear(&docker);
    }

    fn a_disk_that_gets_full_during_a_life(host) {
        require(Need::Busybox);
        require(Need::Overlay);
        let disk = host.dir().join("disk");
        fs::create_dir(&disk).expect("a directory");
        mount(Some("tmpfs"), &disk, Some("tmpfs"), MsFlags::empty(), Some("size=32m")).expect("a disk");
        let docker = Docker::at(&disk.join("data"));
        docker.ok(&["image", "bootstrap", "busybox"]);
        let script = "trap 'exit 7' TERM; echo ready; while :; do sleep 1000 & wait $!; done";
        for name in ["web", "dies", "goes"] {
            docker.ok(&["run", "-d", "--network", "none", "--name", name, "busybox", "sh", "-c", script]);
        }
        docker.ok(&["run", "-d", "--rm", "--network", "none", "--name", "temporary", "busybox", "sleep", "1000"]);
        docker.ok(&["exec", "web", "sh", "-c", "echo kept >/kept"]);
        while docker.ok(&["logs", "web"]) != "ready\n" {}
        let filled = fill(&disk);
        // What is new finds no room, and leaves nothing.
        for line in [&["create", "busybox", "true"][..], &["run", "--rm", "--network", "none", "busybox", "true"]] {
            let said = docker.run(line);
            assert!(said.code != Some(0) && said.stderr.contains("No space left on device"), "{line:?}: {said:?}");
        }
        // What lives goes on, and is told how to end; what was seen of an end is recorded.
        assert_eq!(docker.ok(&["exec", "web", "cat", "/kept"]), "kept\n");
        docker.ok(&["stop", "web"]);
        docker.ok(&["kill", "dies"]);
        assert_eq!(docker.ok(&["wait", "dies"]), "137\n");
        docker.ok(&["rm", "-f", "goes", "temporary"]);
        assert_eq!(docker.ok(&["ps", "-a", "--format", "{{.Names}} {{.State}}"]), "dies exited\nweb exited\n");
        assert_eq!(docker.ok(&["inspect", "-f", "{{.State.ExitCode}}", "web"]), "7\n");
        fs::remove_file(filled).expect("room again");
        docker.ok(&["start", "web"]);
        assert_eq!(docker.ok(&["exec", "web", "cat", "/kept"]), "kept\n");
        assert_eq!(docker.ok(&["system", "check"]), "2 containers, 1 image, 1 layer: no fault\n");
        clear(&docker);
        while wait().is_ok() {}
        umount(&disk).expect("nobody has anything open any more");
    }
}
