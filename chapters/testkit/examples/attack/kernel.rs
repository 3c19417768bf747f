//! What concerns the one kernel that all share.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::unistd::sethostname;

use crate::host::{KEY, SECRET};
use crate::{Facts, Lost, Outcome, system};

/// The host looks afterwards whether it is its own name that has changed.
pub(crate) fn name_the_host(_: &Facts) -> Outcome {
    sethostname("owned")?;
    Ok("renamed".into())
}

/// [`system::set_tick_to_nothing`]: nothing is set.
pub(crate) fn adjust_the_clock(_: &Facts) -> Outcome {
    match system::set_tick_to_nothing() {
        Errno::EINVAL => Ok("it may be set".into()),
        errno => Err(errno.into()),
    }
}

pub(crate) fn read_the_log(_: &Facts) -> Outcome {
    system::log()?;
    Ok("read".into())
}

pub(crate) fn read_a_key(_: &Facts) -> Outcome {
    if system::key(KEY)? == SECRET.as_bytes() { Ok("read".into()) } else { Err(Lost("another key".into())) }
}

pub(crate) fn list_bpf_programs(_: &Facts) -> Outcome {
    match system::first_bpf_program() {
        Ok(_) | Err(Errno::ENOENT) => Ok("listed".into()),
        Err(errno) => Err(errno.into()),
    }
}

pub(crate) fn set_up_io_uring(_: &Facts) -> Outcome {
    system::io_uring()?;
    Ok("set up".into())
}

/// The one that our standard streams are, or that our session has.
pub(crate) fn type_into_the_terminal(_: &Facts) -> Outcome {
    let (input, output, errors) = (io::stdin(), io::stdout(), io::stderr());
    let own = OpenOptions::new().read(true).open("/dev/tty");
    let mut tried = vec![input.as_fd(), output.as_fd(), errors.as_fd()];
    tried.extend(own.as_ref().ok().map(AsFd::as_fd));
    let mut outcome = Err(Errno::ENOTTY);
    for terminal in tried {
        outcome = outcome.or_else(|before| {
            let done = system::type_into(terminal, b'\n');
            // What a terminal says counts more than what a pipe does.
            done.map_err(|errno| if errno == Errno::ENOTTY { before } else { errno })
        });
    }
    outcome?;
    Ok("typed".into())
}
