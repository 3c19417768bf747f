//! Commands that talk to a registry.

pub(crate) mod link;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod manifest;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod search;
pub(crate) mod transfer;

use super::entry::Entry;

/// Those that stand below `image`, too.
pub(crate) const OF_IMAGES: &[Entry] = &[pull::ENTRY, push::ENTRY];
