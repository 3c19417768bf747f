//! The container as far as chapter 14 goes: it goes on without the command that started it. A shim logs what it prints, and
//! records how it ended; the command finds both in a directory.
//!
//! `stage ROOTFS COMMAND [ARGS…]`

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use engine::detach;
use engine::log::{LogConfig, LogWriter};
use jiff::Timestamp;
use layers::{DiskError, Durability, Held, read_json, write_json};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::read;
use process::relay::Stream;
use process::{Failure, Gate, Spawn, own_binary, sys};
use rootfs::Root;
use runtime::spec::Spec;
use runtime::{Container, Stdio, Text};

/// What a program's end counts as that nobody has recorded.
const LOST: u8 = 137;
const A_DAY: Duration = Duration::from_hours(24);

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let root = arguments.next().map(PathBuf::from).unwrap_or_default();
    let command = arguments.map(|word| word.to_string_lossy().into_owned().into()).collect();
    match run(root, command) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("Error: {failure}");
            failure.hint.iter().for_each(|hint| eprintln!("hint: {hint}"));
            ExitCode::from(failure.exit_code())
        }
    }
}

// ANCHOR: run
fn run(root: PathBuf, command: Vec<Text>) -> Result<u8, Failure> {
    own_binary::protect()?;
    let id = format!("stage-{}", std::process::id());
    let home = Held::create(&std::env::temp_dir().join(&id))?;
    let place = home.path().to_owned();
    let pending = Spawn::new().start(|gate| shim(gate, &id, &home, root, command))?;
    eprintln!("the shim is process {}", pending.pid());
    pending.release()?.leave();
    drop(home);
    // From here on this is a command like any other: it knows where to look, and nothing else.
    Held::wait_until_free(&place, A_DAY)?;
    print!("{}", fs::read_to_string(place.join(format!("{id}-json.log"))).unwrap_or_default());
    let code: Option<u8> = read_json(&place.join("exit-code.json"))?;
    fs::remove_dir_all(&place).map_err(DiskError::at("remove", &place))?;
    Ok(code.unwrap_or(LOST))
}
// ANCHOR_END: run

// ANCHOR: shim
fn shim(gate: &Gate, id: &str, home: &Held, root: PathBuf, command: Vec<Text>) -> Result<Infallible, Failure> {
    gate.wait()?;
    detach(gate, &[home.mark()])?;
    let mut spec = Spec::docker_default();
    spec.process.get_or_insert_default().args = command;
    let root = Root::Directory(root);
    let stdio = Stdio::Pipes { input: false };
    let mut running = Container { id, spec: &spec, root, stdio, cache: None, attached: true }.start()?;
    gate.done();
    let mut log = LogWriter::open(home.path(), id, &LogConfig::default(), &BTreeMap::new());
    let ends = std::mem::take(&mut running.ends);
    copy(ends.stdout.zip(ends.stderr).into_iter().flat_map(<[_; 2]>::from).collect(), &mut log);
    let code = running.parts().0.wait()?.code();
    running.end()?.remove()?;
    write_json(&home.path().join("exit-code.json"), &code, Durability::Death)?;
    sys::exit_now(0)
}
// ANCHOR_END: shim

/// Copies what comes from the program's output and error to the log, until both are over.
fn copy(outputs: Vec<OwnedFd>, log: &mut LogWriter) {
    let mut open: Vec<_> = outputs.into_iter().zip([Stream::Stdout, Stream::Stderr]).collect();
    let mut buffer = vec![0; 64 * 1024];
    while !open.is_empty() {
        let mut interests: Vec<_> = open.iter().map(|(pipe, _)| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)).collect();
        let _ = poll(&mut interests, PollTimeout::NONE);
        let ready: Vec<_> = interests.iter().map(|interest| interest.any().unwrap_or_default()).collect();
        let mut ready = ready.into_iter();
        open.retain(|(pipe, stream)| {
            if !ready.next().unwrap_or_default() {
                return true;
            }
            let length = read(pipe, &mut buffer).unwrap_or(0);
            log.write(*stream, &buffer[..length], Timestamp::now());
            length > 0
        });
    }
    log.finish(Timestamp::now());
}
