//! Descriptors that the caller hands through to the program (`--preserve-fds`, and `LISTEN_FDS` of systemd).

use std::env;
use std::fs;

use process::Failure;
use runtime::Text;

use crate::cli::invalid;

/// How many, from 3 on. To be called before anything else is opened: each must be open, or its number would be one of ours.
/// A directory would lead the program out of its root.
pub(crate) fn check(asked: u16) -> Result<i32, Failure> {
    let count = i32::from(asked) + listening();
    for number in 3..3 + count {
        match fs::metadata(format!("/proc/self/fd/{number}")) {
            Err(_) => return Err(invalid(format!("unable to pass descriptor {number}: it is not open"))),
            Ok(file) if file.is_dir() => {
                return Err(invalid(format!("unable to pass descriptor {number}: it is a directory")));
            }
            Ok(_) => {}
        }
    }
    Ok(count)
}

/// What the program is told of them: it is process 1.
pub(crate) fn variables() -> Vec<Text> {
    match listening() {
        0 => Vec::new(),
        count => vec![format!("LISTEN_FDS={count}").into(), "LISTEN_PID=1".into()],
    }
}

fn listening() -> i32 {
    env::var("LISTEN_FDS").ok().and_then(|text| text.parse::<u16>().ok()).map_or(0, i32::from)
}
