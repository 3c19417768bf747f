//! Docker is the judge: the same command lines, the same output, the same exit codes. The lines are in `docker/cases`.

#[path = "docker/archives.rs"]
mod archives;
mod common;
#[path = "docker/compare.rs"]
mod compare;
#[path = "docker/daemon.rs"]
mod daemon;
#[path = "docker/help.rs"]
mod help;
#[path = "docker/normal.rs"]
mod normal;
#[path = "docker/registry.rs"]
mod registry;
#[path = "docker/table.rs"]
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::Docker;
use compare::Side;
use daemon::{Daemon, Programs};
use testkit::{Host, Need, kernel_test, native_test, require};

/// What docker's `import` does not know by itself.
const CONFIG: [&str; 4] =
    ["-c", "CMD [\"sh\"]", "-c", "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];

fn own_files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/docker")
}

fn ok(command: &mut Command) {
    let output = command.output().expect("a program starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Archives of the two images: busybox as we make it, and the same with the users of `docker/users`.
fn archives(ours: &Docker, scratch: &Path) -> [(&'static str, PathBuf); 2] {
    let layers = fs::read_dir(ours.root().join("layers")).expect("our layers");
    let mut layers = layers.flatten().map(|layer| layer.path().join("diff")).filter(|layer| layer.is_dir());
    let busybox = layers.next().expect("the layer of busybox");
    let users = scratch.join("users");
    ok(Command::new("cp").arg("-a").arg(&busybox).arg(&users));
    for file in ["passwd", "group"] {
        fs::copy(own_files().join("users").join(file), users.join("etc").join(file)).expect("a copy");
    }
    [("busybox", busybox), ("users", users)].map(|(name, directory)| {
        let archive = scratch.join(format!("{name}.tar"));
        ok(Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(&directory).arg("."));
        (name, archive)
    })
}

/// Flags that work on some machines: our static binary must be there for the one, a scheduler of disks for the other.
const ELSEWHERE: [&str; 2] = ["init", "blkio-weight-device"];

/// Somebody who types what docker's manual shows is told by name what we do not do.
#[test]
fn every_flag_of_docker_has_a_good_and_a_bad_line() {
    let cases = table::read(&own_files().join("cases"));
    let mut missing = Vec::new();
    for help in help::read(&own_files().join("help")) {
        for flag in help.flags() {
            let (good, bad) = help.lines(flag, &cases);
            if good.is_none() || bad.is_none() {
                missing.push(format!("{} --{flag}", help.command));
            }
        }
    }
    assert!(missing.is_empty(), "no good or no bad line for {missing:?}");
}

kernel_test! {
    fn every_flag_of_docker_works_or_is_refused_by_name(host) {
        let docker = Docker::new(host);
        let scratch = host.dir().join("scratch");
        fs::create_dir(&scratch).expect("a directory");
        let root = ("MINI_DOCKER_ROOT", docker.root().display().to_string());
        let we = Side::new(&scratch.join("ours"), Path::new(env!("CARGO_BIN_EXE_mini-docker")), root);
        let cases = table::read(&own_files().join("cases"));
        let mut silent = Vec::new();
        for help in help::read(&own_files().join("help")) {
            for flag in help.flags() {
                let (Some(case), _) = help.lines(flag, &cases) else { continue };
                if ELSEWHERE.contains(&flag) {
                    continue;
                }
                let said = we.run(&case.script, &scratch.join("case"));
                let reason = said.stderr.split_once(&format!("--{flag}")).map_or("", |(_, rest)| rest);
                if said.code != Some(0) && !reason.contains("is not supported") {
                    silent.push(format!("{}: {}", case.line, said.complaint()));
                }
            }
        }
        assert!(silent.is_empty(), "{}", silent.join("\n"));
    }

    /// `DOCKER_CASES=user.txt` compares that file only.
    fn docker_does_the_same(host) {
        same(host, |file| !CONTAINERS.contains(&file) && file != REGISTRY);
    }

    /// As above: what outlives its command.
    fn docker_does_the_same_with_what_outlives_a_command(host) {
        same(host, |file| CONTAINERS.contains(&file) && file != FLAGS);
    }

    /// As above: every flag of such commands.
    fn docker_takes_the_same_flags_about_what_outlives_a_command(host) {
        same(host, |file| file == FLAGS);
    }
}

native_test! {
    /// The same with what goes to a registry and comes from one.
    fn docker_pulls_and_pushes_the_same(host) {
        let tree = host.rootfs_named("seed");
        let _registries = registry::Registries::start(host, &tree);
        same(host, |file| file == REGISTRY);
    }

    /// Docker has nothing like it.
    fn what_a_registry_has_need_not_be_kept(host) {
        let registries = registry::Registries::start(host, &host.rootfs_named("seed"));
        let ours = Docker::new(host);
        let (open, closed) = ("127.0.0.1:5000/seed/bb:1", "127.0.0.1:5001/copy/bb:1");
        let at = |name: &str| host.dir().join(name).display().to_string();
        let save = |name: &str| ours.run(&["save", "-o", &at(name), open]);
        let tree = || ours.ok(&["image", "tree", open, "--format", "{{.Packed}}"]);
        let packed = || tree().lines().next().map(str::to_owned);
        ours.ok(&["pull", "-q", open]);
        assert_eq!(save("whole.tar").code, Some(0));
        let before = packed();
        let would = ours.ok(&["image", "prune", "--blobs", "--dry-run"]);
        assert!(would.starts_with("Blobs that would be deleted:\ndeleted: sha256:"), "{would}");
        assert_eq!(packed(), before);
        let gone = ours.ok(&["image", "prune", "--blobs", "-f"]);
        assert_eq!(gone.replace("Deleted Blobs", "Blobs that would be deleted"), would.replace(" that would be reclaimed", "").replace("Total space", "Total reclaimed space"));
        assert_eq!(packed().as_deref(), Some("0B"));
        ours.ok(&["run", "--rm", "--network", "none", open, "/bin/busybox", "true"]);
        // It goes as its registry has packed it, into an archive and to another registry.
        assert_eq!(save("again.tar"), common::Said { stdout: String::new(), stderr: String::new(), code: Some(0) });
        assert_eq!(fs::read(at("again.tar")).ok(), fs::read(at("whole.tar")).ok());
        assert_eq!(packed(), before);
        ours.ok(&["image", "prune", "--blobs", "-f"]);
        fs::create_dir(at("home")).expect("a directory");
        // Where a layer is, is remembered when the name that said it has gone.
        ours.ok(&["tag", open, "local"]);
        ours.ok(&["image", "prune", "--blobs", "-f"]);
        ours.ok(&["rmi", open]);
        assert_eq!(ours.run(&["save", "-o", &at("local.tar"), "local"]).stderr, "");
        let layers = |name: &str| {
            let list = Command::new("tar").args(["-tf", &at(name)]).output().expect("tar starts").stdout;
            String::from_utf8_lossy(&list).lines().filter(|line| line.starts_with("blobs/sha256/")).count()
        };
        assert_eq!(layers("local.tar"), layers("whole.tar"));
        ours.ok(&["pull", "-q", open]);
        ours.ok(&["image", "prune", "--blobs", "-f"]);
        // A child has no blob of its own for what is below it, and is pushed all the same: before the prune, and after.
        let child = |name: &str| {
            ours.ok(&["run", "--name", name, "--network", "none", open, "/bin/busybox", "touch", "/new"]);
            let image = format!("127.0.0.1:5000/{name}");
            ours.ok(&["commit", name, &image]);
            ours.ok(&["rm", name]);
            image
        };
        let orphan = child("orphan");
        assert_eq!(ours.run(&["save", "-o", &at("orphan.tar"), &orphan]).stderr, "");
        assert_eq!(packed(), before, "it was fetched");
        ours.ok(&["push", "-q", &orphan]);
        ours.ok(&["push", "-q", &child("twin")]);
        ours.ok(&["image", "prune", "--blobs", "-f"]);
        ours.ok(&["tag", open, closed]);
        ours.ok(&["--config", &at("home"), "login", "-u", "alice", "-p", "wonder:land", "127.0.0.1:5001"]);
        let pushed = ours.ok(&["--config", &at("home"), "push", closed]);
        let digest = ours.ok(&["inspect", "-f", "{{index .RepoDigests 0}}", open]);
        let digest = digest.trim().split_once('@').expect("a digest").1;
        assert!(pushed.contains(digest), "{pushed}{digest}");
        drop(registries);
        let would = ours.run(&["image", "prune", "--blobs", "-f"]);
        assert!(would.stderr.contains("nothing of 127.0.0.1:5000 is dropped: "), "{}", would.stderr);
        assert_eq!((would.code, would.stdout.as_str()), (Some(0), "Total reclaimed space: 0B\n"));
        assert_eq!(packed(), before);
    }

    /// In a root with nothing else in it than the files that say who is where: no library is loaded to look a name up.
    fn a_static_program_alone_pulls_by_name(host) {
        require(Need::Program(common::static_binary(), "cargo wb try builds it"));
        let tree = host.rootfs_named("seed");
        let _registries = registry::Registries::start(host, &tree);
        let root = host.dir().join("empty");
        fs::create_dir_all(root.join("etc/mini-docker")).expect("a directory");
        fs::create_dir(root.join("proc")).expect("a directory");
        fs::copy(common::static_binary(), root.join("mini-docker")).expect("a copy");
        fs::write(root.join("etc/hosts"), "127.0.0.1 reg.test\n").expect("a file");
        let settings = "insecure-registries = [\"reg.test:5000\"]\n";
        fs::write(root.join("etc/mini-docker/config.toml"), settings).expect("a file");
        // The mount goes with its namespace.
        let script = r#"mount -t proc proc "$1/proc" && exec chroot "$1" /mini-docker --root /data pull -q reg.test:5000/seed/bb:1"#;
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script, "sh"]).arg(&root);
        let output = command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").output().expect("unshare starts");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "reg.test:5000/seed/bb:1\n", "{complaint}");
    }
}

/// Its file of cases.
const FLAGS: &str = "help-containers.txt";

/// That one, too.
const REGISTRY: &str = "registry.txt";

/// Files of cases about containers that outlive the command that starts them.
const CONTAINERS: [&str; 9] =
    ["data.txt", "exec.txt", "health.txt", FLAGS, "life.txt", "logs.txt", "ps.txt", "settings.txt", "sharing.txt"];

/// Compares the cases of the files that are `chosen`, and the help texts with the first.
fn same(host: &Host, chosen: fn(&str) -> bool) {
    let programs = Programs::find();
    let ours = Docker::new(host);
    let daemon = Daemon::start(host, &programs);
    let scratch = host.dir().join("scratch");
    fs::create_dir(&scratch).expect("a directory");
    let docker = Side::new(&scratch.join("they"), &programs.client(), ("DOCKER_HOST", daemon.address()));
    let mini_docker = Path::new(env!("CARGO_BIN_EXE_mini-docker"));
    let root = ("MINI_DOCKER_ROOT", ours.root().display().to_string());
    let we = Side::new(&scratch.join("ours"), mini_docker, root.clone());
    for (name, archive) in archives(&ours, &scratch) {
        let archive = archive.display().to_string();
        let mut import = Command::new(programs.client());
        ok(import.env("DOCKER_HOST", daemon.address()).arg("import").args(CONFIG).args([&archive, name]));
        if name != "busybox" {
            ours.ok(&["import", &archive, name]);
        }
    }
    let mut cases = table::read(&own_files().join("cases"));
    cases.retain(|case| chosen(case.place.split(':').next().unwrap_or_default()));
    if let Ok(wanted) = std::env::var("DOCKER_CASES") {
        cases.retain(|case| case.place.starts_with(&wanted));
    }
    // Process 1 is then our own binary, inside, where a dynamic one finds no libraries.
    let (with_init, cases): (Vec<_>, Vec<_>) = cases.into_iter().partition(|case| case.line.contains("--init"));
    let mut faults = compare::faults(&cases, &docker, &we, &scratch);
    let released = Path::new(common::static_binary());
    if released.is_file() {
        let we = Side::new(&scratch.join("released"), released, root);
        faults.extend(compare::faults(&with_init, &docker, &we, &scratch));
    } else {
        println!("without --init, which needs the static binary that cargo wb try builds");
    }
    if chosen("help.txt") {
        for help in help::read(&own_files().join("help")) {
            let line = format!("DOCKER_HOST=unix:///nosuch docker {} --help", help.command);
            if docker.run(&line, &scratch.join("help")).stdout != help.text {
                faults.push(format!("docker {} --help is not as in docker/help", help.command));
            }
        }
    }
    drop(daemon);
    let lines = cases.len() + with_init.len();
    assert!(faults.is_empty(), "{} of {lines} lines:\n{}", faults.len(), faults.join("\n"));
    assert_eq!(ours.left_behind(), Vec::<String>::new());
}
