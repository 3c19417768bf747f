//! `cargo wb` in the original: the workbook's commands, and the maintainers' tools.
//!
//! A crate of its own, so that a learner's directory need neither hold nor build the guest, the comparison with peers and the
//! installer of packages.

mod bench;
mod cli;
mod links;
mod packages;
mod pages;
mod reference;
mod release;
mod screenshots;
mod stages;
mod test;
mod try_it;
mod vm;

use std::process::ExitCode;

fn main() -> ExitCode {
    workbook::conclude(cli::dispatch())
}
