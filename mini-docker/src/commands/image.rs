//! `image`: its subcommands.

pub(crate) mod bootstrap;
pub(crate) mod import;
pub(crate) mod ls;
