//! Other people's engines run their containers with `mini-runc`, and nobody can tell: each command line is given to the
//! engine twice, with Debian's runc and with ours, and prints the same.

#[path = "docker/daemon.rs"]
mod daemon;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use daemon::{Daemon, Programs, remove_groups};
use testkit::{Host, Need, kernel_test, require};

const BINARY: &str = env!("CARGO_BIN_EXE_mini-runc");

/// Runs every line, and says what each printed, and how it ended.
const TELL: &str = r#"
    tell() {
        echo "\$ $1"
        timeout 60 sh -c "$2" </dev/null >"$said.out" 2>"$said.err"
        status=$?
        cat "$said.out" "$said.err"
        echo "-> $status"
    }
"#;

/// One engine with one runtime.
struct Engine<'a> {
    host: &'a Host,
    /// What `run` and `create` stand for.
    make: String,
    /// What RUNTIME stands for.
    runtime: &'a str,
    /// What ROOT stands for, where there is no image.
    root: String,
    /// What is done first.
    before: String,
    /// What the shell is started by.
    around: Vec<String>,
    environment: Vec<(&'static str, String)>,
}

impl Engine<'_> {
    /// What it says to `table`, line by line.
    fn tell(&self, table: &str) -> Vec<String> {
        let shared = self.host.dir().join("shared");
        fs::create_dir_all(&shared).expect("a directory");
        fs::write(shared.join("file"), "a word\n").expect("a file");
        let (shared, parent) = (shared.display().to_string(), format!("/{}", self.host.cgroup_name()));
        let said = self.host.dir().join("said").display().to_string();
        let mut script = vec![format!("said={said}"), TELL.into(), self.before.clone()];
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            let made = ["run", "create"].into_iter().find(|word| line.starts_with(&format!("{word} ")));
            let command = match made {
                Some(word) => line.replacen(word, &self.make.replace("MAKE", word), 1),
                None => line.to_owned(),
            };
            let command = command.replace("RUNTIME", self.runtime).replace("PARENT", &parent);
            let command =
                command.replace(" ROOT ", &format!(" {} ", self.root)).replace("D/pid", &format!("{shared}/pid"));
            let command = command.replace(" D:", &format!(" {shared}:")).replace("src=D,", &format!("src={shared},"));
            script.push(format!("tell {} {}\n", quoted(line), quoted(&command)));
        }
        let path = self.host.dir().join("script");
        fs::write(&path, script.join("\n")).expect("a script");
        let (program, arguments) = self.around.split_first().expect("a command");
        let mut command = Command::new(program);
        command
            .args(arguments)
            .arg(&path)
            .stdin(Stdio::null())
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        let output = command.output().expect("sh starts");
        let text = String::from_utf8_lossy(&output.stdout).replace('\r', "");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}{complaint}");
        text.split("\n$ ").map(without_names).collect()
    }
}

/// Without what is another each time, or is the runtime's own name.
fn without_names(said: &str) -> String {
    let said = said.replace("runc create failed: ", "").replace(BINARY, "runc").replace("runc: Error: ", "runc: ");
    let words = said.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric());
    words
        .map(|word| {
            let id = word.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
            let is_id = matches!(id.len(), 12 | 64) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_id { word.replace(id, "ID") } else { word.to_owned() }
        })
        .collect()
}

/// As one word of a shell's.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Line by line, so that the first difference has its command beside it.
fn compare(theirs: &[String], ours: &[String]) {
    assert!(theirs.len() > 40, "the table is long: {theirs:?}");
    let different: Vec<String> = theirs
        .iter()
        .zip(ours)
        .filter(|(theirs, ours)| theirs != ours)
        .map(|(theirs, ours)| format!("with runc:\n{theirs}\nwith mini-runc:\n{ours}"))
        .collect();
    assert!(different.is_empty(), "{}", different.join("\n\n"));
    assert_eq!(theirs.len(), ours.len());
}

/// Busybox as an archive.
fn image(host: &Host) -> PathBuf {
    require(Need::Busybox);
    require(Need::Program("tar", "tar"));
    let (root, archive) = (host.rootfs(), host.dir().join("image.tar"));
    let made = Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&archive).arg(".").status();
    assert!(made.expect("tar starts").success());
    archive
}

kernel_test! {
    fn docker_runs_with_it(host) {
        let programs = Programs::find();
        let archive = image(host);
        let daemon = Daemon::start_with(host, &programs, &["--add-runtime", &format!("mini={BINARY}")]);
        let tell = |runtime: &str| {
            let client = programs.client();
            let folder = client.parent().unwrap_or(Path::new("/")).display().to_string();
            let config = host.dir().join("docker-config").display().to_string();
            Engine {
                host,
                make: "docker MAKE --runtime RUNTIME --network none".into(),
                runtime,
                root: String::new(),
                before: format!("docker import {} busybox >/dev/null", archive.display()),
                around: vec!["sh".into()],
                environment: vec![
                    ("DOCKER_HOST", daemon.address()),
                    ("DOCKER_CONFIG", config),
                    ("PATH", format!("{folder}:/usr/sbin:/usr/bin:/sbin:/bin")),
                ],
            }
            .tell(include_str!("runc/engines/docker.txt"))
        };
        compare(&tell("runc"), &tell("mini"));
    }

    fn podman_runs_with_it(host) {
        require(Need::Program("podman", "podman"));
        require(Need::Program("runc", "runc"));
        let archive = image(host);
        let tell = |runtime: &str| {
            let directory = host.dir().join("podman");
            fs::create_dir_all(&directory).expect("a directory");
            let path = |name: &str| directory.join(name).display().to_string();
            // What podman takes for granted is more than a caller may have.
            let settings = format!(
                "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=4096:4096\"]\n\
                 [engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"none\"\nruntime = \"{runtime}\"\n\
                 tmp_dir = \"{}\"\n",
                path("data/tmp"),
            );
            fs::write(path("containers.conf"), settings).expect("a file");
            let storage = format!(
                "[storage]\ndriver = \"vfs\"\ngraphroot = \"{}\"\nrunroot = \"{}\"\n",
                path("data/images"), path("data/run"),
            );
            fs::write(path("storage.conf"), storage).expect("a file");
            fs::create_dir_all(path("data")).expect("a directory");
            let said = Engine {
                host,
                make: "podman MAKE --cgroup-parent PARENT --network none".into(),
                runtime,
                root: String::new(),
                before: format!("mkdir {0}; podman import {1} busybox >/dev/null 2>&1", path("data/tmp"), archive.display()),
                // What it keeps is in memory; that ends with these namespaces, and so do its monitors.
                around: [
                    "unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc",
                    "sh", "-c", r#"mount -t tmpfs podman "$0" && mount -t tmpfs run /run && sh "$1""#, &path("data"),
                ].map(str::to_owned).into(),
                environment: vec![
                    ("CONTAINERS_CONF", path("containers.conf")),
                    ("CONTAINERS_STORAGE_CONF", path("storage.conf")),
                    ("TMPDIR", path("data/tmp")),
                    ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin".into()),
                ],
            }
            .tell(include_str!("runc/engines/podman.txt"));
            remove_groups(&host.cgroup_name());
            said
        };
        let (theirs, ours) = (tell("runc"), tell(BINARY));
        if theirs == ours {
            return;
        }
        // On a machine with much to do podman now and then does not see what was printed right before an end. What is wrong
        // with our runtime is wrong twice.
        let again = tell(BINARY);
        let better = |(at, line): (usize, &String)| if again.get(at) == Some(line) { line } else { &ours[at] }.clone();
        compare(&theirs, &theirs.iter().enumerate().map(better).collect::<Vec<_>>());
    }

    fn containerd_runs_with_it(host) {
        for program in ["containerd", "ctr", "runc"] {
            require(Need::Program(program, "containerd runc"));
        }
        require(Need::Busybox);
        let root = host.rootfs().display().to_string();
        let directory = host.dir().join("containerd");
        fs::create_dir_all(&directory).expect("a directory");
        let path = |name: &str| directory.join(name).display().to_string();
        let settings = format!(
            "version = 2\nroot = \"{}\"\nstate = \"/run/containerd\"\n\
             disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = \"/run/containerd.sock\"\n",
            path("data/containerd"),
        );
        fs::write(path("config.toml"), settings).expect("a file");
        fs::create_dir_all(path("data")).expect("a directory");
        let tell = |runtime: &str| {
            let said = Engine {
                host,
                make: "ctr MAKE --runc-binary RUNTIME --rootfs --cgroup PARENT/ctr --env PATH=/bin".into(),
                runtime,
                root: root.clone(),
                before: format!(
                    "containerd --config {} >{} 2>&1 &\nuntil ctr version >/dev/null 2>&1; do sleep 0.1; done",
                    path("config.toml"), path("log"),
                ),
                around: [
                    "unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc",
                    "sh", "-c", r#"mount -t tmpfs data "$0" && mount -t tmpfs run /run && sh "$1""#, &path("data"),
                ].map(str::to_owned).into(),
                environment: vec![
                    ("CONTAINERD_ADDRESS", "/run/containerd.sock".into()),
                    ("TMPDIR", path("data")),
                    ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin".into()),
                ],
            }
            .tell(include_str!("runc/engines/containerd.txt"));
            remove_groups(&host.cgroup_name());
            said
        };
        compare(&tell("runc"), &tell(BINARY));
    }
}
