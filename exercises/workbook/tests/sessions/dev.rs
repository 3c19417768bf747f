//! What authors type and read: that exercises are proved both ways, and that each fault is found.

use crate::desk::{Desk, snapshot};

const LIB: &str = "chapters/ch01-sums/src/lib.rs";
const PAGE: &str = "book/src/ch01-sums/index.md";

#[test]
fn a_good_workbook_is_proved() {
    let mut desk = Desk::new();
    desk.wb("dev check").wb_in(&[("FIXTURE_LACKS", "1")], "dev check ch02-words").wb("dev check add --only-starters");
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
fn faults_of_the_book_are_found() {
    let mut desk = Desk::new();
    desk.edit(PAGE, "lib.rs:add", "lib.rs:subtract").edit(PAGE, "- ch01-sums/add", "").edit(PAGE, "## Try it", "");
    desk.edit(PAGE, "### The largest number", "### The largest");
    desk.write("book/src/intro.md", "{{#include ../../gone.rs}}\n");
    desk.edit("chapters/ch02-words/examples/stage.rs", "you", "all").wb("dev check --only-starters");
    desk.wb("dev generate").show("book/src/generated/stage-ch02.diff");
    snapshot("faults_of_the_book_are_found", &mut desk);
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
