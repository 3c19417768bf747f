//! The end of a program, and the end of what it has printed: the judge of the exercise `drain`. The shim's part is done by
//! the test's own process.

use std::convert::Infallible;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use process::{Child, DescriptorError, ExitStatus, Spawn, sys};
use testkit::{Host, Inmate, Need, judge, kernel_test, require};

use super::clients::Client;
use super::program::Program;
use super::turn::Shim;
use super::{SILENCE, log_of};
use crate::create::Create;
use crate::engine::Engine;
use crate::launch;
use crate::restart::BackOff;
use crate::saved::{Saved, State, Status};
use crate::wire::{Answer, Line, Request};

const READ: &str = "ch14-engine, \"The last byte\"";
/// The program waits here for a word.
const DOOR: &str = "mkfifo /door; read word </door; ";
/// Longer than anybody may be silent.
const LONG: Duration = Duration::from_millis(2200);

fn data(host: &Host) -> PathBuf {
    host.dir().join("data")
}

/// An engine that has an image.
fn engine(host: &Host) -> Engine {
    require(Need::Busybox);
    require(Need::Overlay);
    drop(Inmate::new(|| {
        let engine = Engine::open(&data(host)).expect("an engine");
        engine.bootstrap_busybox(&"busybox".parse().expect("a name")).expect("an image");
        String::new()
    }));
    Engine::open(&data(host)).expect("an engine")
}

fn wish(script: &str, terminal: bool) -> Create {
    let json = serde_json::json!({ "Image": "busybox", "Tty": terminal, "Cmd": ["sh", "-c", script] });
    Create::from_json(json.to_string().as_bytes()).expect("a wish")
}

/// One that has nothing to do yet.
fn shim(engine: &Engine, saved: Saved) -> Shim<'_> {
    Shim {
        engine,
        log: log_of(engine, &saved),
        saved,
        state: State::default(),
        door: None,
        clients: Vec::new(),
        monitor: None,
        cleaner: None,
        buffer: Vec::new(),
        remove: false,
    }
}

/// What came of it.
struct Drained<T> {
    status: Option<ExitStatus>,
    last_line: String,
    meanwhile: T,
}

/// Runs a program to its end, and its output's. Something is done `before` anybody reads; a thread does something `meanwhile`,
/// and can hear when both are over.
fn drained<T: Send + 'static>(
    engine: &Engine,
    create: &Create,
    before: impl FnOnce(i32),
    meanwhile: impl FnOnce(i32, &Receiver<()>) -> T + Send + 'static,
) -> Drained<T> {
    let saved = engine.create(create).expect("a container");
    let id = saved.id.clone();
    let launched = launch::launch(engine, &saved, None).expect("a program");
    let pid = launched.running.child().pid().as_raw();
    let mut program = Program::new(launched, &saved);
    let mut shim = shim(engine, saved);
    before(pid);
    let (done, over) = channel();
    let thread = thread::spawn(move || meanwhile(pid, &over));
    shim.drain(&mut program);
    let status = program.status;
    let _ = done.send(());
    let meanwhile = thread.join().expect("a thread");
    shim.log.finish(Timestamp::now());
    if program.status.is_none() {
        program.signal(9).expect("a signal");
        program.reap();
    }
    program.end().clear();
    let last_line = last_line(&engine.store().home(&id).join(format!("{id}-json.log")));
    engine.remove(&id, true).expect("a removal");
    Drained { status, last_line, meanwhile }
}

/// A process that does `work`, and has not `closed` open.
fn cleaner(closed: &impl AsRawFd, work: impl FnOnce()) -> Child {
    let pending = Spawn::new().start(|gate| -> Result<Infallible, DescriptorError> {
        nix::unistd::close(closed.as_raw_fd()).expect("it is open");
        gate.done();
        work();
        sys::exit_now(0)
    });
    pending.expect("a process").release().expect("it is at work")
}

fn last_line(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let record: serde_json::Value = serde_json::from_str(text.lines().last().unwrap_or("{}")).unwrap_or_default();
    record["log"].as_str().unwrap_or_default().trim_end().to_owned()
}

fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_mins(1);
    while !happened() {
        assert!(Instant::now() < limit, "{what}");
        thread::yield_now();
    }
}

/// Says the word.
fn let_go(pid: i32) {
    let door = PathBuf::from(format!("/proc/{pid}/root/door"));
    until("the program waits at its door", || door.exists());
    OpenOptions::new().write(true).open(door).expect("a door").write_all(b"go\n").expect("a word");
}

fn has_ended(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

/// Its standard output, held open by somebody who does not end with it.
fn hold(pid: i32) -> File {
    OpenOptions::new().write(true).open(format!("/proc/{pid}/fd/1")).expect("its output")
}

kernel_test! {
    fn all_that_a_program_has_printed_is_read(host) {
        let engine = engine(host);
        let prints = wish(&format!("{DOOR} seq 1200; exit 5"), true);
        // It has ended before anybody looks: everything is still to be read then. That is more than a terminal gives in one
        // portion, 4 KiB, and less than it keeps, 8 KiB.
        let end = |pid| {
            let_go(pid);
            until("the program has ended", || has_ended(pid));
        };
        let saw = drained(&engine, &prints, end, |_, _| ());
        judge("the last line in the log of a program that has printed the numbers up to 1200")
            .expected("1200".to_owned())
            .seen(saw.last_line)
            .cause(|_| "it was over with the program, and not all was read that the program had printed".into())
            .read(READ);
        assert_eq!(saw.status, Some(ExitStatus::Code(5)));

        let slow = wish(&format!("{DOOR} echo early; exit 6"), false);
        let saw = drained(&engine, &slow, |_| (), |pid, over| {
            let mut output = hold(pid);
            let _ = over.recv_timeout(LONG);
            let_go(pid);
            until("its end is heard of", || !Path::new(&format!("/proc/{pid}")).exists());
            let _ = output.write_all(b"late\n");
        });
        judge("the last line in the log of a program that lived longer than SILENCE, and something printed right after its end")
            .expected("late".to_owned())
            .seen(saw.last_line)
            .cause(|seen| if seen == "early" {
                "SILENCE is counted from an earlier time than that at which something moved last".into()
            } else {
                "it was over with the program, and not all was read that the program had printed".into()
            })
            .read(READ);
    }

    fn neither_end_is_taken_for_the_other(host) {
        let engine = engine(host);
        let closed = wish(&format!("exec >/dev/null 2>&1; {DOOR} exit 7"), false);
        let saw = drained(&engine, &closed, |_| (), |pid, over| {
            if over.recv_timeout(Duration::from_millis(300)).is_err() {
                let_go(pid);
            }
        });
        judge("how a program has ended that closed its output long before")
            .expected(Some(ExitStatus::Code(7)))
            .seen(saw.status)
            .cause(|_| "the end of the output was taken for the end of the program".into())
            .read(READ);

        let held = wish(&format!("{DOOR} exit 3"), false);
        let saw = drained(&engine, &held, |_| (), |pid, over| {
            let output = hold(pid);
            let_go(pid);
            let in_time = over.recv_timeout(SILENCE * 2 + Duration::from_millis(500)).is_ok();
            drop(output);
            in_time
        });
        judge("whether it ever ends for a program whose output somebody else holds open")
            .expected(true)
            .seen(saw.meanwhile)
            .cause(|_| "it waits for the end of the output, and who has that open lives longer than the program".into())
            .read(READ);
    }

    /// The disk may take its time to let a life go. Meanwhile nothing starts, and whoever calls is heard.
    fn between_two_lives_commands_are_answered_and_nothing_starts_before_all_is_clear(host) {
        let engine = engine(host);
        let mut saved = engine.create(&wish("sleep 1000", false)).expect("a container");
        saved.create.host.restart_policy.name = "always".into();
        let id = saved.id.clone();
        let mut shim = shim(&engine, saved);
        shim.state.status = Status::Restarting;

        let (held, holds) = process::relay::pipe().expect("a pipe");
        let waits = || {
            let _ = nix::unistd::read(&held, &mut [0]);
        };
        shim.cleaner = Some(cleaner(&holds, waits));
        let (line, theirs) = Line::pair().expect("a line");
        shim.clients.extend(Client::greet(theirs));
        line.send(&Request::Kill { signal: 9 }, &[]).expect("it is sent");
        assert!(shim.start_again(&mut BackOff::default()).is_none(), "somebody has ended it");
        assert!(shim.cleaner.is_some(), "nothing is clear yet");
        let answers = || line.receive_now::<Answer>().expect("an answer").expect("an answer").0;
        assert!(matches!(answers(), Answer::Hello { .. }));
        assert_eq!(answers(), Answer::Done);
        drop(holds);
        shim.finish_clearing();

        shim.state.stopped_by_hand = false;
        let cleared = host.dir().join("cleared");
        let (_never, silent) = process::relay::pipe().expect("a pipe");
        shim.cleaner = Some(cleaner(&silent, || {
            // Longer than the first pause.
            let _ = nix::poll::poll(&mut [], 400_u16);
            fs::write(&cleared, "").expect("a file");
        }));
        let launched = shim.start_again(&mut BackOff::default()).expect("another life");
        assert!(cleared.exists() && shim.cleaner.is_none());
        let mut program = Program::new(launched, &shim.saved);
        program.signal(9).expect("a signal");
        program.reap();
        program.end().clear();
        shim.state.status = Status::Exited;
        shim.record();
        engine.remove(&id, true).expect("a removal");
    }
}
