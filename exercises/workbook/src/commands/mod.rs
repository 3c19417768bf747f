//! One file per command. The commands of a learner, and below `dev` those of an author.

pub(crate) mod book_pages;
pub(crate) mod check;
pub(crate) mod dev;
pub(crate) mod diff;
pub(crate) mod hint;
pub(crate) mod init;
pub(crate) mod list;
pub(crate) mod reset;
pub(crate) mod solution;
pub(crate) mod stage;
pub(crate) mod watch;
