//! The command line: parses flags, calls the engine, prints. One file for each command; what a chapter could do, a
//! chapter does.

pub mod cli;
mod commands;
pub mod explain;
pub mod outcome;
