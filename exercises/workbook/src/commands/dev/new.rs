//! `cargo wb dev new chNN-name/ID`: the files of a new exercise, and what to do with them.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};

use crate::catalogue::is_chapter;
use crate::hints::HEADINGS;
use crate::terminal::say;
use crate::tree;
use crate::workspace::Workspace;

pub(crate) fn run(id: &str) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    workspace.require_origin()?;
    let (chapter, name) = id.split_once('/').with_context(|| {
        format!("{id:?} names no chapter\nhint: write it as chNN-name/ID, such as ch02-namespaces/enter-uts")
    })?;
    let plain =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    ensure!(plain(name), "{name:?} is no name for an exercise\nhint: small letters, digits and `-`");
    let chapter_there = is_chapter(Path::new(chapter)) && workspace.root().join("chapters").join(chapter).is_dir();
    ensure!(chapter_there, "there is no chapter {chapter:?}\nhint: chapters are the folders in chapters/");
    let directory = Path::new("exercises").join(id);
    ensure!(!workspace.root().join(&directory).exists(), "{} is there already", directory.display());
    let hole = format!("ex_{}", name.replace('-', "_"));
    for (file, text) in files(chapter, &hole) {
        tree::write_if_changed(&workspace.root().join(&directory).join(file), text.as_bytes())?;
    }
    say(&next_steps(id, &directory, chapter, &hole));
    Ok(ExitCode::SUCCESS)
}

fn files(chapter: &str, hole: &str) -> [(&'static str, String); 3] {
    let package = chapter.split_once('-').map_or(chapter, |(_, package)| package);
    let toml = format!(
        r#"title = "Do this, not that"
prompt = "Say in one line what the code must do. It is also the message of the todo!()."
file = "chapters/{chapter}/src/FILE.rs"
hole = "{hole}"
needs = ["root"]
minutes = 10
after = []
read = "{chapter}, \"SECTION\""

[[tests]]
package = "{package}"
target = "FILE"
filter = ["the_test_that_judges"]
"#
    );
    let hints = HEADINGS.map(|heading| format!("## {heading}\n\nOne or two sentences, never the answer.\n")).join("\n");
    let wrong = "// mistake: what people think, in one line\nOk(())\n".to_owned();
    [("exercise.toml", toml), ("hints.md", hints), ("wrong/example.rs", wrong)]
}

fn next_steps(id: &str, directory: &Path, chapter: &str, hole: &str) -> String {
    let directory = directory.display();
    format!(
        "Made {directory}. Next:\n\
         \x20 1. Put `// ANCHOR: {hole}` and `// ANCHOR_END: {hole}` around 3 to 15 lines that end a function in chapters/{chapter}/src.\n\
         \x20 2. Fill in {directory}/exercise.toml and hints.md.\n\
         \x20 3. Write the test that judges, with `testkit::judge` and a likely cause for each mistake.\n\
         \x20 4. Replace wrong/example.rs by the mistakes people make, one file each.\n\
         \x20 5. Ask it on a page of the chapter: {{{{#your-turn {id} ANCHOR}}}}, with an anchor around its function.\n\
         \x20 6. cargo wb dev check {id} --bless, and read what it wrote to wrong/*.txt.\n"
    )
}
