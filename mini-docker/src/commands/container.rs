//! Commands about containers.

mod attach;
mod commit;
mod cp;
mod create;
mod diff;
pub(crate) mod each;
mod exec;
mod export;
mod kill;
mod logs;
mod ls;
mod pause;
mod port;
mod prune;
mod rename;
mod restart;
mod rm;
mod start;
mod stats;
mod stop;
pub(crate) mod stream;
mod top;
mod update;
mod wait;
mod xray;

use crate::commands::entry::Entry;

pub(crate) use ls::{FIELDS, row};

/// Those that are there in both forms.
pub(crate) const BOTH: &[Entry] = &[
    attach::ENTRY,
    commit::ENTRY,
    cp::ENTRY,
    create::ENTRY,
    diff::ENTRY,
    exec::ENTRY,
    export::ENTRY,
    kill::ENTRY,
    logs::ENTRY,
    pause::PAUSE,
    port::ENTRY,
    rename::ENTRY,
    restart::ENTRY,
    rm::ENTRY,
    start::ENTRY,
    stats::ENTRY,
    stop::ENTRY,
    top::ENTRY,
    pause::UNPAUSE,
    update::ENTRY,
    wait::ENTRY,
    xray::ENTRY,
];

/// Those of `container` alone.
pub(crate) const OWN: &[Entry] = &[super::inspect::CONTAINER, ls::LS, prune::ENTRY];

/// Those at the top alone.
pub(crate) const TOP: &[Entry] = &[ls::PS];
