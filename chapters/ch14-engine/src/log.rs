//! A container's log: what it printed, cut into lines, in docker's files and formats.
//!
//! [`LogWish`] is what was asked for in docker's JSON, [`LogConfig`] what came of it. The shim gives what it reads from the
//! container to a [`LogWriter`], which never waits for anything but the disk and never fails.

mod attributes;
mod config;
mod error;
mod files;
mod lines;
mod output;
mod pack;
mod record;
mod tag;
mod writer;

pub use attributes::Origin;
pub use config::{Driver, LogConfig, LogWish};
pub use error::{LogError, OptionError};
pub use writer::LogWriter;
