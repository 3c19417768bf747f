//! Docker's flags that ask for what there is not. Each is refused by name and with the reason: an unknown flag would look
//! like a typing error. A value that asks for nothing (`--detach=false`, `--restart no`) is taken.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Command};
use process::{Failure, FailureKind};

/// One flag.
#[derive(Clone, Copy)]
pub(crate) struct Refused {
    long: &'static str,
    short: Option<char>,
    /// Values that ask for nothing; for a switch, the one that does.
    neutral: &'static [&'static str],
    switch: bool,
    reason: &'static str,
}

const fn value(long: &'static str, neutral: &'static [&'static str], reason: &'static str) -> Refused {
    Refused { long, short: None, neutral, switch: false, reason }
}

const fn switch(long: &'static str, neutral: &'static [&'static str], reason: &'static str) -> Refused {
    Refused { long, short: None, neutral, switch: true, reason }
}

const fn short(letter: char, flag: Refused) -> Refused {
    Refused { short: Some(letter), ..flag }
}

const VOLUMES: &str = "there are no volumes yet; --tmpfs gives a file system in memory";
const NETWORKS: &str = "there are no networks yet but none and host";
const WINDOWS: &str = "it is for Windows";
const REAL_TIME: &str = "real-time scheduling of groups is switched off in the kernels that distributions ship";

/// Of `run`.
pub(crate) const RUN: &[Refused] = &[
    value("cpu-count", &["0"], WINDOWS),
    value("cpu-percent", &["0"], WINDOWS),
    value("cpu-rt-period", &["0"], REAL_TIME),
    value("cpu-rt-runtime", &["0"], REAL_TIME),
    switch("disable-content-trust", &["true"], "signatures of images are not checked"),
    value("expose", &[], NETWORKS),
    value("gpus", &[""], "there is no vendor's hook to ask; --device gives single nodes"),
    value("io-maxbandwidth", &["0"], WINDOWS),
    value("io-maxiops", &["0"], WINDOWS),
    value("ip", &[""], NETWORKS),
    value("ip6", &[""], NETWORKS),
    value("isolation", &["", "default"], WINDOWS),
    value("kernel-memory", &["0"], "the kernel has no such limit any more; --memory counts its memory, too"),
    value("link", &[], "links are docker's old way; they will not come"),
    value("link-local-ip", &[], NETWORKS),
    value("mac-address", &[""], NETWORKS),
    value("mount", &[], VOLUMES),
    value("network-alias", &[], NETWORKS),
    short('p', value("publish", &[], NETWORKS)),
    short('P', switch("publish-all", &["false"], NETWORKS)),
    value("storage-opt", &[], "overlay file systems have no size of their own"),
    switch("use-api-socket", &["false"], "there is no daemon, and so no socket"),
    short('v', value("volume", &[], VOLUMES)),
    value("volumes-from", &[], VOLUMES),
];

/// Of `start`.
pub(crate) const START: &[Refused] = &[
    value("checkpoint", &[""], "containers are not frozen to disk"),
    value("checkpoint-dir", &[""], "containers are not frozen to disk"),
];

/// Of `update`.
pub(crate) const UPDATE: &[Refused] = &[
    value("cpu-rt-period", &["0"], REAL_TIME),
    value("cpu-rt-runtime", &["0"], REAL_TIME),
    value("kernel-memory", &["0"], "the kernel has no such limit any more; --memory counts its memory, too"),
];

/// Of `save`.
pub(crate) const SAVE: &[Refused] = &[value("platform", &[""], "an image here is for one platform")];

/// Of `rmi`.
pub(crate) const RMI: &[Refused] = &[value("platform", &[""], "an image here is for one platform")];

/// Lets the command know them, without showing them.
pub(crate) fn augment(command: Command, flags: &[Refused]) -> Command {
    command.args(flags.iter().map(|flag| {
        let arg = Arg::new(flag.long).long(flag.long).short(flag.short).hide(true).action(ArgAction::Append);
        let arg = arg.value_parser(clap::value_parser!(OsString));
        if flag.switch { arg.num_args(0..=1).require_equals(true).default_missing_value("true") } else { arg }
    }))
}

/// The first that was given, and asks for something.
///
/// # Errors
/// A [`Failure`] that names it.
pub(crate) fn check(matches: &ArgMatches, flags: &[Refused]) -> Result<(), Failure> {
    for flag in flags {
        let mut given = matches.get_many::<OsString>(flag.long).into_iter().flatten();
        if given.any(|value| !flag.neutral.iter().any(|neutral| value == neutral)) {
            let message = format!("--{} is not supported: {}", flag.long, flag.reason);
            return Err(Failure::new(FailureKind::Unsupported, message));
        }
    }
    Ok(())
}
