//! What all `prune` commands have in common: a question, and what went.

use std::io::{self, BufRead};

use engine::{Pruned, human_size};
use process::Failure;

use crate::outcome;

/// Asks; whatever is not `y` is no.
pub(crate) fn confirmed(what: &str) -> Result<bool, Failure> {
    outcome::print(format_args!("WARNING! {what}\nAre you sure you want to continue? [y/N] "))?;
    let mut answer = String::new();
    // Who cannot answer has not said yes.
    let _ = io::stdin().lock().read_line(&mut answer);
    Ok(answer.trim().eq_ignore_ascii_case("y"))
}

/// Says what has gone, or what would go.
pub(crate) fn report(pruned: &Pruned, dry_run: bool) -> Result<(), Failure> {
    let (deleted, total) = if dry_run {
        ("Containers that would be deleted", "Total space that would be reclaimed")
    } else {
        ("Deleted Containers", "Total reclaimed space")
    };
    let mut text = String::new();
    if !pruned.containers.is_empty() {
        text = format!("{deleted}:\n{}\n\n", pruned.containers.join("\n"));
    }
    outcome::print(format_args!("{text}{total}: {}\n", human_size(pruned.bytes)))
}
