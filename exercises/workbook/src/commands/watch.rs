//! `cargo wb watch`: judges the current exercise again whenever a file of a chapter changes.

use std::io::{IsTerminal, Write, stdout};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};

use crate::changes::Changes;
use crate::commands::{hint, list};
use crate::exercise::Exercise;
use crate::keys::{self, Key};
use crate::learner::{self, Judged, Learner};
use crate::outcome::Outcome;
use crate::render::{self, BOLD, DIM};
use crate::running::Running;
use crate::terminal::Status;

/// An editor saves in several steps; a pause this long means that it is done.
const PAUSE: Duration = Duration::from_millis(150);

/// What can happen.
enum Event {
    Changed,
    Pressed(Key),
    Judged(Judged),
}

pub(crate) fn run() -> Result<ExitCode> {
    let learner = Learner::open()?;
    let (sender, receiver) = channel();
    let changed = sender.clone();
    let changes = Changes::watch(&learner.workspace.root().join("chapters"), move || {
        // Nobody listens only when we are about to end.
        let _ = changed.send(Event::Changed);
    })?;
    let raw = keys::Raw::enter()?;
    if raw.is_some() {
        let pressed = sender.clone();
        thread::spawn(move || keys::read(|key| pressed.send(Event::Pressed(key)).is_ok()));
    }
    let Some(exercise) = learner.current().cloned() else {
        drop(raw);
        crate::terminal::say("Everything is passed. `cargo wb list` shows it.\n");
        return Ok(ExitCode::SUCCESS);
    };
    let mut watch = Watch {
        learner,
        exercise,
        running: Running::default(),
        sender,
        work: Work::Nothing,
        passed: false,
        raw: raw.is_some(),
        polling: changes.is_polling(),
    };
    watch.start();
    watch.follow(&receiver)?;
    watch.running.cancel();
    // The terminal is as it was before anything else is printed.
    drop(raw);
    Ok(ExitCode::SUCCESS)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    Nothing,
    Judging,
    /// Something changed while a judgement was under way.
    JudgingAndStale,
}

struct Watch {
    learner: Learner,
    exercise: Exercise,
    running: Running,
    sender: Sender<Event>,
    work: Work,
    /// Whether the exercise is done, so that the next may come.
    passed: bool,
    raw: bool,
    polling: bool,
}

impl Watch {
    /// Handles what happens, until the learner quits.
    fn follow(&mut self, events: &Receiver<Event>) -> Result<()> {
        loop {
            let mut event = events.recv().map_err(|_| anyhow!("the watcher ended by itself"))?;
            if matches!(event, Event::Changed) {
                event = loop {
                    match events.recv_timeout(PAUSE) {
                        Ok(Event::Changed) => {}
                        Ok(other) => {
                            self.judge_again();
                            break other;
                        }
                        Err(RecvTimeoutError::Timeout) => break Event::Changed,
                        Err(RecvTimeoutError::Disconnected) => return Err(anyhow!("the watcher ended by itself")),
                    }
                };
            }
            match event {
                Event::Changed => self.judge_again(),
                Event::Judged(judged) => self.judged(&judged)?,
                Event::Pressed(Key::Quit) => return Ok(()),
                Event::Pressed(key) => self.pressed(key)?,
            }
        }
    }

    fn judge_again(&mut self) {
        match self.work {
            Work::Nothing => self.start(),
            Work::Judging | Work::JudgingAndStale => {
                self.work = Work::JudgingAndStale;
                // What is judged now is what nobody wants any more; it may even hang.
                self.running.cancel();
            }
        }
    }

    /// Judges on another thread, so that keys are heard meanwhile.
    fn start(&mut self) {
        self.work = Work::Judging;
        self.running = Running::default();
        let (workspace, catalogue) = (Arc::clone(&self.learner.workspace), Arc::clone(&self.learner.catalogue));
        let exercise = self.exercise.clone();
        let (running, sender) = (self.running.clone(), self.sender.clone());
        thread::spawn(move || {
            let judged = learner::judge(&workspace, &catalogue, &exercise, &running, &Status::new());
            // Nobody listens only when we are about to end.
            let _ = sender.send(Event::Judged(judged));
        });
    }

    fn judged(&mut self, judged: &Judged) -> Result<()> {
        if std::mem::replace(&mut self.work, Work::Nothing) == Work::JudgingAndStale {
            self.start();
            return Ok(());
        }
        self.passed = matches!(judged.outcome, Outcome::Passed { .. } | Outcome::Skipped { .. });
        self.learner.note(&self.exercise.id, judged)?;
        self.draw(&self.learner.report(&self.exercise, judged));
        Ok(())
    }

    fn pressed(&mut self, key: Key) -> Result<()> {
        match key {
            Key::List => {
                self.draw(&list::table(&self.learner.workspace, &self.learner.catalogue, &self.learner.progress));
            }
            Key::Hint => {
                let id = self.exercise.id.clone();
                let level = hint::next_level(self.learner.progress.get(&id).hints);
                self.learner.progress.set_hints(&id, level)?;
                self.draw(&hint::text(&self.exercise, level));
            }
            Key::Next if self.passed && self.work == Work::Nothing => match self.learner.current().cloned() {
                Some(next) => {
                    self.exercise = next;
                    self.passed = false;
                    self.start();
                }
                None => self.draw("Everything is passed.\n"),
            },
            Key::Next => self.draw("This one is not passed yet: `n` goes on when it is.\n"),
            Key::Quit => {}
        }
        Ok(())
    }

    /// Shows `text` on an empty screen, with the keys below.
    fn draw(&self, text: &str) {
        let keys = if self.raw { "h hint · l list · n next · q quit" } else { "Ctrl-C ends it" };
        let how = if self.polling { "looking for changes every second" } else { "waiting for changes" };
        let foot = format!("{how} in chapters/ · {keys}");
        let body = format!("{text}\n{} {}\n", render::paint(BOLD, "watch:"), render::paint(DIM, &foot));
        let mut out = anstream::stdout().lock();
        // A raw terminal does not go back to the first column by itself.
        let body = if self.raw { body.replace('\n', "\r\n") } else { body };
        if self.raw && stdout().is_terminal() {
            let _ = stdout().write_all(b"\x1b[2J\x1b[3J\x1b[H");
        }
        let _ = out.write_all(body.as_bytes()).and_then(|()| out.flush());
    }
}
