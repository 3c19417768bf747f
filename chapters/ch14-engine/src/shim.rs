//! The shim: one small process for each container that lives. It is the program's parent, so it is told of the end; it
//! copies what the program prints to the log and to whoever listens; it answers commands; and when all is over it records
//! how, and clears up.
//!
//! It is a copy of the command that started the container, and goes on without it: it has a session of its own, the
//! control group of all shims, and nothing of what the command had open. It waits in `poll(2)` and does nothing until something happens.

mod clients;
mod door;
mod health;
mod monitor;
mod probe;
mod program;
mod spill;
mod tap;
mod turn;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use layers::{DiskError, Held, remove_all};
use nix::sys::signal::{SigSet, Signal};
use process::{ExitStatus, Failure, FailureKind, Gate, Identity, step, sys};
use runtime::Text;
use runtime::spec::ConsoleSize;

use self::clients::Client;
pub(crate) use self::clients::Seat;
use self::door::Door;
use self::monitor::Monitor;
use self::program::{Program, Remains};
use self::turn::Shim;
use crate::detach::detach;
use crate::engine::Engine;
use crate::health::Health;
use crate::launch::{self, Launched};
use crate::log::{LogWriter, Origin};
use crate::restart::{BackOff, Decision};
use crate::saved::{Saved, State, Status};
use crate::wire::Listener;

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
    detach(gate, &kept)?;
    let blocked = NOT_FOR_US.into_iter().collect::<SigSet>().thread_block();
    let listener = Listener::open(life.mark());
    let (Ok(()), Ok(listener)) = (blocked, listener) else {
        return Err(Failure::new(FailureKind::System, "the shim cannot listen"));
    };
    let clients = seat.map(Client::seated).into_iter().collect();
    let log = log_of(engine, &saved);
    let mut shim = Shim {
        engine,
        saved,
        state,
        door: Some(Door::new(listener)),
        clients,
        log,
        monitor: None,
        cleaner: None,
        buffer: Vec::new(),
        remove: false,
    };
    match shim.start(console) {
        Ok(launched) => {
            gate.done();
            shim.live(Some(launched), BackOff::default(), life)
        }
        Err(failure) if shim.state.status == Status::Restarting => {
            shim.fail(failure);
            gate.done();
            shim.insist(life)
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
    fn start(&mut self, console: Option<ConsoleSize>) -> Result<Launched, Failure> {
        let launched = launch::launch(self.engine, &self.saved, console)?;
        process::fault!("record a start")
            .map_err(DiskError::at("record the start of", self.store().home(&self.saved.id)))?;
        let Identity { pid, start_time } = Identity::of(launched.running.child().pid())?;
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
        Ok(launched)
    }

    /// One life after the other, as the restart policy has it.
    fn live(mut self, first: Option<Launched>, mut back_off: BackOff, life: Held) -> ! {
        let mut next = first;
        let left = loop {
            let Some(launched) = next else { break None };
            let born = Instant::now();
            let remains = self.attend(launched);
            if back_off.decide(&self.saved.create.host.restart_policy, &self.state, born.elapsed()) == Decision::End {
                break Some(remains);
            }
            self.state.status = Status::Restarting;
            self.record();
            self.end_clients();
            self.cleaner = remains.clear_aside(life.mark()).ok();
            next = self.start_again(&mut back_off);
        };
        self.bury(life, left);
        // Who is slow to read has all the time: nothing but this process waits.
        while !self.clients.is_empty() {
            self.turn(None, None);
        }
        sys::exit_now(0)
    }

    /// After a boot, one that did not start is not given up: what it needs may be late.
    fn insist(mut self, life: Held) -> ! {
        let mut back_off = BackOff::default();
        let policy = &self.saved.create.host.restart_policy;
        let again = back_off.decide(policy, &self.state, Duration::ZERO) == Decision::Restart;
        let first = if again { self.start_again(&mut back_off) } else { None };
        self.live(first, back_off, life)
    }

    /// Why it did not start, for those who ask.
    fn fail(&mut self, failure: Failure) {
        self.state.exit_code = failure.exit_code();
        self.state.error = failure.message;
        self.record();
    }

    /// The end for good: who waits is told before what the container leaves is removed.
    fn bury(&mut self, life: Held, remains: Option<Remains>) {
        if self.state.status.is_alive() {
            self.state.status = Status::Exited;
        }
        let settled = self.settle();
        step!(14, "who waits is told; then what is left is removed");
        self.end_clients();
        let _ = process::fault!("remove what is left");
        self.door = None;
        let settled = settled.map(|left| left.map(|path| remove_all(&path)));
        // Last, and before the next life may begin: a directory can be written to by one overlay at a time.
        self.finish_clearing();
        if let Some(remains) = remains {
            remains.clear();
        }
        match settled {
            Ok(_) => {
                let _ = self.store().end_life(life);
            }
            // Whoever finds the directory of its life without a shim does it: the disk may have room by then.
            Err(error) => step!(14, "its end is not recorded: {error}"),
        }
    }

    /// Records how it ended; what is not to outlive its end is taken out of sight, and returned to be removed.
    fn settle(&mut self) -> Result<Option<PathBuf>, DiskError> {
        process::fault!("record an end").map_err(DiskError::at("record the end of", &self.saved.id))?;
        if !(self.remove || self.saved.is_temporary()) {
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

    /// Waits until all is clear, and for the time that the policy demands, and starts the program again; `None` if somebody wants it to stay as it
    /// is, or it cannot be started often enough.
    fn start_again(&mut self, back_off: &mut BackOff) -> Option<Launched> {
        loop {
            let until = Instant::now() + back_off.pause();
            loop {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() && self.cleaner.is_none() {
                    break;
                }
                self.turn(None, Some(left).filter(|left| !left.is_zero()));
                if self.state.stopped_by_hand {
                    return None;
                }
            }
            self.state.restarts += 1;
            match self.start(None) {
                Ok(launched) => return Some(launched),
                Err(failure) => {
                    self.fail(failure);
                    let policy = &self.saved.create.host.restart_policy;
                    if back_off.decide(policy, &self.state, Duration::ZERO) == Decision::End {
                        return None;
                    }
                }
            }
        }
    }

    /// Looks after the program until it has ended and all that it printed is read.
    fn attend(&mut self, launched: Launched) -> Remains {
        let mut program = Program::new(launched, &self.saved);
        self.seat(&mut program);
        self.drain(&mut program);
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

    /// Returns when the program has ended and all that it printed is read, as far as it can be.
    // ANCHOR: drain
    fn drain(&mut self, program: &mut Program) {
        // ANCHOR: ex_drain
        let mut silent_since = Instant::now();
        while program.status.is_none() || !program.outputs.is_empty() {
            let left = SILENCE.saturating_sub(silent_since.elapsed());
            if program.status.is_some() && left.is_zero() {
                break;
            }
            if self.look_after(program, left) {
                silent_since = Instant::now();
            }
        }
        // ANCHOR_END: ex_drain
    }
    // ANCHOR_END: drain

    /// Waits until something can be done, and does it: as long as it takes, or, when the program has ended, for `left` at
    /// most. Whether something was read, or the program has just ended.
    fn look_after(&mut self, program: &mut Program, left: Duration) -> bool {
        let had_ended = program.status.is_some();
        let patience = if had_ended { Some(left) } else { self.monitor.as_ref().and_then(Monitor::patience) };
        let printed = self.turn(Some(program), patience);
        self.look_at_health();
        (printed && !program.is_long_over()) || program.status.is_some() != had_ended
    }

    fn tell_of_end(&self) {
        let oom = self.state.oom_killed.then(|| self.saved.event("oom"));
        let end = self.saved.event_of_end(&self.state);
        self.engine.journal().record(&oom.into_iter().chain([end]).collect::<Vec<_>>());
    }
}

#[cfg(test)]
mod tests;
