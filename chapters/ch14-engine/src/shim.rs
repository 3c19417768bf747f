//! The shim: one small process for each container that lives. It is the program's parent, so it is told of the end; it
//! copies what the program prints to the log and to whoever listens; it answers commands; and when all is over it records
//! how, and clears up.
//!
//! It is a copy of the command that started the container, and goes on without it: it has a session and a control group of
//! its own, and nothing of what the command had open. It waits in `poll(2)` and does nothing until something happens.

mod clients;
mod monitor;
mod probe;
mod program;
mod tap;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use layers::{DiskError, Held, remove_all};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use process::relay::Stream;
use process::{ExitStatus, Failure, FailureKind, Gate, Identity, step, sys};
use runtime::spec::ConsoleSize;
use runtime::{Running, Text};

use self::clients::Client;
pub(crate) use self::clients::Seat;
use self::monitor::Monitor;
use self::probe::Probe;
use self::program::Program;
use crate::engine::Engine;
use crate::health::{Health, HealthCheck};
use crate::launch;
use crate::log::{LogWriter, Origin};
use crate::restart::{BackOff, Decision};
use crate::saved::{Saved, State, Status};
use crate::store::Store;
use crate::tell;
use crate::wire::{Answer, Listener, Request};

/// Signals by which a terminal, or somebody who means the command, ends a process. They are not for the shim.
const NOT_FOR_US: [Signal; 8] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGPIPE,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGTSTP,
    Signal::SIGWINCH,
];
/// How long the output of a program that has ended may be silent and not over: somebody else has it open.
const SILENCE: Duration = Duration::from_secs(2);

/// What one shim knows.
struct Shim<'a> {
    engine: &'a Engine,
    saved: Saved,
    state: State,
    listener: Option<Listener>,
    clients: Vec<Client>,
    log: LogWriter,
    monitor: Option<Monitor>,
    buffer: Vec<u8>,
}

/// Something that can be acted on.
#[derive(Clone, Copy)]
enum Source {
    Program,
    Output(usize),
    Call,
    Client(usize),
    /// Room in one of this client's pipes.
    Room(usize),
    /// News of a probe, which is looked for after every turn.
    Probe,
}

/// Runs in the copy; returns only if the container did not start. `life` is the mark that somebody is alive for it.
pub(crate) fn run(
    engine: &Engine,
    (saved, state): (Saved, State),
    life: Held,
    seat: Option<Seat>,
    console: Option<ConsoleSize>,
    gate: &Gate,
) -> Result<Infallible, Failure> {
    let mut kept: Vec<BorrowedFd> = seat.iter().flat_map(Seat::descriptors).collect();
    kept.push(life.mark());
    process::detach(gate, &kept)?;
    let blocked = NOT_FOR_US.into_iter().collect::<SigSet>().thread_block();
    let listener = Listener::open(life.mark());
    let (Ok(()), Ok(listener)) = (blocked, listener) else {
        return Err(Failure::new(FailureKind::System, "the shim cannot listen"));
    };
    let clients = seat.map(Client::seated).into_iter().collect();
    let log = log_of(engine, &saved);
    let mut shim =
        Shim { engine, saved, state, listener: Some(listener), clients, log, monitor: None, buffer: Vec::new() };
    match shim.start(console) {
        Ok(running) => {
            gate.done();
            shim.live(running, life)
        }
        Err(failure) => {
            shim.state.error.clone_from(&failure.message);
            shim.state.exit_code = failure.exit_code();
            shim.bury(life, None);
            Err(failure)
        }
    }
}

/// The log, with what goes along with each of its lines.
fn log_of(engine: &Engine, saved: &Saved) -> LogWriter {
    let words = |list: &[Text]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let record = &saved.record;
    let attributes = if record.log.has_attributes() {
        record.log.attributes(&Origin {
            id: &saved.id,
            name: &saved.name,
            image_id: &record.image,
            image_name: &saved.create.config.image,
            command: &words(&record.args),
            labels: &record.labels,
            env: &words(&record.env),
        })
    } else {
        BTreeMap::new()
    };
    LogWriter::open(&engine.store().home(&saved.id), &saved.id, &record.log, &attributes)
}

impl Shim<'_> {
    fn store(&self) -> &Store {
        self.engine.store()
    }

    fn start(&mut self, console: Option<ConsoleSize>) -> Result<Running, Failure> {
        let running = launch::launch(self.engine, &self.saved, console)?;
        process::fault!("record a start")
            .map_err(DiskError::at("record the start of", self.store().home(&self.saved.id)))?;
        let Identity { pid, start_time } = Identity::of(running.child().pid())?;
        self.state = State {
            status: Status::Running,
            pid,
            start_time,
            boot: self.store().boot().into(),
            started: Some(Timestamp::now()),
            exit_code: 0,
            error: String::new(),
            oom_killed: false,
            stopped_by_hand: false,
            health: self.checked().then(|| Health::starting(self.state.health.take())),
            ..std::mem::take(&mut self.state)
        };
        self.store().write_state(&self.saved, &self.state)?;
        let health = self.state.health.as_ref();
        self.monitor = health.and_then(|health| Monitor::new(self.saved.record.health.as_ref(), health));
        self.engine.tell(&self.saved, "start");
        Ok(running)
    }

    /// Whether somebody wants to know if it is well.
    fn checked(&self) -> bool {
        self.saved.record.health.as_ref().is_some_and(HealthCheck::is_on)
    }

    /// One life after the other, as the restart policy has it.
    fn live(mut self, running: Running, life: Held) -> ! {
        let mut back_off = BackOff::default();
        let mut next = Some(running);
        while let Some(running) = next.take() {
            let born = Instant::now();
            let group = self.attend(running);
            if back_off.decide(&self.saved.create.host.restart_policy, &self.state, born.elapsed()) == Decision::End {
                self.bury(life, group);
                break;
            }
            self.state.status = Status::Restarting;
            self.record();
            self.end_clients();
            let _ = group.map(|group| group.remove());
            next = self.start_again(&mut back_off);
            if next.is_none() {
                self.bury(life, None);
                break;
            }
        }
        // Who is slow to read has all the time: nothing but this process waits.
        while !self.clients.is_empty() {
            self.turn(None, None);
        }
        sys::exit_now(0)
    }

    /// The end for good: who waits is told before what the container leaves is removed.
    fn bury(&mut self, life: Held, group: Option<cgroups::Cgroup>) {
        if self.state.status.is_alive() {
            self.state.status = Status::Exited;
        }
        let settled = self.settle();
        step!(14, "who waits is told; then what is left is removed");
        self.end_clients();
        let _ = process::fault!("remove what is left");
        let _ = group.map(|group| group.remove());
        self.listener = None;
        match settled {
            Ok(rubbish) => {
                let _ = rubbish.map(|path| remove_all(&path));
                let _ = self.store().end_life(life);
            }
            // Whoever finds the directory of its life without a shim does it: the disk may have room by then.
            Err(error) => step!(14, "its end is not recorded: {error}"),
        }
    }

    /// Records how it ended; what is not to outlive its end is taken out of sight, and returned to be removed.
    fn settle(&mut self) -> Result<Option<PathBuf>, DiskError> {
        process::fault!("record an end").map_err(DiskError::at("record the end of", &self.saved.id))?;
        if !self.saved.is_temporary() {
            self.store().write_state(&self.saved, &self.state)?;
            return Ok(None);
        }
        // Held until this process ends: nobody else removes what we remove.
        let Some(lock) = self.store().lock(&self.saved.id)? else { return Ok(None) };
        std::mem::forget(lock);
        let left = self.store().forget(&self.saved)?;
        self.engine.tell(&self.saved, "destroy");
        Ok(Some(left))
    }

    /// A disk that is full must not end a container: what was recorded before stays, and the next time may be better.
    fn record(&self) {
        if let Err(error) = self.store().write_state(&self.saved, &self.state) {
            step!(14, "the state is not recorded: {error}");
        }
    }

    /// Waits for the time that the policy demands, and starts the program again; `None` if somebody wants it to stay as it
    /// is, or it cannot be started often enough.
    fn start_again(&mut self, back_off: &mut BackOff) -> Option<Running> {
        loop {
            let until = Instant::now() + back_off.pause();
            while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
                self.turn(None, Some(left));
                if self.state.stopped_by_hand {
                    return None;
                }
            }
            self.state.restarts += 1;
            match self.start(None) {
                Ok(running) => return Some(running),
                Err(failure) => {
                    self.state.error = failure.message;
                    self.state.exit_code = failure.kind.exit_code();
                    let policy = &self.saved.create.host.restart_policy;
                    if back_off.decide(policy, &self.state, Duration::ZERO) == Decision::End {
                        return None;
                    }
                    self.record();
                }
            }
        }
    }

    /// Looks after the program until it has ended and all that it printed is read. What it leaves is its control group,
    /// empty.
    fn attend(&mut self, running: Running) -> Option<cgroups::Cgroup> {
        let mut program = Program::new(running, &self.saved);
        self.seat(&mut program);
        let mut silent_since = Instant::now();
        while !(program.status.is_some() && program.outputs.is_empty()) {
            let silence = program.status.map(|_| SILENCE.saturating_sub(silent_since.elapsed()));
            if silence == Some(Duration::ZERO) {
                break;
            }
            let patience = silence.or_else(|| self.monitor.as_ref().and_then(Monitor::patience));
            let had_ended = program.status.is_some();
            if self.turn(Some(&mut program), patience) || program.status.is_some() != had_ended {
                silent_since = Instant::now();
            }
            self.look_at_health();
        }
        self.log.finish(Timestamp::now());
        let status = program.status.unwrap_or(ExitStatus::Code(0));
        step!(12, "the program ended: {status}");
        self.state = State {
            status: Status::Exited,
            pid: 0,
            exit_code: status.code(),
            oom_killed: program.oom_killed(),
            finished: Some(Timestamp::now()),
            ..std::mem::take(&mut self.state)
        };
        self.tell_of_end();
        program.end()
    }

    fn tell_of_end(&self) {
        let lived = self.state.started.map_or(0, |started| Timestamp::now().duration_since(started).as_secs());
        let event = tell::event(&self.saved, "die").with("exitCode", self.state.exit_code).with("execDuration", lived);
        let oom = self.state.oom_killed.then(|| tell::event(&self.saved, "oom"));
        self.engine.journal().record(&oom.into_iter().chain([event]).collect::<Vec<_>>());
    }

    /// Who was there from the start gets the way in at once.
    fn seat(&mut self, program: &mut Program) {
        if let Some(client) = self.clients.first_mut().filter(|client| client.wants_stdin()) {
            let way_in = program.way_in();
            let _ = client.answer(&Answer::Done, way_in.as_ref().map(AsFd::as_fd));
        }
    }

    /// Waits until something can be done, and does it. Whether it was about output.
    fn turn(&mut self, mut program: Option<&mut Program>, patience: Option<Duration>) -> bool {
        let mut printed = false;
        for source in self.wait(program.as_deref(), patience) {
            match (source, program.as_deref_mut()) {
                (Source::Program, Some(program)) => {
                    // First, so that nobody new comes into the group while it is emptied.
                    self.forget_health();
                    program.reap();
                }
                (Source::Output(index), Some(program)) => {
                    printed = true;
                    self.copy(program, index);
                }
                (Source::Call, _) => {
                    let line = self.listener.as_ref().and_then(Listener::accept);
                    self.clients.extend(line.and_then(Client::greet));
                }
                (Source::Client(index), program) => {
                    let heard = self.clients[index].hear();
                    let served = heard.and_then(|(request, pipes)| self.serve(index, request, pipes, program));
                    self.clients[index].gone |= served.is_err();
                }
                (Source::Room(index), _) => {
                    printed = true;
                    self.clients[index].catch_up();
                }
                (Source::Program | Source::Output(_), None) | (Source::Probe, _) => {}
            }
        }
        if let Some(program) = program {
            program.forget_closed();
        }
        self.clients.retain_mut(|client| !client.gone && !client.is_served());
        printed
    }

    fn wait(&self, program: Option<&Program>, patience: Option<Duration>) -> Vec<Source> {
        let mut sources = Vec::with_capacity(8);
        let mut interests = Vec::with_capacity(8);
        let mut on = |source, descriptor, flags| {
            sources.push(source);
            interests.push(PollFd::new(descriptor, flags));
        };
        if let Some(program) = program {
            if let Some(end) = program.end_to_come() {
                on(Source::Program, end, PollFlags::POLLIN);
            }
            // A program that has ended is not made to wait any more.
            if program.status.is_some() || !self.clients.iter().any(Client::is_full) {
                for (index, (output, _)) in program.outputs.iter().enumerate() {
                    on(Source::Output(index), output.as_fd(), PollFlags::POLLIN);
                }
            }
        }
        for descriptor in self.monitor.iter().flat_map(Monitor::descriptors) {
            on(Source::Probe, descriptor, PollFlags::POLLIN);
        }
        if let Some(listener) = &self.listener {
            on(Source::Call, listener.as_fd(), PollFlags::POLLIN);
        }
        for (index, client) in self.clients.iter().enumerate() {
            on(Source::Client(index), client.line().as_fd(), PollFlags::POLLIN);
            for tap in client.behind() {
                on(Source::Room(index), tap, PollFlags::POLLOUT);
            }
        }
        let patience = patience.map_or(PollTimeout::NONE, |patience| {
            // Rounded up: a moment too early would be one more turn for nothing.
            PollTimeout::try_from(patience + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
        });
        match poll(&mut interests, patience) {
            Ok(_) | Err(Errno::EINTR) => {}
            // Out of memory, for a moment.
            Err(_) => return Vec::new(),
        }
        let ready = interests.iter().map(|interest| interest.any().unwrap_or(false));
        sources.into_iter().zip(ready).filter(|(_, ready)| *ready).map(|(source, _)| source).collect()
    }

    /// Copies one portion of what the program printed.
    fn copy(&mut self, program: &mut Program, index: usize) {
        let stream = program.read(index, &mut self.buffer);
        if !self.buffer.is_empty() {
            self.log.write(stream, &self.buffer, Timestamp::now());
        }
        for client in self.clients.iter_mut().filter(|_| !self.buffer.is_empty()) {
            client.gone |= client.print(stream, &self.buffer).is_err();
        }
    }

    /// Does what a client asks for, and answers. `Err` if the client is gone.
    fn serve(
        &mut self,
        index: usize,
        request: Request,
        pipes: Vec<OwnedFd>,
        program: Option<&mut Program>,
    ) -> Result<(), ()> {
        let not_running =
            || Err(Failure::new(FailureKind::Conflict, format!("container {} is not running", self.saved.id)));
        match (request, program) {
            (Request::Attach { stdout, stderr, stdin }, Some(program)) => {
                let way_in = if stdin { program.way_in() } else { None };
                let client = &mut self.clients[index];
                client.attach(stdout, stderr, pipes);
                client.answer(&Answer::Done, way_in.as_ref().map(AsFd::as_fd))
            }
            (Request::Wait, _) => {
                self.clients[index].wait();
                Ok(())
            }
            (Request::Kill { signal }, program) => {
                let result = match program {
                    Some(program) => program.signal(signal),
                    None if self.state.status == Status::Restarting => Ok(()),
                    None => not_running(),
                };
                if result.is_ok() {
                    self.state.stopped_by_hand = true;
                    self.engine.tell_with(&self.saved, "kill", "signal", signal);
                }
                self.clients[index].done(result)
            }
            (Request::Pause, Some(program)) => {
                let result = program.pause();
                if let (true, Some(monitor)) = (result.is_ok(), &mut self.monitor) {
                    monitor.pause();
                    self.state.health = self.state.health.take().map(Health::unwatched);
                }
                self.change(result, Status::Paused, index)
            }
            (Request::Unpause, Some(program)) => {
                let result = program.unpause();
                if let (true, Some(monitor), Some(health)) = (result.is_ok(), &mut self.monitor, &self.state.health) {
                    monitor.resume(health);
                }
                self.change(result, Status::Running, index)
            }
            (Request::Process, Some(program)) => self.clients[index].answer(&Answer::Done, Some(program.pidfd())),
            (Request::Reload, _) => {
                let result = self.reload();
                self.clients[index].done(result)
            }
            (_, None) => {
                let result = not_running();
                self.clients[index].done(result)
            }
        }
    }

    /// Starts a probe if it is time, and takes what came of one.
    fn look_at_health(&mut self) {
        let Some(mut monitor) = self.monitor.take() else { return };
        let mut health = self.state.health.take().unwrap_or_default();
        let start = |check: &HealthCheck| Probe::start(self.engine, (&self.saved, &self.state), check);
        let before = health.status;
        let changed = monitor.look(&mut health, start);
        if changed && health.status != before {
            self.engine.tell(&self.saved, &format!("health_status: {}", health.status.name()));
        }
        (self.monitor, self.state.health) = (Some(monitor), Some(health));
        if changed {
            self.record();
        }
    }

    /// The program has ended: a probe that runs is ended, too.
    fn forget_health(&mut self) {
        if self.monitor.take().is_some() {
            self.state.health = self.state.health.take().map(Health::unwatched);
        }
    }

    fn change(&mut self, result: Result<(), Failure>, status: Status, index: usize) -> Result<(), ()> {
        if result.is_ok() {
            self.state.status = status;
            self.record();
            self.engine.tell(&self.saved, if status == Status::Paused { "pause" } else { "unpause" });
        }
        self.clients[index].done(result)
    }

    fn reload(&mut self) -> Result<(), Failure> {
        if let Some(container) = self.store().load(&self.saved.id).map_err(|error: DiskError| Failure::from(error))? {
            self.saved = container.saved;
        }
        Ok(())
    }

    fn end_clients(&mut self) {
        let code = self.state.exit_code;
        self.clients.iter_mut().for_each(|client| client.end_with(code));
        self.clients.retain_mut(|client| !client.is_served());
    }
}

/// For the streams' type to be named in one place.
pub(crate) type Output = (OwnedFd, Stream);
