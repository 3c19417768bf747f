//! What authors of exercises need.

mod answers;
pub mod check;
pub(crate) mod generate;
pub mod mutants;
pub(crate) mod new;
mod pages;
mod proof;
mod tally;
