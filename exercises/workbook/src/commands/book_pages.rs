//! `cargo wb book-pages`: what mdBook runs before it looks at the pages. It speaks mdBook's protocol for preprocessors:
//! <https://rust-lang.github.io/mdBook/for_developers/preprocessors.html>.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::book::listing::Sources;
use crate::book::page;
use crate::catalogue::Catalogue;
use crate::workspace::Workspace;

/// Reads the book from standard input and writes it to standard output; `supports RENDERER` only asks.
pub(crate) fn run(words: &[String]) -> Result<ExitCode> {
    if words.first().is_some_and(|word| word == "supports") {
        return Ok(ExitCode::SUCCESS);
    }
    let workspace = Workspace::find()?;
    // An exercise with a fault must not keep anybody from reading.
    let (catalogue, faults) = Catalogue::survey(&workspace)?;
    for fault in faults {
        anstream::eprintln!("{:#}", fault.error);
    }
    let input: [Value; 2] = serde_json::from_reader(io::stdin().lock()).context("read the book from mdbook")?;
    let [context, mut book] = input;
    let source = context.pointer("/config/book/src").and_then(Value::as_str).unwrap_or("src");
    let source = Path::new("book").join(source);
    let sources = Sources::new(&workspace, &catalogue);
    let mut expanded = Vec::new();
    each_page(&mut book, &mut |name, text| {
        expanded.push(page::expand(&sources, &source.join(name), text)?);
        Ok(())
    })?;
    let mut done = page::join(&sources, expanded).into_iter();
    each_page(&mut book, &mut |_, text| {
        *text = done.next().unwrap_or_default();
        Ok(())
    })?;
    let mut output = io::stdout().lock();
    serde_json::to_writer(&mut output, &book).context("hand the book to mdbook")?;
    output.flush().context("hand the book to mdbook")?;
    Ok(ExitCode::SUCCESS)
}

/// Calls `visit` with the name and the text of every page, in order.
fn each_page(value: &mut Value, visit: &mut dyn FnMut(&str, &mut String) -> Result<()>) -> Result<()> {
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| each_page(item, visit)),
        Value::Object(fields) => {
            let name = fields.get("source_path").and_then(Value::as_str).map(str::to_owned);
            if let (Some(name), Some(Value::String(text))) = (name, fields.get_mut("content")) {
                visit(&name, text)?;
            }
            // `Chapter` and what is in it; the names are mdBook's.
            for field in ["items", "Chapter", "sub_items"] {
                fields.get_mut(field).map_or(Ok(()), |value| each_page(value, visit))?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
