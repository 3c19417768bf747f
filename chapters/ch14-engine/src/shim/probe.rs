//! One probe of a container's health. To enter a container can take long, for what is entered is the container's own; the
//! shim must not wait. So a copy of the shim does it and ends what it has started; between the two are a line, whose end
//! tells either that the other is not interested any more, and a pipe for what the probe prints.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::fchown;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::unistd::{dup2_stderr, dup2_stdout, read};
use process::{Child, Failure, FailureKind, Spawn, relay, sys};
use runtime::Stdio;

use crate::detach::detach;
use crate::engine::Engine;
use crate::exec_plan::{ExecWish, Planned};
use crate::health::{HealthCheck, ProbeResult};
use crate::ids::new_id;
use crate::moment::go_text;
use crate::saved::{Saved, State};
use crate::users;
use crate::wire::{Answer, Line};

/// What is kept of its output, in bytes.
const KEPT: usize = 4096;
/// What is read at once. More than a pipe holds is not waited for.
const PORTION: usize = 16 * 1024;
const PORTIONS: usize = 5;
/// How long the copy may take to end what has taken too long.
const GRACE: Duration = Duration::from_secs(10);

/// A probe that runs, or is being ended.
#[derive(Debug)]
pub(super) struct Probe {
    /// As `exec` has one.
    id: String,
    copy: Child,
    line: Line,
    output: Option<OwnedFd>,
    printed: Vec<u8>,
    cut: bool,
    start: Timestamp,
    /// When it has taken too long; after that, when its copy has.
    deadline: Instant,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Runs,
    /// Nobody wants to know any more, and the copy is to end it.
    Dismissed,
    /// The copy is ended, too.
    Killed,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum News {
    /// Nothing yet.
    None,
    /// It was dismissed, and all of it is gone.
    Gone,
    /// This. It may still have to be ended.
    Result(ProbeResult),
}

impl Probe {
    /// Starts it, and does not wait until it runs.
    pub(super) fn start(
        engine: &Engine,
        (saved, state): (&Saved, &State),
        check: &HealthCheck,
    ) -> Result<Self, Failure> {
        let system = |text: &str| Failure::new(FailureKind::System, format!("start a probe: {text}"));
        let (line, theirs) = Line::pair().map_err(|error| system(&error.to_string()))?;
        let (output, writer) = relay::pipe().map_err(|error| system(&error.to_string()))?;
        fcntl(&output, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(|errno| system(errno.desc()))?;
        // It may want to open /dev/stdout again: what the host's root has made, a root of its own could not give to it.
        if !saved.record.users.is_host() {
            let root = Some(users::ids().outside);
            fchown(&writer, root, root).map_err(|error| system(&error.to_string()))?;
        }
        let id = new_id()?;
        let wish = ExecWish { args: check.args.clone(), ..ExecWish::default() };
        let pending = Spawn::new().start(|gate| -> Result<_, Failure> {
            detach(gate, &[theirs.as_fd(), writer.as_fd()])?;
            dup2_stdout(&writer).and_then(|()| dup2_stderr(&writer)).map_err(|errno| system(errno.desc()))?;
            gate.done();
            let answer = Planned::new(engine, saved, state, &wish, None).and_then(|planned| attend(&planned, &theirs));
            let _ = theirs.send(&answer.unwrap_or_else(Answer::Failed), &[]);
            sys::exit_now(0)
        })?;
        let words = check.args.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let told =
            ["exec_create", "exec_start"].map(|action| saved.event(&format!("{action}: {words}")).with("execID", &id));
        engine.journal().record(&told);
        Ok(Self {
            id,
            copy: pending.release()?,
            line,
            output: Some(output),
            printed: Vec::new(),
            cut: false,
            start: Timestamp::now(),
            deadline: Instant::now() + check.timeout(),
            phase: Phase::Runs,
        })
    }

    /// By what events tell of it.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// What to wait for.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.output.iter().map(AsFd::as_fd).chain([self.line.as_fd()])
    }

    /// How long to wait at most.
    pub(super) fn patience(&self) -> Option<Duration> {
        (self.phase != Phase::Killed).then(|| self.deadline.saturating_duration_since(Instant::now()))
    }

    /// What has come of it meanwhile.
    pub(super) fn news(&mut self, check: &HealthCheck) -> News {
        self.hear();
        match self.line.receive_now::<Answer>() {
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => self.late(check),
            _ if self.phase != Phase::Runs => News::Gone,
            answer => {
                // What it printed comes before that.
                self.hear();
                let (exit_code, output) = match answer {
                    Ok(Some((Answer::Ended { code }, _))) => (i32::from(code), self.text()),
                    Ok(Some((Answer::Failed(failure), _))) => (-1, failure.message),
                    _ => (-1, "the probe was killed".into()),
                };
                News::Result(self.result(exit_code, output))
            }
        }
    }

    fn late(&mut self, check: &HealthCheck) -> News {
        if self.deadline > Instant::now() {
            return News::None;
        }
        match self.phase {
            Phase::Runs => {
                self.dismiss();
                let limit = go_text(check.timeout());
                let text = match self.text() {
                    text if text.is_empty() => format!("Health check exceeded timeout ({limit})"),
                    text => format!("Health check exceeded timeout ({limit}): {text}"),
                };
                News::Result(self.result(-1, text))
            }
            Phase::Dismissed => {
                // It cannot be waited for: it may be in the hands of a file system that does not answer.
                let _ = self.copy.signal(Signal::SIGKILL as i32);
                self.phase = Phase::Killed;
                News::None
            }
            Phase::Killed => News::None,
        }
    }

    /// It is to be ended, and its result is not wanted.
    pub(super) fn dismiss(&mut self) {
        if self.phase == Phase::Runs {
            let _ = self.line.hang_up();
            (self.phase, self.deadline) = (Phase::Dismissed, Instant::now() + GRACE);
        }
    }

    /// Whether it is being ended.
    pub(super) fn is_dismissed(&self) -> bool {
        self.phase != Phase::Runs
    }

    fn result(&self, exit_code: i32, output: String) -> ProbeResult {
        ProbeResult { start: self.start, end: Timestamp::now(), exit_code, output }
    }

    fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.printed).into_owned();
        if self.cut { text + "..." } else { text }
    }

    /// Reads what it has printed, and keeps the beginning.
    fn hear(&mut self) {
        let mut buffer = vec![0; PORTION];
        for _ in 0..PORTIONS {
            let Some(output) = &self.output else { return };
            match read(output, &mut buffer) {
                Ok(length @ 1..) => {
                    let room = (KEPT - self.printed.len()).min(length);
                    self.printed.extend_from_slice(&buffer[..room]);
                    self.cut |= room < length;
                }
                Err(Errno::EAGAIN) => return,
                Err(Errno::EINTR) => {}
                Ok(0) | Err(_) => self.output = None,
            }
        }
    }
}

/// In the copy: starts the probe, waits for its end or the shim's word, and ends all that it has started.
fn attend(planned: &Planned, line: &Line) -> Result<Answer, Failure> {
    let mut executed = planned.exec(Stdio::Inherit).start()?;
    loop {
        let (child, _) = executed.parts();
        let mut interests = [child.as_fd(), line.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        if poll(&mut interests, PollTimeout::NONE).is_err() {
            continue;
        }
        let [ended, called] = interests.map(|interest| interest.any() == Some(true));
        if ended {
            let code = child.wait()?.code();
            executed.end()?;
            return Ok(Answer::Ended { code });
        }
        if called {
            // Dropped, it is ended.
            return Err(Failure::new(FailureKind::System, "the probe is not wanted any more"));
        }
    }
}
