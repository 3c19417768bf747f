//! What the shim does while something lives: it waits until something can be done, and does it. It copies what is printed,
//! answers who calls, and looks after the probes; it has no thread, and waits in one place only.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use jiff::Timestamp;
use layers::DiskError;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use process::{Child, Failure, FailureKind, step};

use super::clients::Client;
use super::door::Door;
use super::monitor::Monitor;
use super::program::Program;
use crate::engine::Engine;
use crate::health::Health;
use crate::log::LogWriter;
use crate::saved::{Saved, State, Status};
use crate::store::Store;
use crate::wire::{Answer, Request};

/// What one shim knows.
pub(super) struct Shim<'a> {
    pub(super) engine: &'a Engine,
    pub(super) saved: Saved,
    pub(super) state: State,
    pub(super) door: Option<Door>,
    pub(super) clients: Vec<Client>,
    pub(super) log: LogWriter,
    pub(super) monitor: Option<Monitor>,
    /// Clears up after the last life, before the next may begin.
    pub(super) cleaner: Option<Child>,
    pub(super) buffer: Vec<u8>,
    /// Whether the container is to go when its program has ended, whatever was wished for at its start.
    pub(super) remove: bool,
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
    /// What a life has left is gone.
    Cleaner,
}

impl Shim<'_> {
    pub(super) fn store(&self) -> &Store {
        self.engine.store()
    }

    /// A disk that is full must not end a container: what was recorded before stays, and the next time may be better.
    pub(super) fn record(&self) {
        if let Err(error) = self.store().write_state(&self.saved, &self.state) {
            step!(14, "the state is not recorded: {error}");
        }
    }

    /// Who was there from the start gets the way in at once.
    pub(super) fn seat(&mut self, program: &mut Program) {
        if let Some(client) = self.clients.first_mut().filter(|client| client.wants_stdin()) {
            let way_in = program.way_in();
            let _ = client.answer(&Answer::Done, way_in.as_ref().map(AsFd::as_fd));
        }
    }

    /// Waits until something can be done, and does it. Whether it was about output.
    pub(super) fn turn(&mut self, mut program: Option<&mut Program>, patience: Option<Duration>) -> bool {
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
                    if let Some(door) = &mut self.door {
                        door.answer(&mut self.clients);
                    }
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
                (Source::Cleaner, _) => self.finish_clearing(),
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
        if let Some(cleaner) = &self.cleaner {
            on(Source::Cleaner, cleaner.as_fd(), PollFlags::POLLIN);
        }
        if let Some(door) = self.door.as_ref().and_then(|door| door.descriptor(self.clients.len())) {
            on(Source::Call, door, PollFlags::POLLIN);
        }
        for (index, client) in self.clients.iter().enumerate() {
            on(Source::Client(index), client.line().as_fd(), PollFlags::POLLIN);
            for tap in client.behind() {
                on(Source::Room(index), tap, PollFlags::POLLOUT);
            }
        }
        let patience = self.clients.iter().filter_map(Client::stops_in).chain(patience).min();
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
        if self.buffer.is_empty() {
            return;
        }
        let home = self.engine.store().home(&self.saved.id);
        for client in &mut self.clients {
            client.gone |= client.print(stream, &self.buffer, &home).is_err();
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
                let result = self.kill(program, signal);
                self.clients[index].done(result)
            }
            (Request::Remove, program) => {
                let result = self.kill(program, Signal::SIGKILL as i32);
                self.remove |= result.is_ok();
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
                let result = self.not_running();
                self.clients[index].done(result)
            }
        }
    }

    fn not_running(&self) -> Result<(), Failure> {
        Err(Failure::new(FailureKind::Conflict, format!("container {} is not running", self.saved.id)))
    }

    /// A signal for the program, which then does not come back by itself.
    fn kill(&mut self, program: Option<&mut Program>, signal: i32) -> Result<(), Failure> {
        match program {
            Some(program) => program.signal(signal)?,
            None if self.state.status == Status::Restarting => {}
            None => self.not_running()?,
        }
        self.state.stopped_by_hand = true;
        self.engine.tell_with(&self.saved, "kill", "signal", signal);
        Ok(())
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

    /// Waits until all is gone that the last life has left.
    pub(super) fn finish_clearing(&mut self) {
        if let Some(mut cleaner) = self.cleaner.take() {
            let _ = cleaner.wait();
        }
    }

    pub(super) fn end_clients(&mut self) {
        let code = self.state.exit_code;
        self.clients.iter_mut().for_each(|client| client.end_with(code));
        self.clients.retain_mut(|client| !client.is_served());
    }
}
