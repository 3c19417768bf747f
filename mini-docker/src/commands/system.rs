//! Commands about the whole.

mod check;
mod restore;

use crate::commands::entry::Entry;

pub(crate) const ALL: &[Entry] = &[check::ENTRY, restore::ENTRY];
