//! A container's log: what it printed, cut into lines, in docker's files and formats.
//!
//! [`LogWish`] is what was asked for in docker's JSON, [`LogConfig`] what came of it. The shim gives what it reads from the
//! container to a [`LogWriter`], which never waits for anything but the disk and never fails. `logs` is a [`LogReader`] with a
//! [`LogQuery`].

mod attributes;
pub(crate) mod chain;
mod config;
mod decode;
mod error;
pub(crate) mod files;
mod lines;
mod origin;
mod output;
mod pack;
mod printer;
mod query;
mod reader;
mod record;
mod scanner;
mod source;
mod tag;
mod tail;
pub(crate) mod watch;
mod writer;

pub use config::{Driver, LogConfig, LogWish};
pub use error::{LogError, OptionError};
pub use origin::Origin;
pub use printer::Sinks;
pub use query::LogQuery;
pub use reader::{LogReadError, LogReader};
pub use writer::LogWriter;
