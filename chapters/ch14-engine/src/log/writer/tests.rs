use std::fs;
use std::io::Read;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::log::Driver;

const ID: &str = "0123";

fn config(max_size: Option<u64>, max_files: u32) -> LogConfig {
    LogConfig { max_size, max_files, ..LogConfig::default() }
}

fn writer(directory: &TempDir, config: &LogConfig) -> LogWriter {
    LogWriter::open(directory.path(), ID, config, &BTreeMap::new())
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn file(directory: &TempDir, suffix: &str) -> PathBuf {
    directory.path().join(format!("{ID}-json.log{suffix}"))
}

/// What is in a file, as records' texts.
fn texts(path: &Path) -> Vec<String> {
    let bytes = fs::read(path).expect("a log");
    assert!(bytes.ends_with(b"\n"), "{} ends with a record", path.display());
    let lines = String::from_utf8(bytes).expect("UTF-8");
    lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["log"].as_str().unwrap().into())
        .collect()
}

#[test]
fn lines_are_written_when_they_are_complete_with_the_time_at_which_they_began() {
    let directory = TempDir::new().expect("a directory");
    let mut log = writer(&directory, &LogConfig::default());
    assert!(!file(&directory, "").exists(), "who prints nothing costs nothing");
    log.write(Stream::Stdout, b"one\ntw", second(1));
    log.write(Stream::Stderr, b"oops\n", second(2));
    log.write(Stream::Stdout, b"o\nthr", second(3));
    log.finish(second(4));
    insta::assert_snapshot!(fs::read_to_string(file(&directory, "")).expect("a log"), @r#"
    {"log":"one\n","stream":"stdout","time":"1970-01-01T00:00:01Z"}
    {"log":"oops\n","stream":"stderr","time":"1970-01-01T00:00:02Z"}
    {"log":"two\n","stream":"stdout","time":"1970-01-01T00:00:01Z"}
    {"log":"thr","stream":"stdout","time":"1970-01-01T00:00:03Z"}
    "#);
}

#[test]
fn no_driver_no_file() {
    let directory = TempDir::new().expect("a directory");
    let mut log = writer(&directory, &LogConfig { driver: Driver::None, ..LogConfig::default() });
    log.write(Stream::Stdout, b"one\ntwo", second(1));
    log.finish(second(2));
    assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 0);
}

#[test]
fn a_full_file_makes_room_for_the_next_and_the_oldest_goes() {
    let directory = TempDir::new().expect("a directory");
    let mut log = writer(&directory, &config(Some(1000), 3));
    // In one portion, as docker got it line by line.
    let lines = "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n".repeat(7) + "0\n1\n";
    log.write(Stream::Stdout, lines.as_bytes(), "2026-11-27T00:14:01.123456789Z".parse().expect("a time"));
    let length = |suffix| texts(&file(&directory, suffix)).len();
    assert_eq!([length(""), length(".1"), length(".2")], [2, 14, 14], "docker's numbers for 72 lines and max-size=1k");
    assert!(!file(&directory, ".3").exists());
    assert_eq!(texts(&file(&directory, "")), ["0\n", "1\n"]);
}

#[test]
fn one_file_that_is_full_starts_anew() {
    let directory = TempDir::new().expect("a directory");
    let mut log = writer(&directory, &config(Some(100), 1));
    log.write(Stream::Stdout, b"1\n2\n3\n", second(1));
    assert_eq!(texts(&file(&directory, "")), ["3\n"]);
    assert!(!file(&directory, ".1").exists());
}

#[test]
fn a_log_goes_on_behind_what_is_there_even_behind_half_a_record() {
    let directory = TempDir::new().expect("a directory");
    fs::write(file(&directory, ""), "{\"log\":\"cut o").expect("a log");
    let mut log = writer(&directory, &LogConfig::default());
    log.write(Stream::Stdout, b"whole\n", second(1));
    let log = fs::read_to_string(file(&directory, "")).expect("a log");
    assert_eq!(
        log.lines().collect::<Vec<_>>(),
        ["{\"log\":\"cut o", r#"{"log":"whole\n","stream":"stdout","time":"1970-01-01T00:00:01Z"}"#]
    );
}

#[test]
fn a_rotation_that_was_interrupted_is_completed() {
    let directory = TempDir::new().expect("a directory");
    fs::write(file(&directory, ".2"), "2").expect("a file");
    fs::write(file(&directory, ""), [b'x'; 200]).expect("a file");
    writer(&directory, &config(Some(100), 4)).write(Stream::Stdout, b"new\n", second(1));
    let content = |suffix| fs::read(file(&directory, suffix)).expect("a file");
    assert_eq!((content(".1").len(), content(".2").len()), (200, 1), "what had moved stays where it is");
    assert_eq!(texts(&file(&directory, "")), ["new\n"]);
}

#[test]
fn others_may_empty_or_remove_a_log() {
    let directory = TempDir::new().expect("a directory");
    let mut log = writer(&directory, &config(Some(150), 2));
    log.write(Stream::Stdout, b"1\n2\n", second(1));
    fs::File::options().write(true).open(file(&directory, "")).and_then(|file| file.set_len(0)).expect("emptied");
    log.write(Stream::Stdout, b"3\n4\n", second(1));
    assert_eq!(texts(&file(&directory, "")), ["3\n", "4\n"]);
    fs::remove_file(file(&directory, "")).expect("removed");
    log.write(Stream::Stdout, b"5\n6\n7\n8\n", second(1));
    assert!(texts(&file(&directory, "")).ends_with(&["8\n".into()]));
}

#[test]
fn a_directory_that_is_gone_costs_the_lines_and_nothing_else() {
    let directory = TempDir::new().expect("a directory");
    let there = directory.path().join("there");
    let mut log = LogWriter::open(&there, ID, &LogConfig::default(), &BTreeMap::new());
    log.write(Stream::Stdout, b"lost\nlost, too\n", second(1));
    assert!(!there.exists(), "a container that was removed does not come back");
    fs::create_dir(&there).expect("a directory");
    log.write(Stream::Stdout, b"kept\n", second(2));
    insta::assert_snapshot!(fs::read_to_string(there.join(format!("{ID}-json.log"))).expect("a log"), @r#"
    {"log":"mini-docker: 2 records of this log (135 bytes) are lost: No such file or directory (os error 2)\n","stream":"stderr","time":"1970-01-01T00:00:02Z"}
    {"log":"kept\n","stream":"stdout","time":"1970-01-01T00:00:02Z"}
    "#);
}

#[test]
fn what_is_rotated_out_is_packed_bit_by_bit() {
    let directory = TempDir::new().expect("a directory");
    let config = LogConfig { driver: Driver::Local, compress: true, ..config(Some(50_000), 3) };
    let mut log = writer(&directory, &config);
    let path = |suffix: &str| directory.path().join(format!("local-logs/container.log{suffix}"));
    let line = [&[b'x'; 99][..], b"\n"].concat();
    for _ in 0..2000 {
        log.write(Stream::Stdout, &line, second(1));
    }
    log.finish(second(2));
    for age in [".1", ".2"] {
        assert!(!path(age).exists());
        let mut text = String::new();
        let packed = fs::File::open(path(&format!("{age}.gz"))).expect("a packed file");
        flate2::read::GzDecoder::new(packed).read_to_string(&mut text).expect("it can be unpacked");
        assert!((50_000..50_200).contains(&text.len()), "{}", text.len());
    }
    assert!(!path(".3.gz").exists() && !path(".gz.tmp").exists());
}
