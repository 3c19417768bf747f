//! What authors type and read: that exercises are proved both ways, and that each fault is found.

use crate::desk::{Desk, snapshot};

const LIB: &str = "chapters/ch01-sums/src/lib.rs";
const PAGE: &str = "book/src/ch01-sums/index.md";
const LAST_PAGE: &str = "book/src/ch01-sums/totals.md";

#[test]
fn a_good_workbook_is_proved() {
    let mut desk = Desk::new();
    desk.wb("dev check").wb_in(&[("FIXTURE_LACKS", "1")], "dev check ch02-words").wb("dev check add --only-starters");
    desk.wb("dev check ch01 --only-pages");
    snapshot("a_good_workbook_is_proved", &mut desk);
}

#[test]
fn faults_of_exercises_are_found() {
    let mut desk = Desk::new();
    desk.write("exercises/ch01-sums/add/wrong/right.rs", "// mistake: none\na.saturating_add(b)\n");
    desk.write("exercises/ch01-sums/add/wrong/typo.rs", "// mistake: no Rust\na.saturating_add(c)\n");
    desk.write("exercises/ch01-sums/add/wrong/wraps.txt", "something else\n");
    desk.write("exercises/ch01-sums/add/wrong/silent.rs", "// mistake: panics\npanic!(\"{}\", a + b)\n");
    desk.write("exercises/ch01-sums/add/wrong/zero.rs", "// mistake: nothing is added\na.min(0).min(b)\n");
    desk.edit("exercises/ch01-sums/add/hints.md", "One expression.", "numbers.iter().fold(0, |x| x)");
    desk.edit(
        "exercises/ch01-sums/total/hints.md",
        "One",
        "numbers.iter().fold(0, |sum, number| add(sum, *number))\nOne",
    );
    desk.wb("dev check ch01");
    snapshot("faults_of_exercises_are_found", &mut desk);
}

#[test]
fn an_exercise_that_needs_a_later_one_is_found() {
    let mut desk = Desk::new();
    desk.edit("exercises/ch01-sums/add/exercise.toml", "\"a_large", "\"all_are_added\", \"a_large");
    desk.edit(LIB, "a.saturating_add(b)", "a + b").wb("dev check ch01/add");
    snapshot("an_exercise_that_needs_a_later_one_is_found", &mut desk);
}

#[test]
fn what_an_exercise_builds_on_is_proved() {
    let mut desk = Desk::new();
    desk.edit(LIB, "numbers.iter().fold(0, |sum, number| add(sum, *number))", "numbers.iter().sum()");
    desk.edit("exercises/ch02-words/greet/exercise.toml", "after = [\"ch01-sums/total\"]", "after = []");
    desk.wb("dev check ch01/total ch02/greet");
    snapshot("what_an_exercise_builds_on_is_proved", &mut desk);
}

#[test]
fn faults_of_the_book_are_found() {
    let mut desk = Desk::new();
    desk.edit(PAGE, "lib.rs:add", "lib.rs:subtract").edit(PAGE, "## The largest number", "## The largest");
    desk.edit("book/src/SUMMARY.md", "- [Words](ch02-words/index.md)", "");
    desk.write("book/src/intro.md", "{{#include ../../gone.rs}}\n");
    desk.edit("chapters/ch02-words/examples/stage.rs", "you", "all").wb("dev check --only-starters");
    desk.wb("dev generate").show("book/src/generated/stage-ch02.diff");
    snapshot("faults_of_the_book_are_found", &mut desk);
}

#[test]
fn faults_of_a_chapter_are_found() {
    let mut desk = Desk::new();
    desk.edit(PAGE, "# 1. Sums", "# Sums").edit(PAGE, "**At the end you have**", "At the end you have");
    desk.edit(PAGE, "<figure class=\"gate-to-exec lit-ch01\">", "").edit(PAGE, "No. So", "Perhaps. So");
    desk.edit(PAGE, "lib.rs:add", "lib.rs:ex_add");
    desk.edit(PAGE, "```console", "```rust\nlet numbers = [1, 2, 4];\n```\n\n```console");
    desk.edit(
        LAST_PAGE,
        "{{#your-turn ch01-sums/total}}",
        "{{#your-turn ch01-sums/totals}}\nnumbers.iter().fold(0, |sum, number| add(sum, *number))",
    );
    desk.edit(LAST_PAGE, "<code>u32</code>", "`u32`").edit(LAST_PAGE, "## The attack again\n\n", "");
    desk.edit(LAST_PAGE, "$ cargo wb stage", "$ stage-ch01 or cargo wb stage").edit(
        LAST_PAGE,
        "::all_are",
        "::some_are",
    );
    desk.edit("book/src/ch00-start/index.md", "ch01-sums/add add", "ch01-sums/add sub");
    desk.edit("book/src/ch00-start/index.md", "## Next", "## Before\n\n{{#your-turn add}}\n\n## Next\n\n## Then");
    desk.write("book/src/ch01-sums/lost.md", "# Lost\n").wb("dev check --only-starters");
    snapshot("faults_of_a_chapter_are_found", &mut desk);
}

#[test]
fn a_listing_is_short_and_narrow() {
    let mut desk = Desk::new();
    let wide = format!("    let name = \"{}\";\n", "wide ".repeat(20));
    let long = "    let _ = a.checked_add(b).ok_or(\"too large\").map_err(|error| error.len()).ok();\n".repeat(15);
    desk.edit(LIB, "    // ANCHOR: ex_add\n", &(wide + &long + "    // ANCHOR: ex_add\n"));
    desk.wb("dev check ch01 --only-starters").page("ch01-sums/index.md");
    snapshot("a_listing_is_short_and_narrow", &mut desk);
}

#[test]
fn a_page_shows_a_hole_and_folds_the_answer() {
    let mut desk = Desk::new();
    desk.page("ch00-start/index.md").page("ch01-sums/index.md").page("ch01-sums/totals.md");
    desk.edit(LAST_PAGE, "ch01-sums/total", "ch01-sums/totals").page("ch01-sums/totals.md");
    snapshot("a_page_shows_a_hole_and_folds_the_answer", &mut desk);
}

#[test]
fn faults_of_the_metadata_name_file_and_field() {
    let mut desk = Desk::new();
    desk.edit("exercises/ch01-sums/add/exercise.toml", "ex_add", "ex_gone").wb("check").wb("dev check add");
    desk.edit("exercises/ch01-sums/add/exercise.toml", "ex_gone", "ex_add");
    desk.edit("exercises/ch01-sums/add/exercise.toml", "after = []", "after = [\"ch01-sums/total\"]").wb("list");
    desk.edit("exercises/ch01-sums/add/exercise.toml", "ch01-sums/total", "ch02-words/greet").wb("list");
    desk.edit("exercises/ch01-sums/add/exercise.toml", "ch02-words/greet", "ch02-words/great").wb("list");
    snapshot("faults_of_the_metadata_name_file_and_field", &mut desk);
}

#[test]
fn causes_are_written_down_when_blessed() {
    let mut desk = Desk::new();
    let file = "exercises/ch01-sums/total/wrong/skips-one.txt";
    let before = desk.read(file);
    std::fs::remove_file(desk.path(file)).expect("it goes");
    desk.wb("dev check total").wb("dev check total --bless");
    assert_eq!(desk.read(file), before);
    snapshot("causes_are_written_down_when_blessed", &mut desk);
}

#[test]
fn a_new_exercise_begins_with_its_files() {
    let mut desk = Desk::new();
    desk.wb("dev new subtract")
        .wb("dev new ch09-none/subtract")
        .wb("dev new ch01-sums/Sub")
        .wb("dev new ch01-sums/add");
    desk.wb("dev new ch01-sums/subtract-all").show("exercises/ch01-sums/subtract-all/exercise.toml");
    desk.show("exercises/ch01-sums/subtract-all/hints.md").wb("dev check subtract-all");
    snapshot("a_new_exercise_begins_with_its_files", &mut desk);
}
