//! What is done when its caller is gone: seen by whoever waits for that caller.
mod common;

use std::convert::Infallible;
use std::fs;
use std::os::fd::AsFd;

use common::children_of;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::getpgid;
use process::{Failure, Spawn, afterwards, relay, sys};
use testkit::kernel_test;

kernel_test! {
    /// The caller has its answer first: neither its streams nor its other descriptors are held open, nor its group.
    fn nobody_waits_for_it(host) {
        let (end_of_streams, stream) = relay::pipe().expect("a pipe");
        let (go_on, permission) = relay::pipe().expect("a pipe");
        let done = host.dir().join("done");
        let command = Spawn::new().start(|_| -> Result<Infallible, Failure> {
            nix::unistd::dup2_stdout(&stream).expect("standard output");
            // Another descriptor of ours, as a script may have lent us one.
            let _lent = stream.try_clone().expect("a descriptor");
            afterwards(&[go_on.as_fd()], || {
                nix::unistd::read(&go_on, &mut [0]).expect("a byte");
                fs::write(&done, "").expect("a file");
            })?;
            sys::exit_now(0)
        });
        let command = command.expect("a command");
        let pid = command.pid();
        drop(stream);
        // It ends by itself; the copy becomes ours, process 1's.
        assert_eq!(waitpid(pid, None), Ok(WaitStatus::Exited(pid, 0)));
        assert_eq!(nix::unistd::read(&end_of_streams, &mut [0]), Ok(0), "nobody else has its streams");
        let copy = children_of(nix::unistd::getpid())[0];
        assert_eq!(getpgid(Some(copy)), Ok(copy), "what ends the caller's group does not end it");
        assert!(!done.exists(), "it waits for us");
        nix::unistd::write(&permission, b"x").expect("the pipe");
        assert_eq!(waitpid(copy, None), Ok(WaitStatus::Exited(copy, 0)));
        assert!(done.exists());
        drop(command);
    }
}
