//! The box of an exercise: what it asks, where, and how one asks for a verdict; our answer folded below.

use anyhow::Result;

use crate::book::listing::Sources;
use crate::book::page::Piece;
use crate::exercise::Exercise;
use crate::render;
use crate::workspace::Role;

/// What stands in the place of `{{#your-turn ID [anchor]}}`.
pub(super) fn pieces(sources: &Sources<'_>, exercise: &Exercise, anchor: Option<&str>) -> Result<Vec<Piece>> {
    let Exercise { id, title, prompt, minutes, .. } = exercise;
    let mut pieces = vec![Piece::Text(format!(
        "<section class=\"exercise\" id=\"{}\">\n\n\
         <p class=\"exercise-title\"><strong>Your turn: {}</strong> <span class=\"minutes\">{}</span></p>\n\n{prompt}\n\n",
        id.replace('/', "-"),
        escaped(title),
        render::duration(*minutes),
    ))];
    if let Some(anchor) = anchor {
        // That it is there is looked at by `page`.
        let listing = sources.listing(&exercise.file, Some(anchor))?.unwrap_or_default();
        pieces.extend(fenced(listing));
    }
    pieces.push(Piece::Text(format!(
        "<p class=\"exercise-place\">In <code>{}</code> of your directory. Then type:</p>\n\n\
         <pre class=\"commands\"><code>cargo wb check <span class=\"id\">{id}</span>\n\
         cargo wb hint <span class=\"id\">{id}</span>\n</code></pre>\n\n\
         <details class=\"answer\">\n<summary>Does yours pass? Compare it with ours.</summary>\n\n",
        sources.place(exercise)?
    )));
    match sources.answer(exercise) {
        Some(answer) => pieces.extend(fenced(answer)),
        None => pieces.push(Piece::Text(format!("`cargo wb solution {id}` prints it.\n\n"))),
    }
    if sources.workspace.role() == Role::Learner {
        pieces.push(Piece::Text(format!("`cargo wb diff {id}` shows in what they differ.\n\n")));
    }
    pieces.push(Piece::Text("</details>\n\n</section>\n".into()));
    Ok(pieces)
}

/// What stands there if the exercise cannot be read.
pub(super) fn lost(id: &str) -> String {
    format!("**Your turn:** `{id}` cannot be read; `cargo wb list` says why.\n")
}

fn fenced(code: String) -> [Piece; 3] {
    let fence = |text: &str| Piece::Text(text.into());
    [fence("```rust,ignore\n"), Piece::Code { code, indent: String::new() }, fence("\n```\n\n")]
}

/// A title may have code in it: `` `RootDir` ``.
fn escaped(title: &str) -> String {
    let html = title.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let parts = html.split('`').enumerate();
    parts.map(|(index, part)| if index % 2 == 0 { part.to_owned() } else { format!("<code>{part}</code>") }).collect()
}
