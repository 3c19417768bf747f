//! The command line: parses flags, calls the engine, prints. One file for each command; what a chapter could do, a
//! chapter does.

pub mod cli;
pub mod command_line;
mod commands;
mod complete;
mod config_file;
pub mod explain;
mod flags;
mod format;
pub mod outcome;
pub mod program;
pub mod usage;
mod visible;
