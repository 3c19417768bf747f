//! `mini-runc create`, `start` and all that comes after: what one of its processes makes, the next ones find.

#[path = "runc/bundle.rs"]
mod bundle;
mod common;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Stdio;

use bundle::{Bundle, namespace};
use common::Said;
use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use serde_json::{Value, json};
use testkit::{Host, Need, kernel_test, require};

/// Writes its name when it runs, and stays until it is ended.
const STAY: &str = "echo ran >/tmp/ran; exec sleep 1000";

/// One container, called `c`.
struct Life(Bundle);

impl Life {
    fn new(host: &Host, script: &str) -> Self {
        Self(Bundle::new(host, script))
    }

    fn run(&self, arguments: &[&str]) -> Said {
        // Its descriptors are not to be the container's: whoever reads them would wait for that.
        let said = self.0.directory.with_file_name("said");
        let file = || File::create(&said).expect("a file");
        let (out, err) = (file(), File::create(said.with_extension("err")).expect("a file"));
        let status = self.0.runtime(arguments).stdout(out).stderr(err).status().expect("mini-runc starts");
        let text = |path: &Path| fs::read_to_string(path).expect("what it said");
        Said { stdout: text(&said), stderr: text(&said.with_extension("err")), code: status.code() }
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.code, Some(0), "{arguments:?}: {}", said.stderr);
        said.stdout
    }

    fn create(&self) {
        let bundle = self.0.write().display().to_string();
        self.ok(&["create", "--bundle", &bundle, "c"]);
    }

    fn state(&self) -> Value {
        serde_json::from_str(&self.ok(&["state", "c"])).expect("JSON")
    }

    fn status(&self) -> String {
        self.state()["status"].as_str().expect("a status").into()
    }

    fn pid(&self) -> i32 {
        self.state()["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()).expect("a number")
    }

    /// A file of the container's root.
    fn inside(&self, path: &str) -> String {
        fs::read_to_string(self.0.directory.join("rootfs").join(path)).unwrap_or_default()
    }

    /// Ends it, and nothing of it is left.
    fn delete(&self) {
        self.ok(&["delete", "--force", "c"]);
        reap();
        assert_eq!(fs::read_dir(self.0.state()).expect("a directory").count(), 0);
    }
}

/// We are PID 1 of this host, and containers are orphans of ours.
fn reap() {
    while matches!(waitpid(None, Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..))) {}
}

/// A process that was left to us. As long as its parent has not waited for it, its PID namespace does not end.
fn end(pid: i32) {
    let pid = nix::unistd::Pid::from_raw(pid);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).expect("a signal");
    waitpid(pid, None).expect("an orphan of ours");
}

/// A socket that gets a terminal.
fn terminal_from(listener: &UnixListener) -> File {
    let (stream, _) = listener.accept().expect("a connection");
    let mut space = cmsg_space!([i32; 1]);
    let mut bytes = [0; 64];
    let mut buffer = [std::io::IoSliceMut::new(&mut bytes)];
    let message =
        recvmsg::<()>(stream.as_raw_fd(), &mut buffer, Some(&mut space), MsgFlags::empty()).expect("a message");
    let number = message.cmsgs().expect("rights").find_map(|control| match control {
        ControlMessageOwned::ScmRights(rights) => rights.first().copied(),
        _ => None,
    });
    #[allow(unsafe_code, reason = "a received descriptor is a bare number until somebody owns it")]
    // SAFETY: unix(7): made for us just now.
    let terminal = unsafe { OwnedFd::from_raw_fd(number.expect("a descriptor")) };
    terminal.into()
}

/// Everything until the other side is closed, which a terminal says by an error.
fn all(mut terminal: File) -> String {
    let (mut text, mut buffer) = (Vec::new(), [0; 512]);
    while let Ok(length @ 1..) = terminal.read(&mut buffer) {
        text.extend_from_slice(&buffer[..length]);
    }
    String::from_utf8_lossy(&text).replace('\r', "")
}

kernel_test! {
    /// Between create and start is where somebody else may attach networks.
    fn the_program_waits_to_be_started(host) {
        let life = Life::new(host, STAY);
        let (pid_file, bundle) = (host.dir().join("pid"), life.0.write().display().to_string());
        life.ok(&["create", "--bundle", &bundle, "--pid-file", pid_file.to_str().expect("a path"), "c"]);
        let pid = life.pid();
        assert_eq!(fs::read_to_string(&pid_file).expect("a number"), pid.to_string());
        assert_eq!((life.status().as_str(), life.inside("tmp/ran").as_str()), ("created", ""));
        let executed = || fs::read_link(format!("/proc/{pid}/exe")).expect("a program");
        assert!(!executed().ends_with("bin/busybox"), "{}", executed().display());
        // It has no way out, while it waits for whoever starts it.
        for entry in fs::read_dir(format!("/proc/{pid}/fd")).expect("descriptors").flatten() {
            assert!(!fs::metadata(entry.path()).is_ok_and(|found| found.is_dir()), "{:?}", fs::read_link(entry.path()));
        }
        assert_eq!(fs::read_link(format!("/proc/{pid}/cwd")).expect("a directory"), Path::new("/"));
        life.ok(&["start", "c"]);
        assert_eq!((life.status().as_str(), life.pid()), ("running", pid));
        assert!(executed().ends_with("bin/busybox"));
        assert_eq!(fs::read_dir(format!("/proc/{pid}/fd")).expect("descriptors").count(), 3);
        life.delete();
    }

    fn what_is_not_allowed_is_said_in_runcs_words(host) {
        let life = Life::new(host, STAY);
        let mut story = Vec::new();
        let mut tell = |arguments: &[&str]| {
            let said = life.run(arguments);
            let words = arguments.join(" ").replace(&host.dir().display().to_string(), "DIR");
            story.push(format!("$ {words}\n{}", said.complaint()));
        };
        let bundle = life.0.write().display().to_string();
        tell(&["state", "c"]);
        tell(&["create", "--bundle", &bundle, "c"]);
        tell(&["create", "--bundle", &bundle, "c"]);
        tell(&["resume", "c"]);
        tell(&["pause", "c"]);
        tell(&["start", "c"]);
        tell(&["resume", "c"]);
        tell(&["start", "c"]);
        tell(&["start", "c"]);
        tell(&["pause", "c"]);
        tell(&["pause", "c"]);
        tell(&["exec", "c", "true"]);
        tell(&["resume", "c"]);
        tell(&["exec", "c"]);
        tell(&["exec", "c", "nosuch"]);
        tell(&["exec", "c", "/etc"]);
        tell(&["exec", "-t", "-d", "c", "true"]);
        tell(&["kill", "c", "NOSUCH"]);
        tell(&["kill", "c", "0"]);
        tell(&["delete", "c"]);
        tell(&["kill", "c", "KILL"]);
        wait_until_stopped(&life);
        tell(&["kill", "c"]);
        tell(&["kill", "--all", "c"]);
        tell(&["start", "c"]);
        tell(&["exec", "c", "true"]);
        tell(&["pause", "c"]);
        tell(&["update", "--pids-limit", "5", "c"]);
        tell(&["events", "--stats", "c"]);
        tell(&["delete", "c"]);
        tell(&["delete", "c"]);
        tell(&["delete", "--force", "c"]);
        tell(&["--systemd-cgroup", "create", "--bundle", &bundle, "c"]);
        tell(&["create", "--no-pivot", "--bundle", &bundle, "c"]);
        tell(&["create", "--preserve-fds", "1", "--bundle", &bundle, "c"]);
        tell(&["create", "--bundle", "/no/such", "c"]);
        tell(&["--log-format", "xml", "list"]);
        reap();
        insta::assert_snapshot!(story.join("\n"));
    }

    fn what_cannot_be_executed_is_told_as_soon_as_it_is_known(host) {
        let life = Life(Bundle::new(host, "").with("/process", "args", json!(["nosuch"])));
        let bundle = life.0.write().display().to_string();
        let said = life.run(&["create", "--bundle", &bundle, "c"]);
        assert!(said.stderr.contains("exec: \"nosuch\": executable file not found in $PATH"), "{}", said.stderr);
        assert_eq!(fs::read_dir(life.0.state()).expect("a directory").count(), 0);
        // Only the kernel can tell that this is no program.
        let script = life.0.directory.join("rootfs/bin/empty");
        fs::write(&script, "no program").expect("a file");
        fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
        let life = Life(life.0.with("/process", "args", json!(["empty"])));
        life.create();
        let said = life.run(&["start", "c"]);
        assert_eq!(said.code, Some(1));
        assert!(said.stderr.contains("exec: \"/bin/empty\": exec format error"), "{}", said.stderr);
        assert_eq!(life.status(), "stopped");
        life.delete();
    }

    fn an_error_is_a_line_of_json_for_who_asks(host) {
        let life = Life::new(host, STAY);
        let log = host.dir().join("log");
        let log = log.to_str().expect("a path");
        let said = life.run(&["--log", log, "--log-format", "json", "state", "c"]);
        assert_eq!((said.stderr.as_str(), said.code), ("container does not exist\n", Some(1)));
        let line: Value = serde_json::from_str(&fs::read_to_string(log).expect("a log")).expect("JSON");
        assert_eq!((&line["level"], &line["msg"]), (&json!("error"), &json!("container does not exist")));
        let time = line["time"].as_str().expect("a time");
        assert!(time.len() == 20 && time.ends_with('Z'), "{time}");
        assert_eq!(life.run(&["--log", "/no/such/log", "list"]).code, Some(1));
    }

    fn another_process_runs_in_the_container(host) {
        let life = Life::new(host, STAY);
        life.create();
        life.ok(&["start", "c"]);
        assert_eq!(life.run(&["exec", "c", "sh", "-c", "exit 7"]).code, Some(7));
        let flags = ["exec", "-u", "5:6", "-g", "7", "-e", "A=b", "--cwd", "/tmp", "--cap", "CAP_CHOWN", "--no-new-privs", "c"];
        let script = "id; pwd; echo $A; grep -E '^(NoNewPrivs|CapBnd)' /proc/self/status";
        let said = life.ok(&[&flags[..], &["sh", "-c", script]].concat());
        assert_eq!(said, "uid=5 gid=6 groups=7\n/tmp\nb\nCapBnd:\t0000000000000001\nNoNewPrivs:\t1\n");
        // As engines do it.
        let process = host.dir().join("process.json");
        let description = json!({
            "args": ["sleep", "1000"], "env": ["PATH=/bin"], "cwd": "/", "user": { "uid": 1, "gid": 1 },
            "apparmorProfile": "", "selinuxLabel": "", "capabilities": null,
        });
        fs::write(&process, description.to_string()).expect("a file");
        let (process, pid_file) = (process.display().to_string(), host.dir().join("pid"));
        life.ok(&["exec", "--process", &process, "--detach", "--pid-file", pid_file.to_str().expect("a path"), "c"]);
        let pid: i32 = fs::read_to_string(&pid_file).expect("a number").parse().expect("a number");
        assert_eq!(namespace(&pid.to_string(), "pid"), namespace(&life.pid().to_string(), "pid"));
        let listed: Vec<i32> = serde_json::from_str(&life.ok(&["ps", "--format", "json", "c"])).expect("JSON");
        assert_eq!(listed, [life.pid(), pid]);
        let table = life.ok(&["ps", "c"]);
        assert!(table.lines().count() == 3 && table.contains("sleep 1000"), "{table}");
        end(pid);
        life.delete();
    }

    fn a_terminal_goes_to_the_socket(host) {
        let bundle = Bundle::new(host, "tty; stty size; read line; echo got $line")
            .with("/process", "terminal", json!(true))
            .with("/process", "consoleSize", json!({ "height": 33, "width": 77 }));
        let life = Life(bundle);
        let socket = host.dir().join("console");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let (bundle, socket) = (life.0.write().display().to_string(), socket.display().to_string());
        life.ok(&["create", "--bundle", &bundle, "--console-socket", &socket, "c"]);
        let mut terminal = terminal_from(&listener);
        life.ok(&["start", "c"]);
        terminal.write_all(b"hello\n").expect("a key");
        let text = all(terminal);
        for expected in ["/dev/pts/0\n", "33 77\n", "got hello\n"] {
            assert!(text.contains(expected), "{expected:?} in {text:?}");
        }
        life.delete();
        let life = Life::new(host, STAY);
        life.create();
        life.ok(&["start", "c"]);
        life.ok(&["exec", "-t", "-d", "--console-socket", &socket, "c", "tty"]);
        assert_eq!(all(terminal_from(&listener)), "/dev/pts/0\n");
        waitpid(None, None).expect("an orphan of ours");
        // Nobody listens there: the process does not stay.
        drop(listener);
        let said = life.run(&["exec", "-t", "-d", "--console-socket", &socket, "c", "sleep", "1000"]);
        assert_eq!(said.code, Some(255));
        assert!(said.stderr.contains("send the terminal to"), "{}", said.stderr);
        life.delete();
    }

    fn descriptors_of_the_caller_are_handed_through(host) {
        let life = Life::new(host, "cat <&3; ls /proc/self/fd | wc -l");
        fs::write(host.dir().join("file"), "a word\n").expect("a file");
        let bundle = life.0.write().display().to_string();
        let run = |redirection: &str, count: &str| {
            let mut command = life.0.runtime(&["run", "--preserve-fds", count, "--bundle", &bundle, "c"]);
            let words: Vec<String> = command.get_args().map(|word| format!("'{}'", word.display())).collect();
            let line = format!("exec {redirection}; exec {} {}", command.get_program().display(), words.join(" "));
            let mut shell = std::process::Command::new("sh");
            command.env("X", "");
            Said::from(shell.args(["-c", &line]).stdin(Stdio::null()).output().expect("sh starts"))
        };
        let file = host.dir().join("file").display().to_string();
        assert_eq!(run(&format!("3<{file}"), "1").stdout, "a word\n5\n");
        let said = run("3</", "1");
        assert_eq!((said.code, said.stderr.as_str()), (Some(1), "Error: unable to pass descriptor 3: it is a directory\n"));
        let said = run(&format!("3<{file}"), "2");
        assert_eq!((said.code, said.stderr.as_str()), (Some(1), "Error: unable to pass descriptor 4: it is not open\n"));
    }

    /// Each in its namespaces, in its order, with the state on its input.
    fn hooks_run_where_and_when_the_specification_says(host) {
        let directory = host.dir().join("hooks");
        fs::create_dir(&directory).expect("a directory");
        let log = directory.join("log").display().to_string();
        let outside = |name: &str| {
            let script = format!(
                "cat >{}; echo {name} $(readlink /proc/self/ns/mnt) $A $0 >>{log}",
                directory.join(name).display()
            );
            json!([{ "path": "/bin/sh", "args": ["sh", "-c", script, "zero"], "env": ["PATH=/bin:/usr/bin", "A=b"] }])
        };
        let inside = json!([{ "path": "/bin/sh", "args": ["sh", "-c", "cat >/tmp/state; id -u >/tmp/user; echo in >/tmp/ran"] }]);
        let bundle = Bundle::new(host, "test -e /tmp/ran && exec sleep 1000").with("", "hooks", json!({
            "prestart": outside("prestart"),
            "createRuntime": outside("createRuntime"),
            "createContainer": outside("createContainer"),
            "startContainer": inside,
            "poststart": outside("poststart"),
            "poststop": outside("poststop"),
        })).with("", "annotations", json!({ "key": "value" }));
        let life = Life(bundle);
        let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap_or_default();
        let state = |name: &str| serde_json::from_str::<Value>(&read(name)).expect(name);
        life.create();
        let pid = life.pid();
        let ours = fs::read_link("/proc/self/ns/mnt").expect("a namespace").display().to_string();
        let its = namespace(&pid.to_string(), "mnt").display().to_string();
        let expected = format!(
            "prestart {ours} b zero\ncreateRuntime {ours} b zero\ncreateContainer {its} b zero\n"
        );
        assert_eq!(read("log"), expected);
        for name in ["prestart", "createRuntime"] {
            let seen = state(name);
            assert_eq!((&seen["status"], &seen["pid"], &seen["id"]), (&json!("creating"), &json!(pid), &json!("c")), "{name}");
            assert_eq!(seen["annotations"], json!({ "key": "value" }));
            assert_eq!(seen["bundle"], json!(life.0.directory));
        }
        assert_eq!(life.inside("tmp/ran"), "");
        life.ok(&["start", "c"]);
        let seen: Value = serde_json::from_str(&life.inside("tmp/state")).expect("a state");
        assert_eq!(seen["status"], "created");
        assert_eq!(state("poststart")["status"], "running");
        assert_eq!(life.status(), "running", "the program found what startContainer had left");
        life.delete();
        let seen = state("poststop");
        assert_eq!((&seen["status"], &seen["pid"]), (&json!("stopped"), &json!(0)));
        assert!(read("log").ends_with(&format!("poststart {ours} b zero\npoststop {ours} b zero\n")), "{}", read("log"));
    }

    fn a_hook_that_fails_fails_what_it_is_part_of(host) {
        let failing = json!([{ "path": "/bin/sh", "args": ["sh", "-c", "echo no way; exit 3"] }]);
        let hanging = json!([{ "path": "/bin/sleep", "args": ["sleep", "1000"], "timeout": 1 }]);
        let relative = json!([{ "path": "sh" }]);
        for kind in ["prestart", "createRuntime", "createContainer"] {
            for (hooks, expected) in [(&failing, "no way"), (&hanging, "timeout of 1 s"), (&relative, "not an absolute path")] {
                let life = Life(Bundle::new(host, STAY).with("", "hooks", json!({ kind: hooks })));
                let bundle = life.0.write().display().to_string();
                let said = life.run(&["create", "--bundle", &bundle, "c"]);
                assert_eq!(said.code, Some(1), "{kind}");
                assert!(said.stderr.contains(expected), "{kind}: {}", said.stderr);
                assert_eq!(fs::read_dir(life.0.state()).expect("a directory").count(), 0, "{kind}");
            }
        }
        let life = Life(Bundle::new(host, STAY).with("", "hooks", json!({ "startContainer": failing })));
        life.create();
        let said = life.run(&["start", "c"]);
        assert!(said.stderr.contains("no way"), "{}", said.stderr);
        assert_eq!((life.status().as_str(), life.inside("tmp/ran").as_str()), ("stopped", ""));
        life.delete();
        let life = Life(Bundle::new(host, STAY).with("", "hooks", json!({ "poststart": failing, "poststop": failing })));
        life.create();
        let said = life.run(&["start", "c"]);
        assert!(said.code == Some(1) && said.stderr.contains("no way"), "{}", said.stderr);
        assert_eq!(life.status(), "stopped", "a container whose poststart fails has failed");
        life.delete();
    }

    /// Killed at the worst moment, between the container's namespaces and its root.
    fn what_a_killed_creation_leaves_can_be_deleted(host) {
        let killer = json!([{ "path": "/bin/sh", "args": ["sh", "-c", "kill -9 $PPID"] }]);
        let life = Life(Bundle::new(host, STAY).with("", "hooks", json!({ "createRuntime": killer })));
        let bundle = life.0.write().display().to_string();
        assert_eq!(life.run(&["create", "--bundle", &bundle, "c"]).code, None);
        wait_until_stopped(&life);
        assert_eq!(life.run(&["create", "--bundle", &bundle, "c"]).code, Some(1), "it is still there");
        life.ok(&["delete", "c"]);
        reap();
        assert_eq!(fs::read_dir(life.0.state()).expect("a directory").count(), 0);
    }

    /// A frozen process that is only killed stays, and its group with it.
    fn a_container_that_stands_still_is_deleted(host) {
        let life = Life::new(host, "sleep 1000 & exec sleep 1000");
        life.create();
        life.ok(&["start", "c"]);
        if life.run(&["pause", "c"]).code != Some(0) {
            require(Need::CgroupV1("freezer"));
        }
        assert_eq!(life.status(), "paused");
        assert_eq!(life.run(&["delete", "c"]).code, Some(1));
        life.delete();
        // Or ends by itself, when it is killed.
        life.create();
        life.ok(&["start", "c"]);
        life.ok(&["pause", "c"]);
        life.ok(&["kill", "c", "KILL"]);
        wait_until_stopped(&life);
        life.delete();
    }

    fn limits_change_while_it_runs(host) {
        for controller in ["memory", "pids", "cpu"] {
            require(Need::CgroupV1(controller));
        }
        let life = Life::new(host, STAY);
        life.create();
        life.ok(&["start", "c"]);
        let file = |controller: &str, file: &str| {
            let path = format!("/sys/fs/cgroup/{controller}/{}/{file}", host.cgroup_name());
            fs::read_to_string(&path).expect(&path).trim().to_owned()
        };
        life.ok(&["update", "--memory", "33554432", "--pids-limit", "7", "--cpu-quota", "50000", "--cpu-period", "100000", "c"]);
        assert_eq!(file("memory", "memory.limit_in_bytes"), "33554432");
        assert_eq!((file("pids", "pids.max").as_str(), file("cpu", "cpu.cfs_quota_us").as_str()), ("7", "50000"));
        // As containerd passes it, with Go's zeros.
        let resources = host.dir().join("resources");
        let zeros = json!({ "memory": { "limit": 67_108_864, "swap": 0 }, "cpu": { "shares": 0, "cpus": "" }, "pids": { "limit": 0 } });
        fs::write(&resources, zeros.to_string()).expect("a file");
        life.ok(&["update", "--resources", resources.to_str().expect("a path"), "c"]);
        let seen = (file("memory", "memory.limit_in_bytes"), file("pids", "pids.max"));
        assert_eq!(seen, ("67108864".into(), "7".into()));
        let stats: Value = serde_json::from_str(&life.ok(&["events", "--stats", "c"])).expect("JSON");
        assert_eq!((&stats["type"], &stats["id"]), (&json!("stats"), &json!("c")));
        assert_eq!(stats["data"]["memory"]["usage"]["limit"], 67_108_864);
        assert_eq!(stats["data"]["pids"], json!({ "current": 1, "limit": 7 }));
        life.delete();
    }

    fn containers_are_listed(host) {
        let life = Life::new(host, STAY);
        assert_eq!(life.ok(&["list"]), "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n");
        assert_eq!((life.ok(&["list", "-q"]), life.ok(&["list", "-f", "json"])), (String::new(), "null\n".into()));
        life.create();
        let listed: Value = serde_json::from_str(&life.ok(&["list", "-f", "json"])).expect("JSON");
        let mut state = life.state();
        state["owner"] = json!("root");
        assert_eq!(listed, json!([state]));
        assert_eq!(state["rootfs"], json!(life.0.directory.join("rootfs")));
        assert_eq!(life.ok(&["list", "-q"]), "c\n");
        // What somebody else has put there is no container.
        fs::create_dir(life.0.state().join("empty")).expect("a directory");
        assert_eq!(life.ok(&["list", "-q"]), "c\n");
        fs::remove_dir(life.0.state().join("empty")).expect("empty");
        life.delete();
    }

    fn a_detached_run_stays_and_a_kept_one_is_still_there(host) {
        let life = Life::new(host, STAY);
        let bundle = life.0.write().display().to_string();
        life.ok(&["run", "-d", "--bundle", &bundle, "c"]);
        assert_eq!(life.status(), "running");
        life.delete();
        let life = Life::new(host, "exit 5");
        let bundle = life.0.write().display().to_string();
        assert_eq!(life.run(&["run", "--keep", "--bundle", &bundle, "c"]).code, Some(5));
        assert_eq!(life.status(), "stopped");
        life.delete();
        assert_eq!(life.run(&["run", "--bundle", &bundle, "c"]).code, Some(5));
        assert_eq!(life.run(&["state", "c"]).code, Some(1));
    }

    /// Debian's runc is the judge: the example means the same container, but for what docker has hidden since.
    fn the_example_is_runcs(host) {
        require(Need::Program("runc", "runc"));
        let life = Life::new(host, STAY);
        let read = |directory: &str| {
            let text = fs::read_to_string(host.dir().join(directory).join("config.json")).expect("a file");
            serde_json::from_str::<Value>(&text).expect("JSON")
        };
        for more in [&[][..], &["--rootless"]] {
            let (ours, theirs) = (host.dir().join("ours"), host.dir().join("theirs"));
            for directory in [&ours, &theirs] {
                let _ = fs::remove_dir_all(directory);
                fs::create_dir(directory).expect("a directory");
            }
            life.ok(&[&["spec", "--bundle", ours.to_str().expect("a path")], more].concat());
            let made = std::process::Command::new("runc").args(["spec", "--bundle"]).arg(&theirs).args(more).status();
            assert!(made.expect("runc starts").success());
            let (ours, theirs) = (read("ours"), read("theirs"));
            for place in ["/process/args", "/process/cwd", "/process/env", "/process/rlimits", "/process/terminal",
                "/process/noNewPrivileges", "/root", "/linux/uidMappings", "/linux/readonlyPaths", "/linux/resources"] {
                let sorted = |value: &Value| {
                    let mut value = value.pointer(place).cloned();
                    if let Some(Value::Array(list)) = &mut value {
                        list.sort_by_key(Value::to_string);
                    }
                    value
                };
                assert_eq!(sorted(&ours), sorted(&theirs), "{place}");
            }
            let again = life.run(&["spec", "--bundle", host.dir().join("ours").to_str().expect("a path")]);
            assert!(again.code == Some(1) && again.stderr.contains("exists. Remove it first"), "{}", again.stderr);
        }
    }

    fn what_it_can_do_is_said(host) {
        let life = Life::new(host, STAY);
        let features: Value = serde_json::from_str(&life.ok(&["features"])).expect("JSON");
        let has = |place: &str, word: &str| {
            features.pointer(place).and_then(Value::as_array).is_some_and(|list| list.contains(&json!(word)))
        };
        // Docker makes read-only binds recursive only where this is said.
        assert!(has("/mountOptions", "rro") && has("/hooks", "poststop") && has("/linux/namespaces", "time"));
        assert!(has("/linux/seccomp/actions", "SCMP_ACT_NOTIFY") && !has("/linux/seccomp/actions", "SCMP_ACT_NOSUCH"));
        let version = life.ok(&["--version"]);
        assert!(version.starts_with("mini-runc ") && version.contains("\nspec: 1."), "{version}");
    }
}

/// It has been killed: soon nothing else is to be seen.
fn wait_until_stopped(life: &Life) {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while life.status() != "stopped" {
        assert!(std::time::Instant::now() < until, "it does not end");
        if waitpid(None, Some(WaitPidFlag::WNOHANG)) == Err(Errno::ECHILD) {
            std::thread::yield_now();
        }
    }
}
