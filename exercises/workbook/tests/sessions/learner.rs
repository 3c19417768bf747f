//! What a learner types and reads, from the first command to the last exercise.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::desk::{Desk, snapshot};

const SUMS: &str = "chapters/ch01-sums/src/lib.rs";
const WORDS: &str = "chapters/ch02-words/src/lib.rs";
const TOTAL: &str = "numbers.iter().fold(0, |sum, number| add(sum, *number))";

#[test]
fn a_stranger_does_all_exercises() {
    let mut desk = Desk::new();
    desk.wb("init ../mine").enter("mine").show(SUMS).wb("list").wb("check");
    desk.fill(SUMS, "ex_add", "a.wrapping_add(b)").wb("check").wb("diff add");
    desk.fill(SUMS, "ex_add", "a.wrapping_add(b").wb("check");
    desk.fill(SUMS, "ex_add", "a.checked_add(b).unwrap_or(u32::MAX)").wb("check").wb("diff add").wb("check");
    desk.fill(SUMS, "ex_total", TOTAL).wb("check");
    desk.fill(WORDS, "ex_greet", "format!(\"Hello {name}, {} letters\", name.chars().count())").wb("check");
    desk.wb("check").wb("list").show("progress.txt");
    snapshot("a_stranger_does_all_exercises", &mut desk);
}

#[test]
fn hints_come_one_by_one_and_the_solution_last() {
    let mut desk = Desk::learner();
    desk.wb("hint").wb("hint add").wb("hint ch01/add").wb("hint ch01-sums/add").wb("hint add --level 1");
    desk.wb("solution add").wb("solution add --give-up").show("progress.txt");
    snapshot("hints_come_one_by_one_and_the_solution_last", &mut desk);
}

#[test]
fn what_cannot_be_judged_is_no_fault_of_the_learner() {
    let mut desk = Desk::learner();
    desk.fill(WORDS, "ex_greet", "format!(\"Hello {name}, {} letters\", sums::total(&[1, 1, 1]))").wb("check greet");
    desk.wb_in(&[("FIXTURE_LACKS", "1")], "check greet").wb("list");
    desk.wb_in(&[("CARGO", "/nowhere/cargo")], "check add");
    desk.wb_in(&[("RUSTC", "/nowhere/rustc")], "check add");
    desk.wb_in(&[("RUSTFLAGS", "-Clinker=/nowhere/cc")], "check add");
    desk.edit("chapters/kit/src/lib.rs", "use std::env;", "use std::emv;").wb("check add");
    desk.edit("chapters/kit/src/lib.rs", "use std::emv;", "use std::env;");
    desk.edit("chapters/ch01-sums/tests/sums.rs", "fn small_", "fn tiny_").wb("check add");
    desk.edit("chapters/ch01-sums/tests/sums.rs", "fn tiny_", "fn small_");
    desk.edit(SUMS, "pub fn total(", "pub fn sum(").wb("check total");
    snapshot("what_cannot_be_judged_is_no_fault_of_the_learner", &mut desk);
}

#[test]
fn the_book_shows_a_learners_own_code() {
    let mut desk = Desk::learner();
    desk.page("ch01-sums/index.md").page("ch01-sums/totals.md");
    desk.fill(SUMS, "ex_add", "a.max(b)").page("ch01-sums/index.md");
    std::fs::remove_dir_all(desk.path(".workbook/pristine")).expect("it goes");
    std::fs::remove_dir_all(desk.path(".git")).expect("it goes");
    desk.edit(SUMS, "// ANCHOR: add", "// add").page("ch01-sums/index.md").page("ch01-sums/totals.md");
    snapshot("the_book_shows_a_learners_own_code", &mut desk);
}

#[test]
fn the_help_names_every_command() {
    let mut desk = Desk::new();
    desk.wb("--help").wb("dev --help").wb("check --help");
    snapshot("the_help_names_every_command", &mut desk);
}

#[test]
fn a_program_that_ends_in_the_middle_has_not_passed() {
    let mut desk = Desk::learner();
    desk.fill(SUMS, "ex_total", "std::process::exit(i32::from(numbers.is_empty()))").wb("check total");
    snapshot("a_program_that_ends_in_the_middle_has_not_passed", &mut desk);
}

#[test]
fn a_cause_is_named_only_where_it_was_seen() {
    let mut desk = Desk::learner();
    let wrong = [
        "todo!(\"tomorrow\")",
        "b - a",
        "None::<u32>.map_or_else(|| panic!(\"no {a}\"), |sum| sum + b)",
        "a.max(b)",
        "loop { std::process::exit(7) }",
        "std::process::abort()",
        "add(a, b)",
    ];
    for answer in wrong {
        desk.fill(SUMS, "ex_add", answer).wb("check add");
    }
    snapshot("a_cause_is_named_only_where_it_was_seen", &mut desk);
}

#[test]
fn a_hang_is_a_state_with_the_place_where_it_waits() {
    let mut desk = Desk::learner();
    desk.fill(SUMS, "ex_add", "{ std::thread::park(); a + b }").wb("check add");
    let child = "std::process::Command::new(\"sleep\").arg(\"1000\").status().map_or(a, |_| b)";
    desk.fill(SUMS, "ex_add", child).wb("check add");
    snapshot("a_hang_is_a_state_with_the_place_where_it_waits", &mut desk);
}

#[test]
fn a_save_ends_what_hangs() {
    let mut desk = Desk::learner();
    desk.fill(SUMS, "ex_add", "loop { std::hint::black_box((a, b)); }");
    let mut child = desk.command(&["watch"]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let target = desk.path("target");
    let runs = || {
        let ours = |path: std::path::PathBuf| fs::read_link(path.join("exe")).is_ok_and(|exe| exe.starts_with(&target));
        fs::read_dir("/proc").expect("procfs").flatten().filter(|entry| ours(entry.path())).count()
    };
    while runs() == 0 {}
    desk.fill(SUMS, "ex_add", "a.saturating_add(b)");
    assert!(lines.any(|line| line == "passed (2 tests)"));
    // Alone it would have gone on for 20 s of a processor.
    assert_eq!(runs(), 0);
    child.kill().expect("it ends");
    child.wait().expect("it has ended");
}

#[test]
fn what_an_exercise_builds_on_is_judged_first() {
    let mut desk = Desk::learner();
    desk.fill(SUMS, "ex_add", "a.saturating_add(b)").wb("check add").fill(SUMS, "ex_total", TOTAL).wb("check total");
    desk.fill(SUMS, "ex_add", "a.wrapping_add(b)").wb("check total").wb("list").show("progress.txt");
    // Not begun, and not reached by the tests: no obstacle.
    desk.wb("reset add").fill(SUMS, "ex_total", "numbers.iter().sum()").wb("check total");
    desk.fill(SUMS, "ex_add", "a.max(b)").fill(SUMS, "ex_total", TOTAL).wb("check total");
    // A hole that nothing here builds on.
    desk.fill(WORDS, "ex_greet", "format!(\"Hello {name}, {} letters\", name.chars().count())");
    desk.edit("exercises/ch01-sums/add/exercise.toml", "after = []", "after = [\"ch01-sums/total\"]");
    desk.edit("exercises/ch01-sums/total/exercise.toml", "after = [\"ch01-sums/add\"]", "after = []");
    desk.wb("reset add").wb("check total");
    snapshot("what_an_exercise_builds_on_is_judged_first", &mut desk);
}

#[test]
fn changes_outside_of_the_holes_are_named_whatever_comes_out() {
    let mut desk = Desk::learner();
    desk.edit("chapters/ch01-sums/tests/sums.rs", "judge(\"2 + 3\", 5", "judge(\"2 + 3\", 6");
    desk.wb("check add").fill(SUMS, "ex_add", "a.saturating_add(b)").wb("check add");
    desk.edit("chapters/ch01-sums/tests/sums.rs", "judge(\"2 + 3\", 6", "judge(\"2 + 3\", 5").wb("check add");
    desk.edit(SUMS, "//! Sums", "//! My sums").wb("check add");
    snapshot("changes_outside_of_the_holes_are_named_whatever_comes_out", &mut desk);
}

#[test]
fn what_was_lost_comes_back() {
    let mut desk = Desk::learner();
    fs::remove_file(desk.path(SUMS)).expect("it goes");
    desk.wb("check add").wb("reset add").wb("check add");
    fs::remove_dir_all(desk.path(".workbook/pristine")).expect("it goes");
    desk.wb("solution add --give-up");
    fs::remove_dir_all(desk.path(".workbook")).expect("it goes");
    desk.wb("diff total").wb("check total");
    snapshot("what_was_lost_comes_back", &mut desk);
}

#[test]
fn a_shared_target_directory_is_not_used() {
    let mut desk = Desk::learner();
    let shared = desk.path("shared");
    desk.wb_in(&[("CARGO_TARGET_DIR", &shared.to_string_lossy())], "check add");
    assert!(!shared.exists() && desk.path("target/debug").is_dir());
}

#[test]
fn exercises_come_in_the_order_of_the_pages() {
    let mut desk = Desk::new();
    desk.edit("exercises/ch01-sums/total/exercise.toml", "after = [\"ch01-sums/add\"]", "after = []");
    desk.edit("book/src/ch00-start/index.md", "ch01-sums/add add", "ch01-sums/total");
    desk.edit("book/src/ch01-sums/totals.md", "ch01-sums/total", "ch01-sums/add add").wb("list");
    snapshot("exercises_come_in_the_order_of_the_pages", &mut desk);
}

#[test]
fn a_stage_runs_the_learners_own_container() {
    let mut desk = Desk::learner();
    desk.write(
        "chapters/ch01-sums/examples/stage.rs",
        r#"//! `stage COMMAND [ARGS…]`
fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words[0].as_str() {
        "rename" => println!("{:?}", std::fs::write("/proc/sys/kernel/hostname", "renamed").is_ok()),
        "write" => println!("{:?}", std::fs::write("Cargo.toml", "").map_err(|error| error.kind())),
        "status" => std::process::exit(7),
        "broken" => panic!("something else"),
        "sh" => println!("a shell"),
        _ => println!("{}", sums::add(words[0].parse().unwrap_or(0), words[1].parse().unwrap_or(0))),
    }
}
"#,
    );
    let left = || fs::read_dir("/sys/fs/cgroup").map_or(0, Iterator::count);
    let (before, name) = (left(), hostname());
    desk.wb("stage ch01 2 3").wb("stage ch02").wb("stage ch03").wb("stage ch01");
    desk.wb_in(&[("WB_STAGES", "/nowhere")], "stage ch01 2 3");
    // What root could do to the machine, it can only do in a place apart; others cannot do it at all.
    if is_root() {
        for command in ["stage ch01 rename", "stage ch01 write"] {
            desk.wb(command);
        }
    }
    desk.fill(SUMS, "ex_add", "a.saturating_add(b)")
        .wb("stage ch01 2 3")
        .wb("stage ch01 status")
        .wb("stage ch01 broken");
    // A higher chapter need not compile.
    desk.edit(WORDS, "pub fn greet", "pub fn").wb("stage ch01 2 3").wb("stage ch02");
    assert_eq!((left(), hostname()), (before, name));
    let name = if is_root() { "a_stage_runs_the_learners_own_container" } else { "a_stage_without_root" };
    snapshot(name, &mut desk);
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").expect("procfs")) == 0
}

fn hostname() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").expect("procfs")
}

#[test]
fn a_reset_keeps_what_was_written() {
    let mut desk = Desk::learner();
    desk.fill(SUMS, "ex_add", "a + b").fill(SUMS, "ex_total", TOTAL).wb("reset add").wb("reset add").show(SUMS);
    // Even without its markers.
    desk.edit(SUMS, "// ANCHOR_END: ex_add", "").wb("diff add").wb("reset add").show(SUMS);
    assert!(desk.path(".workbook/saved/ch01-sums-add-1.rs").exists());
    assert!(desk.path(".workbook/saved/ch01-sums-add-2.rs").exists());
    snapshot("a_reset_keeps_what_was_written", &mut desk);
}

#[test]
fn a_learners_directory_outlives_the_original() {
    let mut desk = Desk::learner();
    desk.enter(".");
    fs::remove_dir_all(desk.path("origin")).expect("the original goes");
    desk.enter("mine").wb("solution add --give-up").wb("check add");
    assert!(!desk.path("exercises/ch01-sums/add/wrong").exists());
    snapshot("a_learners_directory_outlives_the_original", &mut desk);
}

#[test]
fn refusals_say_what_to_do() {
    let mut desk = Desk::new();
    for command in ["check", "hint add", "diff add", "solution add", "reset add", "watch"] {
        desk.wb(command);
    }
    desk.wb("init inside").wb("init target/deep").wb("init .").wb("init ../origin/../origin/x");
    desk.write("../full/file", "").wb("init ../full");
    desk.write("../plain", "").wb("init ../plain");
    desk.wb("list").wb("init ../mine").wb("init ../mine").enter("mine");
    desk.wb("init ../other").wb("dev check").wb("check nothing").wb("hint ad").wb("hint add --level 4");
    desk.enter(".").wb("list");
    snapshot("refusals_say_what_to_do", &mut desk);
}

#[test]
fn a_damaged_progress_file_is_used_as_far_as_it_goes() {
    let mut desk = Desk::learner();
    desk.write("progress.txt", "ch01-sums/add passed\n?? what\nch01-sums/total\n").wb("list").wb("hint total");
    desk.show("progress.txt");
    snapshot("a_damaged_progress_file_is_used_as_far_as_it_goes", &mut desk);
}

#[test]
fn watch_judges_again_when_a_file_changes() {
    let mut desk = Desk::learner();
    let mut child = desk.command(&["watch"]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "not started"));
    assert!(lines.any(|line| line.starts_with("watch: ")));
    desk.fill(SUMS, "ex_add", "a.wrapping_add(b)");
    assert!(lines.any(|line| line == "failing: the sum went past the end and began again at 0"));
    assert!(lines.any(|line| line.starts_with("watch: ")));
    desk.fill(SUMS, "ex_add", "a.saturating_add(b)");
    assert!(lines.any(|line| line == "passed (2 tests)"));
    child.kill().expect("it ends");
    child.wait().expect("it has ended");
    assert!(desk.read("progress.txt").contains("ch01-sums/add  passed"));
}
