//! Commands about the whole.

mod check;
mod df;
mod prune;
mod restore;

use crate::commands::entry::Entry;

pub(crate) const ALL: &[Entry] = &[check::ENTRY, df::ENTRY, prune::ENTRY, restore::ENTRY];
