//! `exec`.

use std::path::Path;

use confinement::Capability;
use process::signals::{Forwarded, Proxy};
use process::{Failure, FailureKind};
use runtime::attend;
use runtime::spec::{Bundle, Process};
use runtime::{Containers, Exec, RuntimeError, Text};
use serde_json::{Value, json};

use crate::cli::{self, invalid, refused};
use crate::log::Log;
use crate::{console, preserved};

pub(crate) fn exec(containers: &Containers, log: &Log, wish: &cli::Exec) -> Result<u8, Failure> {
    run(containers, log, wish)
        .map_err(|failure| Failure { message: format!("exec failed: {}", failure.message), ..failure })
}

fn run(containers: &Containers, log: &Log, wish: &cli::Exec) -> Result<u8, Failure> {
    if wish.cgroup.as_deref().is_some_and(|path| !path.is_empty()) {
        return Err(refused("--cgroup", "the process is in the container's own group"));
    }
    let preserved = preserved::check(wish.preserve_fds)?;
    let entry = containers.find(&wish.id)?;
    let process = process(wish, log, entry.record.spec.process.clone().unwrap_or_default())?;
    let init = entry.init().ok_or(RuntimeError::Stopped)?;
    let detached = wish.detach || wish.console_socket.is_some();
    let exec = Exec {
        init,
        spec: &entry.record.spec,
        cgroup: &entry.record.cgroup,
        process: &process,
        stdio: console::streams(process.terminal, detached, wish.console_socket.as_deref())?,
        cache: None,
        attached: !wish.detach,
        part: None,
        watched: false,
        preserved,
        state: Some(entry.state()),
    };
    // Before the child exists: a signal that comes in between then waits for it.
    let signals = (!detached)
        .then(|| Forwarded::block(Proxy::Always))
        .transpose()
        .map_err(|errno| Failure::new(FailureKind::System, format!("block signals: {errno}")))?;
    let mut executed = exec.start().map_err(told)?;
    if let Some(signals) = signals {
        console::write_pid(wish.pid_file.as_deref(), executed.child().pid())?;
        return Ok(attend::follow_exec(executed, true, &signals)?.code());
    }
    console::send(wish.console_socket.as_deref(), executed.ends.terminal.take())?;
    console::write_pid(wish.pid_file.as_deref(), executed.child().pid())?;
    if wish.detach {
        executed.leave();
        return Ok(0);
    }
    let status = executed.parts().0.wait()?;
    Ok(status.code())
}

/// In runc's words, which tell a program that does not start from everything else.
fn told(error: RuntimeError) -> Failure {
    let inside = matches!(error, RuntimeError::Spawn(_));
    let failure = Failure::from(error);
    let message = format!("{}{}", if inside { "unable to start container process: " } else { "" }, failure.message);
    Failure { message, ..failure }
}

/// From the file, or the container's own with what the flags say.
fn process(wish: &cli::Exec, log: &Log, own: Process) -> Result<Process, Failure> {
    if let Some(file) = &wish.process {
        return read(file, log);
    }
    if wish.command.is_empty() {
        return Err(invalid("process args cannot be empty"));
    }
    let mut process = Process { args: wish.command.iter().cloned().map(Text::from).collect(), ..own };
    process.terminal = wish.tty;
    process.console_size = None;
    if let Some(cwd) = &wish.cwd {
        process.cwd.clone_from(cwd);
    }
    process.env.extend(wish.env.iter().cloned().map(Text::from));
    process.no_new_privileges |= wish.no_new_privs;
    // An empty one is none that was given: it takes nothing away that the container has.
    let given = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
    process.apparmor_profile = given(&wish.apparmor).unwrap_or(process.apparmor_profile);
    process.selinux_label = given(&wish.process_label).unwrap_or(process.selinux_label);
    if let Some(user) = &wish.user {
        let (uid, gid) = user.split_once(':').map_or((user.as_str(), None), |(uid, gid)| (uid, Some(gid)));
        let number = |text: &str| text.parse().map_err(|_| invalid(format!("parsing {text} as int for uid failed")));
        process.user.uid = number(uid)?;
        if let Some(gid) = gid {
            process.user.gid = number(gid)?;
        }
    }
    process.user.additional_gids.extend(&wish.additional_gids);
    let more = wish.cap.iter().map(|name| name.parse::<Capability>()).collect::<Result<Vec<_>, _>>()?;
    if !more.is_empty() {
        let sets = process.capabilities.get_or_insert_default();
        for set in [&mut sets.bounding, &mut sets.effective, &mut sets.permitted] {
            *set = set.iter().chain(more.iter().copied()).collect();
        }
    }
    Ok(process)
}

/// As carefully as a whole description: what asks for what we do not do is refused.
fn read(file: &Path, log: &Log) -> Result<Process, Failure> {
    let failed = |error: &dyn std::fmt::Display| invalid(format!("{}: {error}", file.display()));
    let text = runtime::spec::read_bounded(file).map_err(|error| failed(&error))?;
    let process: Value = serde_json::from_slice(&text).map_err(|error| failed(&error))?;
    let whole = json!({ "process": process }).to_string();
    let Bundle { spec, warnings } = Bundle::from_json(file, whole.as_bytes())?;
    for warning in &warnings {
        log.warning(warning);
    }
    spec.process.ok_or_else(|| failed(&"no process"))
}
