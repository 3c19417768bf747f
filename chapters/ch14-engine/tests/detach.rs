//! A copy of a command that goes on without it: the judge of the exercise `detach`.

use std::convert::Infallible;
use std::fs;
use std::os::fd::{AsFd, AsRawFd};

use engine::detach;
use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, chdir, getsid, pause};
use process::{Child, Failure, Spawn, relay};
use testkit::{Call, Host, judge, judge_refusal, kernel_test};

const READ: &str = "ch14-engine, \"Leaving the caller\"";

/// A process that has detached itself, with `kept`, from a caller in a directory of its own; `before` comes right before.
fn detached(host: &Host, kept: impl AsFd, before: &dyn Fn()) -> Result<Child, String> {
    let inside = |gate: &process::Gate| -> Result<Infallible, Failure> {
        gate.wait()?;
        chdir(host.dir()).expect("a directory");
        before();
        detach(gate, &[kept.as_fd()])?;
        gate.done();
        loop {
            pause();
        }
    };
    let pending = Spawn::new().start(inside).map_err(|error| error.to_string())?;
    pending.release().map_err(|error| error.to_string())
}

fn link(pid: Pid, name: &str) -> String {
    fs::read_link(format!("/proc/{pid}/{name}")).map(|path| path.display().to_string()).unwrap_or_default()
}

/// What is open, besides the three streams and the gate.
fn others(pid: Pid) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).expect("its descriptors").flatten();
    let mut numbers: Vec<i32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    let links = numbers.into_iter().filter(|number| *number > 2).map(|number| link(pid, &format!("fd/{number}")));
    links.filter(|target| !target.starts_with("socket:")).collect()
}

kernel_test! {
    fn a_detached_process_has_nothing_of_its_caller(host) {
        let (_reader, kept) = relay::pipe().expect("a pipe");
        let (_caller, _callers) = relay::pipe().expect("another one");
        let child = detached(host, &kept, &|| {}).expect("a process that is detached");
        let pid = child.pid();
        judge("the session of the detached process")
            .expected(pid.as_raw())
            .seen(getsid(Some(pid)).expect("a session").as_raw())
            .cause(|_| "it is in its caller's session: what the terminal sends to that, it gets as well".into())
            .read(READ);
        judge("its working directory")
            .expected("/".to_owned())
            .seen(link(pid, "cwd"))
            .cause(|_| "it stays in its caller's directory, and that file system cannot be unmounted as long as it lives".into())
            .read(READ);
        judge("its standard streams")
            .expected(["/dev/null"; 3].map(str::to_owned))
            .seen(["fd/0", "fd/1", "fd/2"].map(|name| link(pid, name)))
            .cause(|_| "it has its caller's streams: a pipeline that waits for their end waits for the container".into())
            .read(READ);
        let wanted = link(Pid::this(), &format!("fd/{}", kept.as_raw_fd()));
        judge("what else it has open")
            .expected(vec![wanted.clone()])
            .seen(others(pid))
            .cause(|seen| if seen.contains(&wanted) {
                "what its caller had open is open in it, too: nobody who waits for the end of that ever sees it".into()
            } else {
                "what it was to keep is closed".into()
            })
            .read(READ);
        kill(pid, Signal::SIGKILL).expect("a signal");
    }

    fn what_keeps_it_with_its_caller_is_an_error(host) {
        for call in [
            Call("setsid", libc::SYS_setsid, None),
            Call("chdir", libc::SYS_chdir, None),
            Call("openat", libc::SYS_openat, None),
            Call("close_range", libc::SYS_close_range, None),
        ] {
            let (_reader, kept) = relay::pipe().expect("a pipe");
            judge_refusal(call, READ, |refuse| detached(host, &kept, refuse).map(drop));
        }
    }
}
