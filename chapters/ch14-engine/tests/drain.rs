//! The end of a program, and the end of what it has printed: the judge of the exercise `drain`.

mod common;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use common::{another, command, data, named, status, wait_until};
use engine::{Create, Engine, Status};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use testkit::{Host, judge, kernel_test};

const READ: &str = "ch14-engine, \"The last byte\"";
/// The program waits here for a word.
const DOOR: &str = "mkfifo /door; read word </door; ";

fn pid_of(engine: &Engine, name: &str) -> i32 {
    engine.find(name).expect("a container").state.pid
}

fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(30);
    while !happened() {
        assert!(Instant::now() < limit, "{what}");
        std::thread::yield_now();
    }
}

/// Says the word.
fn let_go(engine: &Engine, name: &str) {
    let door = PathBuf::from(format!("/proc/{}/root/door", pid_of(engine, name)));
    until("the program waits at its door", || door.exists());
    OpenOptions::new().write(true).open(door).expect("a door").write_all(b"go\n").expect("a word");
}

/// A field of `/proc/PID/status`.
fn field(pid: i32, name: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t")).map(str::to_owned);
    line.unwrap_or_default()
}

fn last_line(host: &Host, engine: &Engine, name: &str) -> String {
    let id = engine.find(name).expect("a container").saved.id;
    let log = data(host).join("containers").join(&id).join(format!("{id}-json.log"));
    let text = fs::read_to_string(log).unwrap_or_default();
    let record: serde_json::Value = serde_json::from_str(text.lines().last().unwrap_or("{}")).unwrap_or_default();
    record["log"].as_str().unwrap_or_default().trim_end().to_owned()
}

/// Whether the container has ended, after a time in which it must have.
fn ends(engine: &Engine, name: &str) -> bool {
    let limit = Instant::now() + Duration::from_secs(8);
    while status(engine, name).is_alive() && Instant::now() < limit {
        std::thread::yield_now();
    }
    !status(engine, name).is_alive()
}

kernel_test! {
    /// One that prints much and ends; one whose output somebody else holds open; one that closes its output and goes on.
    fn the_end_is_told_when_all_is_read_and_nobody_holds_it_up(host) {
        let prints = Create { name: "prints".into(), ..terminal(&format!("{DOOR} seq 3000")) };
        let held = named("held", &format!("{DOOR} exit 3"));
        let closed = named("closed", &format!("exec >/dev/null 2>&1; {DOOR} exit 7"));
        command(host, |engine| {
            for create in [&prints, &held, &closed] {
                engine.run_detached(create).expect("a container").1.expect("it runs");
            }
        });
        let engine = another(host);

        let holder: File = OpenOptions::new().write(true).open(format!("/proc/{}/fd/1", pid_of(&engine, "held"))).expect("its pipe");
        let_go(&engine, "held");
        judge("whether the end is told of a program whose output somebody else has open")
            .expected(true)
            .seen(ends(&engine, "held"))
            .cause(|_| "it waits for the end of the output, and somebody who lives longer has that open".into())
            .read(READ);
        drop(holder);

        judge("how a program is that has closed its output, and waits")
            .expected(Status::Running)
            .seen(status(&engine, "closed"))
            .cause(|_| "the end of the output was taken for the end of the program".into())
            .read(READ);
        let_go(&engine, "closed");
        assert!(ends(&engine, "closed"));
        assert_eq!(engine.find("closed").expect("it").state.exit_code, 7);

        // Its shim stands still while it prints and ends: everything is still to be read then.
        let program = pid_of(&engine, "prints");
        let shim = Pid::from_raw(field(program, "PPid").parse().expect("a number"));
        kill(shim, Signal::SIGSTOP).expect("a signal");
        let_go(&engine, "prints");
        until("the program has ended", || field(program, "State").starts_with('Z'));
        kill(shim, Signal::SIGCONT).expect("a signal");
        let ended = wait_until(&engine, "prints", |container| !container.state.status.is_alive());
        judge("the last line in the log of a program that has printed the numbers up to 3000")
            .expected("3000".to_owned())
            .seen(last_line(host, &engine, "prints"))
            .cause(|_| "the end of the program was told before all was read that it had printed".into())
            .read(READ);
        assert_eq!(ended.state.exit_code, 0);
        for name in ["prints", "held", "closed"] {
            engine.remove(name, true).expect("a removal");
        }
    }
}

fn terminal(script: &str) -> Create {
    let json = serde_json::json!({ "Image": "busybox", "Tty": true, "Cmd": ["sh", "-c", script] });
    common::wish(&json.to_string())
}
