use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, PipeReader, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use process::relay::Stream;
use tempfile::TempDir;

use super::*;
use crate::log::{Driver, LogWriter};

/// A log of three files of two lines each, the middle one packed if asked for.
fn three_files(packed: bool) -> TempDir {
    let directory = TempDir::new().expect("a directory");
    let mut log = writer(&directory, &config());
    for number in 1..=6 {
        let stream = if number % 2 == 0 { Stream::Stderr } else { Stream::Stdout };
        log.write(stream, format!("{number}\n").as_bytes(), second(number));
    }
    if packed {
        let plain = fs::read(directory.path().join("x-json.log.1")).expect("a file");
        let gz = File::create(directory.path().join("x-json.log.1.gz")).expect("a file");
        GzEncoder::new(gz, Compression::fast()).write_all(&plain).expect("a file");
        fs::remove_file(directory.path().join("x-json.log.1")).expect("a file");
    }
    directory
}

fn config() -> LogConfig {
    LogConfig { max_size: Some(100), max_files: 4, ..LogConfig::default() }
}

fn writer(directory: &TempDir, config: &LogConfig) -> LogWriter {
    LogWriter::open(directory.path(), "x", config, &BTreeMap::new())
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn print_with(directory: &TempDir, config: &LogConfig, query: LogQuery) -> (String, String, u64) {
    let mut reader = LogReader::open(directory.path(), "x", config, query).expect("a log");
    let (mut out, mut err) = (Vec::new(), Vec::new());
    reader.print(&mut Sinks { stdout: &mut out, stderr: &mut err }).expect("a log");
    let [out, err] = [out, err].map(|bytes| String::from_utf8_lossy(&bytes).replace('\n', " "));
    (out, err, reader.damaged())
}

fn print(directory: &TempDir, query: LogQuery) -> (String, String) {
    let (out, err, damaged) = print_with(directory, &config(), query);
    assert_eq!(damaged, 0);
    (out, err)
}

#[test]
fn all_files_are_one_log_and_each_stream_has_its_own_way() {
    for packed in [false, true] {
        let log = three_files(packed);
        let both = |out: &str, err: &str| (out.to_owned(), err.to_owned());
        let query = LogQuery::default;
        assert_eq!(print(&log, query()), both("1 3 5 ", "2 4 6 "));
        assert_eq!(print(&log, LogQuery { stderr: false, ..query() }), both("1 3 5 ", ""));
        for (tail, out, err) in [
            (0, "", ""),
            (1, "", "6 "),
            (2, "5 ", "6 "),
            (3, "5 ", "4 6 "),
            (4, "3 5 ", "4 6 "),
            (5, "3 5 ", "2 4 6 "),
            (99, "1 3 5 ", "2 4 6 "),
        ] {
            assert_eq!(print(&log, LogQuery { tail: Some(tail), ..query() }), both(out, err), "--tail {tail}");
        }
        let (since, until) = (Some(second(3)), Some(second(4)));
        assert_eq!(print(&log, LogQuery { since, ..query() }), both("3 5 ", "4 6 "));
        assert_eq!(print(&log, LogQuery { until, ..query() }), both("1 3 ", "2 4 "));
        assert_eq!(print(&log, LogQuery { since, until, ..query() }), both("3 ", "4 "));
        // The last ones are counted first, as docker does.
        assert_eq!(print(&log, LogQuery { until, tail: Some(1), ..query() }), both("", ""));
    }
}

#[test]
fn times_and_details_are_printed_as_docker_prints_them() {
    let directory = TempDir::new().expect("a directory");
    let attributes: BTreeMap<String, String> =
        [("FOO", "bar"), ("com.x", "1 ä"), ("tag", "a1/3a9d")].map(|(name, value)| (name.into(), value.into())).into();
    let mut log = LogWriter::open(directory.path(), "x", &config(), &attributes);
    log.write(Stream::Stdout, b"hi\n", "2026-11-27T00:10:31.10342259Z".parse().expect("a time"));
    drop(log);
    let query = LogQuery { timestamps: true, details: true, ..LogQuery::default() };
    let (out, _) = print(&directory, query.clone());
    assert_eq!(out, "2026-11-27T00:10:31.103422590Z FOO=bar,com.x=1+%C3%A4,tag=a1%2F3a9d hi ");
    let log = three_files(false);
    assert_eq!(print(&log, LogQuery { tail: Some(1), ..query }).1, "1970-01-01T00:00:06.000000000Z  6 ");
}

#[test]
fn how_many_is_read_as_docker_reads_it() {
    let cases =
        [("all", None), ("", None), ("x", None), ("-5", None), ("0", Some(0)), ("01", Some(1)), ("+1", Some(1))];
    for (text, tail) in cases {
        assert_eq!(LogQuery::tail(text), tail, "{text}");
    }
}

#[test]
fn nothing_is_kept_and_nothing_is_read() {
    let none = LogConfig { driver: Driver::None, ..LogConfig::default() };
    let error = LogReader::open(Path::new("/"), "x", &none, LogQuery::default()).expect_err("no log");
    assert_eq!(error.to_string(), "configured logging driver does not support reading");
    let empty = TempDir::new().expect("a directory");
    assert_eq!(print(&empty, LogQuery::default()), (String::new(), String::new()));
}

#[test]
fn what_is_damaged_is_left_out_and_counted() {
    let log = three_files(true);
    let path = |suffix: &str| log.path().join(format!("x-json.log{suffix}"));
    let whole = r#"{"log":"whole\n","stream":"stdout","time":"1970-01-01T00:00:09Z"}"#;
    fs::write(path(""), format!("\0\0\0{whole}\n{{\"log\":\"ha\n\n{whole}\n{{\"log\":\"on its w")).expect("a file");
    let (out, err, damaged) = print_with(&log, &config(), LogQuery::default());
    assert_eq!((out.as_str(), err.as_str(), damaged), ("1 3 whole whole ", "2 4 ", 1));
    // A packed file that is cut off, and one that is none.
    let packed = fs::read(path(".1.gz")).expect("a file");
    fs::write(path(".1.gz"), &packed[..packed.len() / 2]).expect("a file");
    assert_eq!(print_with(&log, &config(), LogQuery::default()).0.split(' ').next(), Some("1"));
    fs::write(path(".1.gz"), "nonsense").expect("a file");
    assert_eq!(print_with(&log, &config(), LogQuery::default()).0, "1 whole whole ");
}

/// `logs -f` of a log in a thread, with what it prints to standard output.
struct Following {
    lines: BufReader<PipeReader>,
    end: File,
    thread: thread::JoinHandle<u64>,
}

impl Following {
    fn start(directory: &TempDir, config: &LogConfig, query: LogQuery) -> Self {
        let mut reader = LogReader::open(directory.path(), "x", config, query).expect("a log");
        let (lines, mut stdout) = std::io::pipe().expect("a pipe");
        let (ended, end) = std::io::pipe().expect("a pipe");
        let thread = thread::spawn(move || {
            reader.follow(ended.as_fd(), &mut Sinks { stdout: &mut stdout, stderr: &mut io::sink() }).expect("a log");
            reader.damaged()
        });
        Self { lines: BufReader::new(lines), end: File::from(std::os::fd::OwnedFd::from(end)), thread }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a line");
        line.trim_end().into()
    }

    /// What is printed after the end of the container.
    fn end(mut self) -> (Vec<String>, u64) {
        drop(self.end);
        let mut rest = Vec::new();
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).expect("a line") == 0 {
                break;
            }
            rest.push(line.trim_end().into());
        }
        (rest, self.thread.join().expect("it ends"))
    }
}

#[test]
fn who_follows_sees_each_line_of_a_log_that_is_not_there_yet() {
    for driver in [Driver::JsonFile, Driver::Local] {
        let directory = TempDir::new().expect("a directory");
        let config = LogConfig { driver, ..LogConfig::default() };
        let mut following = Following::start(&directory, &config, LogQuery::default());
        let mut log = writer(&directory, &config);
        for line in ["one", "two"] {
            log.write(Stream::Stdout, format!("{line}\n").as_bytes(), second(1));
            assert_eq!(following.line(), line);
        }
        log.write(Stream::Stdout, b"last words", second(1));
        log.finish(second(2));
        assert_eq!(following.end(), (vec!["last words".into()], 0));
    }
}

#[test]
fn who_follows_loses_nothing_to_rotation() {
    const LINES: usize = 20_000;
    for compress in [false, true] {
        let directory = TempDir::new().expect("a directory");
        let driver = if compress { Driver::Local } else { Driver::JsonFile };
        let config = LogConfig { driver, compress, max_size: Some(5_000), max_files: 5, ..LogConfig::default() };
        let mut following = Following::start(&directory, &config, LogQuery::default());
        let mut log = writer(&directory, &config);
        // Never further ahead than the files that are kept.
        for number in 0..LINES {
            log.write(Stream::Stdout, format!("{number}\n").as_bytes(), second(1));
            if number % 100 == 99 {
                for expected in number - 99..=number {
                    assert_eq!(following.line(), expected.to_string());
                }
            }
        }
        assert_eq!(following.end(), (Vec::new(), 0));
    }
}

#[test]
fn who_follows_survives_whatever_is_done_to_the_files() {
    let log = three_files(false);
    let path = log.path().join("x-json.log");
    let mut following = Following::start(&log, &config(), LogQuery { tail: Some(2), ..LogQuery::default() });
    assert_eq!(following.line(), "5");
    let record =
        |text: &str| format!("{{\"log\":\"{text}\\n\",\"stream\":\"stdout\",\"time\":\"1970-01-01T00:00:09Z\"}}\n");
    // Emptied, as with `truncate`.
    File::options().write(true).truncate(true).open(&path).expect("a file");
    let append = |text: &str| {
        let mut file = File::options().append(true).create(true).open(&path).expect("a file");
        file.write_all(text.as_bytes()).expect("a file");
    };
    append(&record("emptied"));
    assert_eq!(following.line(), "emptied");
    fs::remove_file(&path).expect("a file");
    append(&record("removed"));
    assert_eq!(following.line(), "removed");
    append("{\"log\":\"in two");
    append(" parts\\n\",\"stream\":\"stdout\",\"time\":\"1970-01-01T00:00:09Z\"}\nnonsense\n");
    assert_eq!(following.line(), "in two parts");
    append("{\"log\":\"never comp");
    assert_eq!(following.end(), (Vec::new(), 2));
}

#[test]
fn who_follows_until_a_time_does_not_wait_longer() {
    let log = three_files(false);
    let query = LogQuery { until: Some(second(5)), ..LogQuery::default() };
    let mut following = Following::start(&log, &config(), query);
    assert_eq!([following.line(), following.line(), following.line()], ["1", "3", "5"]);
    assert_eq!(following.thread.join().expect("it ends by itself"), 0);
    let query = LogQuery { until: Some(second(100)), ..LogQuery::default() };
    let following = Following::start(&log, &config(), query);
    assert_eq!(following.thread.join().expect("it ends by itself"), 0);
}

/// Lets the writer go when the test fails, too.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn who_reads_while_files_are_rotated_sees_no_gap_and_nothing_twice() {
    for driver in [Driver::JsonFile, Driver::Local] {
        let directory = TempDir::new().expect("a directory");
        let compress = driver == Driver::Local;
        let config = LogConfig { driver, compress, max_size: Some(2_000), max_files: 4, ..LogConfig::default() };
        let enough = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut log = writer(&directory, &config);
                for number in (0_u64..).take_while(|_| !enough.load(Ordering::Relaxed)) {
                    log.write(Stream::Stdout, format!("{number}\n").as_bytes(), second(1));
                }
            });
            let _stop = Stop(&enough);
            for tail in (0..200).map(|round| Some(50).filter(|_| round % 2 == 0)) {
                let (out, _, damaged) = print_with(&directory, &config, LogQuery { tail, ..LogQuery::default() });
                let numbers: Vec<u64> =
                    out.split_whitespace().map(|number| number.parse().expect("a number")).collect();
                assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{driver:?} {tail:?}: {numbers:?}");
                assert_eq!(damaged, 0, "{driver:?}");
            }
        });
    }
}
