//! Commands about the whole.

mod check;

use crate::commands::entry::Entry;

pub(crate) const ALL: &[Entry] = &[check::ENTRY];
