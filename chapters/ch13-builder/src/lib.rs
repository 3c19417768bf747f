//! Chapter 13: building images.
//!
//! So far the instructions that describe a configuration, which `commit` and `import` take with `--change`.

mod change;
mod duration;
mod error;
mod health;
mod instruction;
mod words;

pub use change::change;
pub use error::InstructionError;
pub use instruction::{Instruction, parse};
