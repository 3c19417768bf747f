//! `exec`: another process in a container that runs. It is a child of this command and ends with it: there is no shim for it.
//! Whoever types into it may leave it to itself, though: see [`crate::exec_terminal`].

use std::convert::Infallible;

use process::signals::Proxy;
use process::{DetachKeys, ExitStatus, Failure, FailureKind, Spawn, sys};
use runtime::spec::ConsoleSize;
use runtime::{Stdio, attend};

use crate::attach;
use crate::detach::detach;
use crate::engine::Engine;
use crate::exec_plan::{ExecWish, ExecWishError, Planned};
use crate::exec_terminal::{self, Left};
use crate::saved::{Saved, Status};

impl Engine {
    /// Runs another process in the container, in the foreground, until it ends, or somebody types `keys` who types into a
    /// terminal of it; no keys are docker's.
    ///
    /// # Errors
    /// [`Failure`], with docker's exit code.
    pub fn exec(&self, name: &str, wish: &ExecWish, keys: &str) -> Result<ExitStatus, Failure> {
        if wish.terminal && wish.interactive && !std::io::IsTerminal::is_terminal(&std::io::stdin()) {
            return Err(ExecWishError::NoTty.into());
        }
        let console = if wish.terminal { attach::console_size() } else { None };
        let keys = self.detach_keys(name, keys)?;
        let (saved, planned) = self.plan_exec(name, wish, console)?;
        if wish.terminal && wish.interactive {
            let ended = |status| self.tell_of_exec_end(&saved, &planned, status);
            return match exec_terminal::exec(&planned, keys, ended)? {
                Left::Ended(status) => Ok(status),
                Left::Detached => {
                    self.journal().record(&[saved.event("exec_detach").with("execID", &planned.id)]);
                    Ok(ExitStatus::Code(FailureKind::Caller.exit_code()))
                }
            };
        }
        let stdio = if wish.terminal { Stdio::Terminal } else { Stdio::Pipes { input: wish.interactive } };
        let status = attend::exec(planned.exec(stdio), wish.interactive, Proxy::Never)?;
        self.tell_of_exec_end(&saved, &planned, status);
        Ok(status)
    }

    /// The same in the background: what it prints goes nowhere. Returns when it runs.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn exec_detached(&self, name: &str, wish: &ExecWish) -> Result<(), Failure> {
        let (saved, planned) = self.plan_exec(name, wish, None)?;
        let pending = Spawn::new().start(|gate| -> Result<Infallible, Failure> {
            detach(gate, &[])?;
            // The null device now; a terminal's other side is ours.
            let stdio = if wish.terminal { Stdio::Terminal } else { Stdio::Inherit };
            let mut executed = planned.exec(stdio).start()?;
            gate.done();
            let terminal = std::mem::take(&mut executed.ends).terminal;
            let ended = |status| self.tell_of_exec_end(&saved, &planned, status);
            exec_terminal::keep(executed, None, terminal.as_ref(), ended);
            sys::exit_now(0)
        })?;
        pending.release()?.leave();
        Ok(())
    }

    /// As docker's daemon reads them: when it has found the container.
    fn detach_keys(&self, name: &str, keys: &str) -> Result<DetachKeys, Failure> {
        if keys.is_empty() {
            return Ok(DetachKeys::default());
        }
        self.find(name)?;
        Ok(keys.parse().map_err(|_| ExecWishError::Keys(keys.into()))?)
    }

    fn plan_exec(
        &self,
        name: &str,
        wish: &ExecWish,
        console: Option<ConsoleSize>,
    ) -> Result<(Saved, Planned), Failure> {
        let container = self.find(name)?;
        let id = container.saved.id.clone();
        match container.state.status {
            Status::Running => {}
            Status::Paused => return Err(ExecWishError::Paused(id).into()),
            Status::Restarting => return Err(ExecWishError::Restarting(id).into()),
            Status::Created | Status::Exited => return Err(ExecWishError::NotRunning(id).into()),
        }
        let planned = Planned::new(self, &container.saved, &container.state, wish, console)?;
        let words: Vec<String> = wish.args.iter().map(ToString::to_string).collect();
        let told = ["exec_create", "exec_start"].map(|action| {
            let action = format!("{action}: {}", words.join(" "));
            container.saved.event(&action).with("execID", &planned.id)
        });
        self.journal().record(&told);
        Ok((container.saved, planned))
    }

    fn tell_of_exec_end(&self, saved: &Saved, planned: &Planned, status: ExitStatus) {
        let event = saved.event("exec_die").with("execID", &planned.id).with("exitCode", status.code());
        self.journal().record(&[event]);
    }
}
