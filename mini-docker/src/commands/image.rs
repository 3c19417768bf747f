//! `image`: its subcommands.

pub(crate) mod bootstrap;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod load;
pub(crate) mod ls;
pub(crate) mod prune;
pub(crate) mod rm;
pub(crate) mod save;
pub(crate) mod tag;
pub(crate) mod tree;

use engine::human_duration;
use jiff::Timestamp;

use super::entry::Entry;
use super::inspect;

/// Those that stand at the top, too.
pub(crate) const BOTH: &[Entry] = &[history::ENTRY, import::ENTRY, load::ENTRY, save::ENTRY, tag::ENTRY];

/// Those of the group alone.
pub(crate) const OWN: &[Entry] = &[inspect::IMAGE, ls::LS, prune::ENTRY, rm::RM, tree::ENTRY];

/// "2 hours ago".
pub(crate) fn ago(created: Timestamp) -> String {
    let seconds = engine::moment::seconds_between(created, Timestamp::now());
    format!("{} ago", human_duration(seconds))
}
