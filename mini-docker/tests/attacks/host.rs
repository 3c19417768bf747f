//! The scene of the attacks: a throw-away host with something to steal, and the containers of all chapters on it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use nix::mount::umount;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, gethostname, sethostname};
use serde_json::Value;
use testkit::Host;

use crate::Cells;
use crate::common::Docker;

/// Who is attacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// Nothing is isolated: the control.
    Host,
    /// A procfs and `chroot`: the control for attacks on a root.
    Chroot,
    /// A chapter's stage.
    Stage(&'static str),
    /// `mini-docker run`, with these flags.
    Tool(&'static [&'static str]),
}

/// What Docker does not do by default: as much as the stages of chapters 4 to 6 allow.
pub(crate) const LIMITED: Column = Column::Tool(&["--pids-limit", "32", "--memory", "64m", "--memory-swap", "64m"]);

pub(crate) const COLUMNS: [Column; 13] = [
    Column::Host,
    Column::Chroot,
    Column::Stage("ch01"),
    Column::Stage("ch02"),
    Column::Stage("ch03"),
    Column::Stage("ch04"),
    Column::Stage("ch05"),
    Column::Stage("ch06"),
    Column::Stage("ch07"),
    Column::Stage("ch08"),
    Column::Stage("ch12"),
    Column::Stage("ch14"),
    Column::Tool(&[]),
];

impl Column {
    /// What rows call it.
    pub(crate) fn head(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Chroot => "chroot",
            Self::Stage(chapter) => chapter.trim_start_matches("ch").trim_start_matches('0'),
            Self::Tool(_) => "run",
        }
    }

    /// As it stands above the column.
    pub(crate) fn title(self) -> String {
        match self {
            Self::Chroot => "`chroot`".into(),
            Self::Tool(_) => "`run`".into(),
            _ => self.head().into(),
        }
    }

    /// The chapter, by its page.
    pub(crate) fn link(self) -> String {
        const PAGES: [&str; 10] = [
            "ch01-process",
            "ch02-namespaces",
            "ch03-rootfs",
            "ch04-cgroups",
            "ch05-confinement",
            "ch06-layers",
            "ch07-images",
            "ch08-registry",
            "ch12-runtime",
            "ch14-engine",
        ];
        let Self::Stage(chapter) = self else { return self.title() };
        let page = PAGES.iter().find(|page| page.starts_with(chapter)).expect("every chapter has a page");
        format!("[Chapter {}]({page}/index.md)", self.head())
    }

    /// Whether it has the host's files.
    fn shares_files(self) -> bool {
        matches!(self, Self::Host | Self::Stage("ch01" | "ch02"))
    }
}

/// Where cargo puts what it builds.
fn built(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_BIN_EXE_mini-docker")).parent().expect("a directory").join("examples");
    let path = directory.join(name);
    assert!(path.is_file(), "{} is not built\nhint: cargo build --workspace --examples", path.display());
    path
}

/// All that is needed to try them.
pub(crate) struct Scene<'a> {
    docker: &'a Docker,
    directory: PathBuf,
    attack: PathBuf,
    facts: Vec<String>,
    victim: Child,
    _door: ChildStdin,
    first_pid: u32,
}

impl<'a> Scene<'a> {
    pub(crate) fn set(host: &Host, docker: &'a Docker) -> Self {
        let directory = host.dir().to_owned();
        // Under another name, which its process has, and in one directory with the secret.
        let (attack, victim) = (built("attack"), directory.join("the-victim"));
        fs::copy(&attack, &victim).expect("a copy");
        let secret = Command::new(&attack).arg("secret").output().expect("attack starts").stdout;
        let file = directory.join("the-victims-file");
        fs::write(&file, &secret).expect("a file");
        let socket = host.cgroup_name();
        // So high that no container has a process of this number.
        set_next_pid(31_000);
        let mut command = Command::new(&victim);
        command.arg("victim").arg(&file).arg(&socket).env("SECRET", String::from_utf8_lossy(&secret).into_owned());
        let mut victim = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the victim starts");
        let mut line = String::new();
        let said = victim.stdout.take().expect("a pipe");
        BufReader::new(said).read_line(&mut line).expect("the victim's facts");
        let mut facts: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        facts.push(format!("file={}", file.display()));
        facts.push(format!("socket={socket}"));
        facts.push(format!("runtime={}", directory.join("runtime").display()));
        facts.push(format!("device={}", device()));
        // Stages call their groups after their numbers, and those are not the machine's.
        let sum = socket.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        let scene = Self {
            docker,
            attack,
            facts,
            _door: victim.stdin.take().expect("a pipe"),
            victim,
            first_pid: 10_000 + sum % 20_000,
            directory,
        };
        scene.make_roots(host);
        scene
    }

    /// A root with the attacker in it, and a second one with a loader that keeps what it loads.
    fn make_roots(&self, host: &Host) {
        let libraries = Command::new(&self.attack).arg("libraries").output().expect("attack starts").stdout;
        for name in ["root", "hostile"] {
            let root = host.rootfs_named(name);
            fs::copy(&self.attack, root.join("attack")).expect("a copy");
            for library in String::from_utf8_lossy(&libraries).lines().map(Path::new) {
                let file = library.file_name().expect("a name");
                let is_loader = file.to_string_lossy().starts_with("ld-linux");
                let inside = root.join(library.strip_prefix("/").expect("a path from /"));
                let mut places = vec![inside];
                if is_loader {
                    places.extend(["lib", "lib64"].map(|directory| root.join(directory).join(file)));
                    places.push(root.join("attack-loader"));
                }
                for place in places {
                    fs::create_dir_all(place.parent().expect("a directory")).expect("a directory");
                    fs::copy(library, place).expect("a copy");
                }
                if is_loader && name == "hostile" {
                    for directory in ["lib", "lib64"] {
                        let place = root.join(directory).join(file);
                        let made = Command::new(&self.attack).arg("loader").arg(place).status();
                        assert!(made.expect("attack starts").success());
                    }
                }
            }
            fs::write(root.join("again"), "#!/proc/self/exe\n").expect("a script");
            fs::set_permissions(root.join("again"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
                .expect("a mode");
            let archive = self.directory.join(format!("{name}.tar"));
            let tar = Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&archive).arg(".").status();
            assert!(tar.expect("tar starts").success());
            self.docker.ok(&["import", &archive.display().to_string(), name]);
        }
    }

    /// What each attack came to.
    pub(crate) fn try_all(&self, column: Column) -> Cells {
        fs::write(self.directory.join("runtime"), "the runtime").expect("a file");
        let mut all = vec!["all".to_owned()];
        all.extend(self.facts.clone());
        let mut said = self.run(column, "root", "/attack", &all);
        if !column.shares_files() {
            said.push_str(&self.run(column, "hostile", "/again", &[]));
        }
        // Shown where a test fails.
        println!("{column:?}\n{said}");
        let mut cells = Cells::new();
        for line in said.lines() {
            if let [name, outcome, _why] = line.split('\t').collect::<Vec<_>>()[..] {
                // Each container may rename something; the host knows whether it was the host.
                let won = if name == "hostname" { owned() } else { outcome == "won" };
                *cells.entry(name.to_owned()).or_default() |= won;
            }
        }
        sethostname("workbench").expect("a host name");
        let victim = Pid::from_raw(self.victim.id().cast_signed());
        let state = fs::read_to_string(format!("/proc/{victim}/stat")).expect("the victim's state");
        assert_eq!(state.contains(") T "), cells.get("signal") == Some(&true), "{column:?}: {state}");
        kill(victim, Signal::SIGCONT).expect("it goes on");
        cells
    }

    /// What an attacker says in this column.
    fn run(&self, column: Column, root: &str, inside: &str, arguments: &[String]) -> String {
        let program = self.attack.display().to_string();
        let place = self.directory.join(root);
        let mut line: Vec<String> = match column {
            Column::Host => vec![program],
            Column::Chroot => vec![program, "naively".into(), place.display().to_string(), inside.into()],
            Column::Stage(chapter) if column.shares_files() => {
                vec![built(&format!("stage-{chapter}")).display().to_string(), program]
            }
            Column::Stage(chapter) => {
                let stage = built(&format!("stage-{chapter}")).display().to_string();
                // From here on there are images with names.
                let root =
                    if matches!(chapter, "ch07" | "ch08") { root.to_owned() } else { place.display().to_string() };
                vec![stage, root, inside.into()]
            }
            Column::Tool(flags) => {
                let command = self.docker.command();
                let mut line = vec![command.get_program().to_string_lossy().into_owned()];
                line.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
                line.extend(["run", "--rm"].iter().chain(flags).chain(&[root, inside]).map(|word| (*word).to_owned()));
                line
            }
        };
        line.extend(arguments.iter().cloned());
        set_next_pid(self.first_pid);
        let terminal = openpty(None, None).expect("a terminal");
        let mut command = Command::new(&self.attack);
        command.arg("carelessly").arg(&self.directory).args(line).stdin(terminal.slave).env("TMPDIR", &self.directory);
        command.env("MINI_DOCKER_ROOT", self.docker.root());
        let output = command.current_dir(&self.directory).output().expect("attack starts");
        // What is typed is echoed. Some containers have a terminal of their own to type into.
        let typed = PollFd::new(terminal.master.as_fd(), PollFlags::POLLIN);
        let typed = poll(&mut [typed], PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
            && nix::unistd::read(&terminal.master, &mut [0]).is_ok_and(|length| length > 0);
        drop(terminal.master);
        if column == Column::Chroot {
            umount(&place.join("proc")).expect("what a naive runtime leaves");
        }
        println!("{inside}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8_lossy(&output.stdout);
        // A shim's log is what comes out there.
        let logged = |line: &str| {
            let entry: Value = serde_json::from_str(line).expect("a line of the log");
            entry["log"].as_str().expect("what was printed").to_owned()
        };
        let said: String =
            if column == Column::Stage("ch14") { said.lines().map(logged).collect() } else { said.into_owned() };
        if typed { said } else { said.replace("terminal\twon", "terminal\tlost") }
    }
}

impl Drop for Scene<'_> {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
    }
}

fn owned() -> bool {
    gethostname().is_ok_and(|name| name == "owned")
}

/// In the throw-away host's numbers. Where the kernel cannot be told (`CONFIG_CHECKPOINT_RESTORE`) they are what they are.
fn set_next_pid(pid: u32) {
    let _ = fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string());
}

/// A device that no container should have: the machine's first disk, or where nobody may open that, the kernel's log.
fn device() -> String {
    let table = fs::read_to_string("/proc/partitions").unwrap_or_default();
    let disk = table.lines().skip(2).find_map(|line| {
        let [major, minor, _, name] = line.split_whitespace().collect::<Vec<_>>()[..] else { return None };
        let is_open = File::open(format!("/dev/{name}")).is_ok();
        is_open.then(|| format!("b:{major}:{minor}"))
    });
    disk.unwrap_or_else(|| "c:1:11".into())
}
