//! `create` and `run`.

use std::fs;
use std::path::Path;

use process::signals::{Forwarded, Proxy};
use process::{Failure, FailureKind};
use runtime::spec::{Bundle, Spec};
use runtime::{Containers, Entry, Request, Running, attend};

use crate::cli::{Create, Run, refused};
use crate::log::Log;
use crate::{console, preserved};

pub(crate) fn create(containers: &Containers, log: &Log, wish: &Create) -> Result<(), Failure> {
    let preserved = preserved::check(wish.preserve_fds)?;
    let (entry, running) = make(containers, log, wish, preserved, Waits::ForStart)?;
    hand_over(entry, running, wish)
}

pub(crate) fn run(containers: &Containers, log: &Log, wish: &Run) -> Result<u8, Failure> {
    let preserved = preserved::check(wish.create.preserve_fds)?;
    if wish.detach {
        let (entry, running) = make(containers, log, &wish.create, preserved, Waits::Detached)?;
        return hand_over(entry, running, &wish.create).map(|()| 0);
    }
    // Before the child exists: a signal that comes in between then waits for it.
    let signals = Forwarded::block(Proxy::Always)
        .map_err(|errno| Failure::new(FailureKind::System, format!("block signals: {errno}")))?;
    let (entry, running) = make(containers, log, &wish.create, preserved, Waits::Attended)?;
    if let Err(failure) = console::write_pid(wish.create.pid_file.as_deref(), running.child().pid()) {
        drop(running);
        entry.delete(true)?;
        return Err(failure);
    }
    let ended = attend::follow(running, true, &signals);
    match (&ended, wish.keep) {
        (Ok(_), true) => {}
        _ => entry.delete(true)?,
    }
    Ok(ended?.0.code())
}

/// Who does what when the container is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    /// The program waits for `start`.
    ForStart,
    /// Nobody waits.
    Detached,
    /// We wait for the program.
    Attended,
}

fn make(
    containers: &Containers,
    log: &Log,
    wish: &Create,
    preserved: i32,
    waits: Waits,
) -> Result<(Entry, Running), Failure> {
    if wish.no_pivot {
        return Err(refused("--no-pivot", "a chroot can be left by who is root in it"));
    }
    let detached = waits != Waits::Attended;
    let (bundle, mut spec) = load(&wish.bundle, log)?;
    let terminal = spec.process.as_ref().is_some_and(|process| process.terminal);
    let stdio = console::streams(terminal, detached, wish.console_socket.as_deref())?;
    if let Some(process) = &mut spec.process {
        process.env.extend(preserved::variables());
    }
    let request = Request {
        id: &wish.id,
        bundle: &bundle,
        spec,
        stdio,
        attached: !detached,
        waits: waits == Waits::ForStart,
        preserved,
        keep_keyring: wish.no_new_keyring,
    };
    Ok(containers.create(&request)?)
}

fn load(bundle: &Path, log: &Log) -> Result<(std::path::PathBuf, Spec), Failure> {
    let found = fs::canonicalize(bundle).map_err(|error| {
        let kind = FailureKind::from(&error);
        Failure::new(kind, format!("chdir {}: {}", bundle.display(), reason(&error)))
    })?;
    let Bundle { spec, warnings } = Bundle::load(&found)?;
    for warning in &warnings {
        log.warning(warning);
    }
    Ok((found, spec))
}

/// Without Rust's number behind it.
fn reason(error: &std::io::Error) -> String {
    let errno = nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or_default());
    errno.desc().to_lowercase()
}

/// Leaves the container to whoever supervises us.
fn hand_over(entry: Entry, mut running: Running, wish: &Create) -> Result<(), Failure> {
    let terminal = running.ends.terminal.take();
    let handed = console::send(wish.console_socket.as_deref(), terminal)
        .and_then(|()| console::write_pid(wish.pid_file.as_deref(), running.child().pid()));
    if handed.is_err() {
        drop(running);
        entry.delete(true)?;
        return handed;
    }
    running.leave();
    Ok(())
}
