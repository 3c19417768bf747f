//! What all `prune` commands have in common: a question, and what went.

use std::fmt::Write as _;
use std::io::{self, BufRead};

use engine::{Pruned, human_size};
use images::Removed;
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
    let heading =
        |kind: &str| if dry_run { format!("{kind} that would be deleted") } else { format!("Deleted {kind}") };
    let total = if dry_run { "Total space that would be reclaimed" } else { "Total reclaimed space" };
    let mut text = String::new();
    if !pruned.containers.is_empty() {
        let _ = writeln!(text, "{}:\n{}\n", heading("Containers"), pruned.containers.join("\n"));
    }
    if !pruned.images.is_empty() {
        let _ = writeln!(text, "{}:", heading("Images"));
        for removed in &pruned.images {
            let _ = match removed {
                Removed::Untagged(name) => writeln!(text, "untagged: {name}"),
                Removed::Deleted(id) => writeln!(text, "deleted: {id}"),
            };
        }
        text.push('\n');
    }
    if !pruned.blobs.is_empty() {
        let _ = writeln!(text, "{}:", heading("Blobs"));
        for digest in &pruned.blobs {
            let _ = writeln!(text, "deleted: {digest}");
        }
        text.push('\n');
    }
    outcome::print(format_args!("{text}{total}: {}\n", human_size(pruned.bytes)))
}
