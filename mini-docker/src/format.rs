//! `--format`: docker's templates, in Go's language. `table …` and `json` are words of their own; everything else is a
//! template that is filled once for each row.

mod ordered;
mod template;

use std::io::Write;

use engine::Ordered;
use gotmpl::Value;
use process::{Failure, FailureKind};
use serde::Serialize;
use tabwriter::TabWriter;

use crate::outcome;

pub(crate) use template::{Template, quoted};

/// What can be shown of a kind of object: docker's names of the fields, and their headings.
pub(crate) struct Table {
    /// Without `--format`, and for `table` alone.
    pub(crate) usual: &'static str,
    /// Name and heading.
    pub(crate) fields: &'static [(&'static str, &'static str)],
}

impl Table {
    /// The text for `rows`. Each has a value for each field; more of them are found by name, and have no column.
    ///
    /// # Errors
    /// A template that is none, or asks for what is not there.
    pub(crate) fn fill(&self, format: &str, rows: &[Value]) -> Result<String, Failure> {
        let (format, is_table) = match format {
            "" | "table" => (self.usual, true),
            "json" => ("{{json .}}", false),
            other => other.strip_prefix("table").map_or((other, false), |rest| (rest, true)),
        };
        let source = format.trim_matches(' ').replace("\\t", "\t").replace("\\n", "\n");
        let template = Template::parse(&source, self.fields)?;
        // The headings find functions that there are not, even if there is no row.
        let headings = template.headings()?;
        let mut lines = Vec::with_capacity(rows.len() + 1);
        lines.extend(is_table.then_some(headings));
        for row in rows {
            lines.push(template.fill(row)?);
        }
        let text = lines.iter().fold(String::new(), |text, line| text + line + "\n");
        Ok(if is_table { in_columns(&text) } else { text })
    }

    /// The same for `format`, or the field `ID` alone. Docker says that the two do not go together.
    ///
    /// # Errors
    /// The same.
    pub(crate) fn show(&self, format: Option<&str>, quiet: bool, rows: &[Value]) -> Result<String, Failure> {
        let format = format.unwrap_or_default();
        if !quiet {
            return self.fill(format, rows);
        }
        if !format.is_empty() {
            outcome::complain("WARNING: Ignoring custom format, because both --format and --quiet are set.\n");
        }
        self.fill("{{.ID}}", rows)
    }
}

/// Columns as Go's tabwriter makes them for docker: at least ten wide, three blanks between them.
fn in_columns(text: &str) -> String {
    let mut table = TabWriter::new(Vec::new()).padding(3).minwidth(7);
    // Writing to memory does not fail.
    let _ = table.write_all(text.as_bytes());
    String::from_utf8_lossy(&table.into_inner().unwrap_or_default()).into_owned()
}

/// Cut to `most` characters; an ellipsis is the last of them.
pub(crate) fn ellipsis(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.into();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// A template that cannot be read, where the format is for one object (docker's own exit code).
pub(crate) const UNREADABLE: u8 = 64;

/// Prints one object by a template; `json` is the whole. The result is the exit code.
///
/// # Errors
/// A template that asks for what is not there.
pub(crate) fn print_object(format: &str, object: &impl Serialize) -> Result<u8, Failure> {
    let template = match Template::parse(if format == "json" { "{{json .}}" } else { format }, &[]) {
        Ok(template) => template,
        Err(failure) => {
            outcome::report(&failure);
            return Ok(UNREADABLE);
        }
    };
    let object = Ordered::of(object).map_err(|error| Failure::new(FailureKind::System, error.to_string()))?;
    outcome::print(format_args!("{}\n", template.fill_json(&object)?))?;
    Ok(0)
}

#[cfg(test)]
mod tests;
