//! Chapter 14's price list: what it costs to keep what a container prints, to look at its end, and to tell an event.
//!
//! Everything is in memory: what a disk costs is another question.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use engine::DataRoot;
use engine::events::{Event, Journal};
use engine::log::{LogConfig, LogQuery, LogReader, LogWriter, Sinks};
use jiff::Timestamp;
use process::relay::Stream;

/// What the shim reads at once.
const PORTION: usize = 64 * 1024;
const LONG: u64 = 1 << 30;

/// A directory that goes when the benchmark is over.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = Path::new("/dev/shm").join(format!("mini-docker-bench-{}", std::process::id()));
        must(fs::create_dir_all(&path));
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn must<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error} (this benchmark needs root)"))
}

fn write(criterion: &mut Criterion) {
    let scratch = Scratch::new();
    let mut group = criterion.benchmark_group("ch14/log 64 KiB");
    group.throughput(Throughput::Bytes(PORTION as u64));
    let lines = [
        ("lines of 100 bytes", format!("{}\n", "x".repeat(99))),
        ("lines of 100 bytes of JSON", format!("{{\"level\":\"info\",\"text\":\"{}\"}}\n", "x".repeat(72))),
        ("lines of 10 bytes", "xxxxxxxxx\n".into()),
        ("one line", "x".repeat(PORTION)),
    ];
    for (name, line) in lines {
        let portion: Vec<u8> = line.bytes().cycle().take(PORTION).collect();
        let mut log = LogWriter::open(&scratch.0, "log", &LogConfig::default(), &BTreeMap::new());
        group.bench_function(name, |bencher| {
            bencher.iter(|| log.write(Stream::Stdout, &portion, Timestamp::now()));
        });
    }
    group.finish();
}

/// The time does not grow with the log, but with what is shown.
fn tail(criterion: &mut Criterion) {
    let scratch = Scratch::new();
    let config = LogConfig { max_size: None, ..LogConfig::default() };
    let mut log = LogWriter::open(&scratch.0, "log", &config, &BTreeMap::new());
    log.write(Stream::Stdout, format!("{}\n", "x".repeat(99)).repeat(1000).as_bytes(), Timestamp::now());
    let path = scratch.0.join("log-json.log");
    let block = must(fs::read(&path));
    let mut file = must(File::options().append(true).open(&path));
    for _ in 0..LONG / block.len() as u64 {
        must(file.write_all(&block));
    }
    let mut group = criterion.benchmark_group("ch14/logs of 1 GiB");
    for last in [10, 1000] {
        group.bench_function(format!("--tail {last}"), |bencher| {
            bencher.iter(|| {
                let query = LogQuery { tail: Some(last), ..LogQuery::default() };
                let mut reader = must(LogReader::open(&scratch.0, "log", &config, query));
                must(reader.print(&mut Sinks { stdout: &mut io::sink(), stderr: &mut io::sink() }));
            });
        });
    }
    group.finish();
}

fn events(criterion: &mut Criterion) {
    let scratch = Scratch::new();
    let journal = must(Journal::open(&must(DataRoot::open(&scratch.0.join("data")))));
    let labels = BTreeMap::from([("com.example.service".to_owned(), "web".to_owned())]);
    let event = |action: &str| Event::container(action, &"0123456789abcdef".repeat(4), "web", "busybox", &labels);
    let mut group = criterion.benchmark_group("ch14/events");
    for count in [1, 3] {
        group.bench_function(format!("record {count}"), |bencher| {
            let actions = &["create", "start", "die"][..count];
            bencher.iter(|| journal.record(&actions.iter().map(|action| event(action)).collect::<Vec<_>>()));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30);
    targets = write, tail, events
}
criterion_main!(benches);
