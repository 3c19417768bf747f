//! One module for each command.

pub(crate) mod completion;
pub(crate) mod image;
pub(crate) mod info;
pub(crate) mod man;
pub(crate) mod reaper;
pub(crate) mod run;
pub(crate) mod version;
