//! What goes in and out of a container: whose the streams are, and what ends them.

mod common;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::{Docker, Said};
use engine::{Engine, Status};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use process::Pty;
use testkit::{Need, kernel_test, require};

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").expect("/dev/full").into()
}

/// A program that hears of `SIGINT` and goes on, started, with the first line that it prints read.
fn stubborn(docker: &Docker, arguments: &[&str]) -> (Child, BufReader<std::process::ChildStdout>) {
    let script = "trap 'echo heard' INT; echo ready; while :; do :; done";
    let mut command = docker.command();
    command.args(["run", "--rm"]).args(arguments).args(["busybox", "sh", "-c", script]);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("mini-docker starts");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    assert_eq!(line(&mut output), "ready\n");
    (child, output)
}

fn line(output: &mut impl BufRead) -> String {
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    line
}

kernel_test! {
    /// `mini-docker run busybox yes | head -1` ends, without a complaint; the container goes on, as docker's does.
    fn a_reader_that_has_enough_leaves_the_container_to_itself(host) {
        let docker = Docker::new(host);
        docker.ok(&["create", "--name", "made", "busybox", "yes"]);
        for (name, line) in [("run", &["run", "--rm", "--name", "run", "busybox", "yes"][..]), ("made", &["start", "-a", "made"])] {
            let mut command = docker.command();
            command.args(line).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().expect("mini-docker starts");
            drop(child.stdout.take());
            let said = Said::from(child.wait_with_output().expect("its end"));
            assert_eq!((said.code, said.stderr.as_str()), (Some(1), ""), "{name}");
            assert_eq!(docker.ok(&["inspect", "-f", "{{.State.Status}}", name]), "running\n");
            docker.ok(&["rm", "-f", name]);
        }
        assert_eq!(docker.left_behind(), Vec::<String>::new());
    }

    /// Neither its program nor its log waits for a window that somebody has stopped; nor is anything lost that it shows later.
    fn who_stops_reading_stops_neither_program_nor_log(host) {
        const LINES: usize = 1_000_000;
        let docker = Docker::new(host);
        let script = format!("yes 12345678 | head -n {LINES}; echo printed; read word </door");
        let script = format!("mkfifo /door; {script}; exit 3");
        let mut command = docker.command();
        command.args(["run", "--name", "web", "busybox", "sh", "-c", &script]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().expect("mini-docker starts");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        assert_eq!(line(&mut output), "12345678\n");
        let until = Instant::now() + Duration::from_mins(1);
        while docker.ok(&["logs", "--tail", "1", "web"]) != "printed\n" {
            assert!(Instant::now() < until, "the program waits for a reader who has stopped");
        }
        // It ends with its container.
        docker.run(&["exec", "web", "sh", "-c", "echo now >/door"]);
        assert_eq!(docker.ok(&["wait", "web"]), "3\n");
        let mut rest = String::new();
        output.read_to_string(&mut rest).expect("the rest");
        assert!(rest == format!("{}printed\n", "12345678\n".repeat(LINES - 1)), "{} bytes", rest.len());
        assert_eq!(child.wait().expect("its end").code(), Some(3));
        docker.ok(&["rm", "web"]);
        assert_eq!(docker.left_behind(), Vec::<String>::new());
    }

    /// Who else has its output open, and prints without a pause, is not waited for without end.
    fn what_somebody_else_prints_does_not_keep_it_from_its_end(host) {
        let docker = Docker::new(host);
        docker.ok(&["run", "-d", "--log-driver", "none", "--name", "web", "busybox", "sleep", "1000"]);
        let pid = docker.ok(&["inspect", "-f", "{{.State.Pid}}", "web"]);
        let output = File::options().write(true).open(format!("/proc/{}/fd/1", pid.trim())).expect("its output");
        let mut command = std::process::Command::new("yes");
        let mut chatterbox = command.stdin(Stdio::null()).stdout(output).spawn().expect("yes starts");
        docker.ok(&["kill", "web"]);
        assert_eq!(docker.ok(&["wait", "web"]), "137\n");
        chatterbox.wait().expect("its pipe is closed at last");
        docker.ok(&["rm", "web"]);
        assert_eq!(docker.left_behind(), Vec::<String>::new());
    }

    /// One who came later and has enough is no reason for it to end: `mini-docker attach NAME | head -1`.
    fn a_reader_who_came_later_leaves_the_container_as_it_was(host) {
        let docker = Docker::new(host);
        docker.ok(&["run", "-d", "--name", "goes-on", "busybox", "yes"]);
        for output in [Stdio::piped(), full()] {
            let mut command = docker.command();
            command.args(["attach", "--no-stdin", "goes-on"]).stdin(Stdio::null()).stdout(output).stderr(Stdio::null());
            let mut child = command.spawn().expect("mini-docker starts");
            drop(child.stdout.take());
            assert_eq!(child.wait().expect("its end").code(), Some(1));
            assert_eq!(docker.ok(&["inspect", "-f", "{{.State.Status}}", "goes-on"]), "running\n");
        }
        docker.ok(&["rm", "-f", "goes-on"]);
        assert_eq!(docker.left_behind(), Vec::<String>::new());
    }

    /// Who finds no descriptor left in the shim waits, and the shim sleeps meanwhile.
    fn more_callers_than_the_shim_can_hear_do_not_keep_it_busy(host) {
        const LIMIT: usize = 64;
        let docker = Docker::new(host);
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &format!("ulimit -n {LIMIT}; exec \"$@\""), "sh"]).arg(docker.command().get_program());
        command.args(docker.command().get_args()).args(["run", "-d", "--name", "besieged", "busybox", "sleep", "1000"]);
        assert!(command.stdin(Stdio::null()).stdout(Stdio::null()).status().expect("sh starts").success());
        let program = docker.ok(&["inspect", "-f", "{{.State.Pid}}", "besieged"]);
        let field = |file: &str, name: &str| {
            let text = std::fs::read_to_string(file).expect("a process");
            text.lines().find_map(|line| line.strip_prefix(name)).expect("a field").trim().to_owned()
        };
        let shim = field(&format!("/proc/{}/status", program.trim()), "PPid:");
        let mut callers: Vec<Child> = (0..LIMIT).map(|_| {
            let mut command = docker.command();
            command.args(["wait", "besieged"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().expect("mini-docker starts")
        }).collect();
        let until = Instant::now() + Duration::from_secs(20);
        let wait_for = |what: &str, is_so: &dyn Fn() -> bool| {
            while !is_so() {
                assert!(Instant::now() < until, "{what}");
                std::thread::yield_now();
            }
        };
        let open = || std::fs::read_dir(format!("/proc/{shim}/fd")).expect("the shim").count();
        wait_for("the shim never has all that it may have open", &|| open() == LIMIT);
        let sleeps = |pid: &str| field(&format!("/proc/{pid}/status"), "State:").starts_with('S');
        let all = || callers.iter().all(|caller| sleeps(&caller.id().to_string()));
        wait_for("not everybody calls", &all);
        wait_for("the shim never sleeps", &|| sleeps(&shim));
        for caller in &mut callers {
            caller.kill().expect("a caller");
            caller.wait().expect("its end");
        }
        docker.ok(&["rm", "-f", "besieged"]);
        assert_eq!(docker.left_behind(), Vec::<String>::new());
    }

    /// Output that is lost is not a success.
    fn a_full_disk_is_reported(host) {
        let docker = Docker::new(host);
        for options in [&[][..], &["-t"]] {
            let mut command = docker.command();
            command.args(["run", "--rm"]).args(options).args(["busybox", "echo", "lost"]).stdin(Stdio::null()).stdout(full());
            let said = Said::from(command.output().expect("mini-docker starts"));
            assert_eq!(said.complaint(), "Error: write /dev/stdout: no space left on device\nexit 1", "{options:?}");
        }
        let mut command = docker.command();
        command.args(["run", "--rm", "busybox", "sh", "-c", "echo lost >&2; exit 3"]).stdin(Stdio::null()).stderr(full());
        assert_eq!(command.status().expect("mini-docker starts").code(), Some(1));
        assert_eq!(docker.left_behind(), Vec::<String>::new());
    }

    /// Ours too, and nobody is there to read of it.
    fn what_we_print_ourselves_is_no_exception(host) {
        let docker = Docker::new(host);
        for arguments in [&["images"][..], &["info"], &["version"], &["version", "--format", "json"]] {
            let mut command = docker.command();
            let said = Said::from(command.args(arguments).stdout(full()).output().expect("mini-docker starts"));
            assert_eq!(said.complaint(), "Error: write /dev/stdout: no space left on device\nexit 1", "{arguments:?}");
        }
        let status = docker.command().args(["run", "--rm", "nosuch"]).stderr(full()).status().expect("mini-docker starts");
        assert_eq!(status.code(), Some(125));
        let status = docker.command().args(["run", "--rm", "--explain", "busybox", "true"]).stderr(full()).status();
        assert_eq!(status.expect("mini-docker starts").code(), Some(0));
    }

    /// Whoever the container's user is may open its streams again, as `/dev/stdout`.
    fn streams_belong_to_the_user(host) {
        require(Need::UserNamespaces);
        let docker = Docker::new(host);
        let script = "echo out >/dev/stdout; echo err >/dev/stderr; stat -L -c '%u:%g %a' /dev/stdout";
        for (options, owner) in [
            (&["-t"][..], "0:5 620"),
            (&["-t", "-u", "1000:50"], "1000:5 620"),
            (&["-u", "1000:50"], "1000:0 600"),
            (&["-u", "1000", "--userns", "private"], "1000:0 600"),
            (&["-t", "-u", "1000", "--userns", "private"], "1000:5 620"),
            (&["--userns", "private"], "0:0 600"),
        ] {
            let mut arguments = vec!["run", "--rm"];
            arguments.extend(options.iter().chain(&["busybox", "sh", "-c", script]));
            let said = docker.run(&arguments);
            let text = format!("{}{}", said.stdout, said.stderr).replace('\r', "");
            let mut lines: Vec<&str> = text.lines().collect();
            lines.sort_unstable();
            let mut expected = [owner, "err", "out"];
            expected.sort_unstable();
            assert_eq!(lines, expected, "{options:?}");
        }
    }

    /// The third `^C` is for us: the program goes on without anybody.
    fn the_third_interrupt_leaves_a_program_that_ignores_it(host) {
        let docker = Docker::new(host);
        let (child, mut output) = stubborn(&docker, &["--name", "stubborn"]);
        let pid = Pid::from_raw(child.id().cast_signed());
        for _ in 0..2 {
            kill(pid, Signal::SIGINT).expect("a signal");
            assert_eq!(line(&mut output), "heard\n");
        }
        kill(pid, Signal::SIGINT).expect("a signal");
        let said = Said::from(child.wait_with_output().expect("its end"));
        assert_eq!(said.complaint(), "Error: got 3 SIGTERM/SIGINTs, forcefully exiting\nexit 1");
        let engine = Engine::open(docker.root()).expect("an engine");
        assert_eq!(engine.find("stubborn").expect("it").state.status, Status::Running);
        engine.remove("stubborn", true).expect("its end");
        assert_eq!(docker.left_behind(), Vec::<String>::new());
    }

    /// `ctrl-p ctrl-q`, and then the terminal's end: what was left goes on. A command that is killed has not left.
    fn a_program_of_exec_can_be_left_to_itself(host) {
        let docker = Docker::new(host);
        docker.ok(&["run", "-d", "--name", "web", "busybox", "sleep", "1000"]);
        let typed = |keys: &[u8]| {
            let terminal = Pty::open().expect("a terminal");
            let side = || Stdio::from(terminal.slave.try_clone().expect("a descriptor"));
            let mut command = docker.command();
            command.args(["exec", "-it", "web", "sh", "-c", "echo ready; while :; do echo on; sleep 1; done"]);
            let mut child = command.stdin(side()).stdout(side()).stderr(side()).spawn().expect("mini-docker starts");
            let mut master = File::from(terminal.master);
            let mut seen = String::new();
            while !seen.contains("ready") {
                let mut portion = [0; 256];
                let length = master.read(&mut portion).expect("what it prints");
                seen.push_str(&String::from_utf8_lossy(&portion[..length]));
            }
            if keys.is_empty() {
                child.kill().expect("a signal");
            }
            master.write_all(keys).expect("keys");
            child.wait().expect("its end").code()
        };
        assert_eq!(typed(&[16, 17]), Some(1));
        assert_eq!(docker.run(&["exec", "web", "pidof", "sh"]).code, Some(0), "it runs");
        docker.ok(&["exec", "web", "killall", "sh"]);
        while docker.run(&["exec", "web", "pidof", "sh"]).code == Some(0) {}
        assert_eq!(typed(&[]), None);
        while docker.run(&["exec", "web", "pidof", "sh"]).code == Some(0) {}
        docker.ok(&["rm", "-f", "web"]);
        assert_eq!(docker.left_behind(), Vec::<String>::new());
    }
}
