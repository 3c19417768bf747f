//! `exec -it`: somebody types into another process, and may leave it to itself by the detach keys.
//!
//! A process ends with its parent here, so its parent must not be the command that may leave: a keeper is, a copy of the
//! command. The command has the terminal; when it says that it leaves, the keeper reads what is printed, and waits. A
//! command that ends without a word is gone, and what it has started ends.

use std::convert::Infallible;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::read;
use process::relay::{self, Pump, RelayError, Resize, Stream};
use process::signals::{Forwarded, Proxy};
use process::{DetachKeys, ExitStatus, Failure, Spawn, pty, sys};
use runtime::{Executed, Stdio};
use serde::{Deserialize, Serialize};

use crate::attach::{AttachError, Remote};
use crate::detach::detach;
use crate::exec_plan::Planned;
use crate::wire::{Answer, Line};

/// What is read at once of what nobody wants to see.
const PORTION: usize = 16 * 1024;

/// What the command says to the keeper.
#[derive(Debug, Serialize, Deserialize)]
enum Word {
    /// It leaves, and the program stays.
    Leave,
}

/// How it went.
pub(crate) enum Left {
    /// The program has ended.
    Ended(ExitStatus),
    /// The keys were typed.
    Detached,
}

/// Runs it, and stays until it ends or the keys are typed. `ended` is told in the keeper, whoever is there by then.
///
/// # Errors
/// [`Failure`].
pub(crate) fn exec(planned: &Planned, keys: DetachKeys, ended: impl Fn(ExitStatus)) -> Result<Left, Failure> {
    // Before there is anything that could get them: a signal that comes in between then waits.
    let signals = Forwarded::block(Proxy::Never).map_err(AttachError::Signals)?;
    let (line, theirs) = Line::pair().map_err(|error| AttachError::Open(error.into()))?;
    let pending = Spawn::new().start(|gate| -> Result<Infallible, Failure> {
        detach(gate, &[theirs.as_fd()])?;
        let mut executed = planned.exec(Stdio::Terminal).start()?;
        let terminal = std::mem::take(&mut executed.ends).terminal;
        let descriptors: Vec<_> = terminal.iter().map(AsFd::as_fd).collect();
        theirs.send(&Answer::Done, &descriptors).map_err(|error| AttachError::Open(error.into()))?;
        gate.done();
        keep(executed, Some(&theirs), terminal.as_ref(), ended);
        sys::exit_now(0)
    })?;
    // The other end is the keeper's alone: its end must be heard.
    drop(theirs);
    pending.release()?.leave();
    let master = match line.receive::<Answer>() {
        Ok(Some((Answer::Done, descriptors))) => descriptors.into_iter().next(),
        Ok(_) => None,
        Err(error) => return Err(AttachError::Open(error.into()).into()),
    };
    type_into(&master.ok_or(RelayError::Lost)?, line, keys, &signals)
}

fn type_into(master: &OwnedFd, line: Line, keys: DetachKeys, signals: &Forwarded) -> Result<Left, Failure> {
    let own = |stream: io::Result<OwnedFd>| stream.map_err(AttachError::Open);
    let (stdin, stdout) = (io::stdin(), io::stdout());
    let mut pumps = [
        Pump::output(own(master.try_clone())?, own(stdout.as_fd().try_clone_to_owned())?, Stream::Stdout),
        Pump::input(own(stdin.as_fd().try_clone_to_owned())?, own(master.try_clone())?).until(keys),
    ];
    pty::copy_window_size(stdin.as_fd(), master.as_fd());
    let resize = Some(Resize { from: stdin.as_fd(), to: master.as_fd() });
    // Dropped whatever happens: the terminal outside is then as it was.
    let raw = pty::RawMode::enter(stdin.as_fd()).ok();
    let mut remote = Remote(line);
    let attended = relay::run(&mut remote, signals, &mut pumps, resize, || {});
    drop(raw);
    match attended {
        Ok(status) => Ok(Left::Ended(status)),
        Err(RelayError::Detached) => {
            let _ = remote.0.send(&Word::Leave, &[]);
            // Where that cannot be written there is nobody left to tell.
            let _ = writeln!(io::stderr(), "read escape sequence");
            Ok(Left::Detached)
        }
        Err(error) => Err(error.into()),
    }
}

/// In the keeper: until the program ends, or the command at the other end of `line` does without having left.
pub(crate) fn keep(
    mut executed: Executed,
    mut line: Option<&Line>,
    mut terminal: Option<&OwnedFd>,
    ended: impl Fn(ExitStatus),
) {
    let command = line;
    loop {
        let (child, part) = executed.parts();
        let mut interests = vec![PollFd::new(child.as_fd(), PollFlags::POLLIN)];
        let other = line.map(AsFd::as_fd).or(terminal.map(AsFd::as_fd));
        interests.extend(other.map(|other| PollFd::new(other, PollFlags::POLLIN)));
        if poll(&mut interests, PollTimeout::NONE).is_err() {
            continue;
        }
        let ready: Vec<bool> = interests.iter().map(|interest| interest.any().unwrap_or(false)).collect();
        if ready[0] {
            let status = child.wait().unwrap_or(ExitStatus::Code(process::ENGINE_FAILED));
            // What it has left running would hold the terminal open.
            let _ = part.map(cgroups::Cgroup::kill);
            let _ = command.map(|command| command.send(&Answer::Ended { code: status.code() }, &[]));
            let _ = executed.end();
            ended(status);
            return;
        }
        if ready.get(1) != Some(&true) {
            continue;
        }
        match (line, terminal) {
            (Some(command), _) => match command.receive_now::<Word>() {
                Ok(Some((Word::Leave, _))) => line = None,
                // Dropped, it is ended.
                _ => return,
            },
            // Nobody sees it. Unread, it would stop the program in the end. A terminal that nobody has open any more is
            // readable for ever.
            (None, Some(master)) if matches!(read(master, &mut [0; PORTION]), Ok(0) | Err(Errno::EIO)) => {
                terminal = None;
            }
            (None, _) => {}
        }
    }
}
