//! A container's log: long lines in it, and a disk that is full, on which the container goes on and the log says what it
//! has not.

use std::collections::BTreeMap;
use std::fs;

use engine::log::{LogConfig, LogWriter};
use jiff::Timestamp;
use nix::mount::{MsFlags, mount};
use process::relay::Stream;
use testkit::{judge, kernel_test};

/// A judge of the exercise `chunk`: whoever puts the records together again gets the lines that were printed.
#[test]
fn a_line_longer_than_a_record_is_still_one_line() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = LogWriter::open(directory.path(), "x", &LogConfig::default(), &BTreeMap::new());
    let now = Timestamp::from_second(1).expect("a time");
    log.write(Stream::Stdout, "x".repeat(40_000).as_bytes(), now);
    log.write(Stream::Stdout, b"\nthe next\n", now);
    log.finish(now);
    let text = fs::read_to_string(directory.path().join("x-json.log")).expect("a log");
    let logs: Vec<String> = text
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("JSON")["log"].as_str().unwrap_or_default().into()
        })
        .collect();
    judge("the lengths of the lines in the log's JSON")
        .expected(vec![40_000, 8])
        .seen(logs.concat().lines().map(str::len).collect::<Vec<_>>())
        .cause(|seen| match seen[..] {
            [_, _] => "unknown".into(),
            [40_000, 0, ..] => "what has come so far counts as a line, though its newline is still to come".into(),
            _ => format!(
                "the program has printed two lines, and the log has {}: a record that was cut ends with a newline",
                seen.len()
            ),
        })
        .read("ch14-engine, \"A log of lines\"");
    judge("whether no record is longer than 16 KiB and a newline")
        .expected(true)
        .seen(logs.iter().all(|log| log.len() <= 16 * 1024 + 1))
        .cause(|_| "a line was looked for first, and is not cut".into())
        .read("ch14-engine, \"A log of lines\"");
}

kernel_test! {
    fn a_full_disk_costs_lines_and_the_log_says_how_many(host) {
        const LINES: usize = 2000;
        let directory = host.dir().join("log");
        fs::create_dir(&directory).expect("a directory");
        mount(Some("log"), &directory, Some("tmpfs"), MsFlags::empty(), Some("size=64k")).expect("a small disk");
        let other = directory.join("other");
        fs::write(&other, [0; 16 * 1024]).expect("room");

        let mut log = LogWriter::open(&directory, "x", &LogConfig::default(), &BTreeMap::new());
        let now = Timestamp::from_second(1).expect("a time");
        let portion = "a line\n".repeat(LINES);
        log.write(Stream::Stdout, portion.as_bytes(), now);
        log.write(Stream::Stdout, b"while it is full\n", now);
        let path = directory.join("x-json.log");
        let text = fs::read_to_string(&path).expect("a log");
        assert!(text.ends_with("\"}\n") && text.len() > 40_000, "whole records, up to the last that fits: {}", text.len());
        let kept = text.lines().count();

        fs::remove_file(&other).expect("room again");
        log.write(Stream::Stdout, b"after\n", now);
        log.finish(now);
        let text = fs::read_to_string(&path).expect("a log");
        let records: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("whole records")).collect();
        let said = records[kept]["log"].as_str().unwrap_or_default();
        let lost = LINES + 1 - kept;
        assert!(said.starts_with(&format!("mini-docker: {lost} records of this log (")), "{said}");
        assert!(said.contains("No space left on device"), "{said}");
        assert_eq!(records[kept + 1]["log"], "after\n");
        assert_eq!(records.len(), kept + 2);
        drop(log);
        nix::mount::umount(&directory).expect("nobody has it open any more");
    }
}
