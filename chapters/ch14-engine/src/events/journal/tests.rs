use std::fs;
use std::os::fd::AsFd;
use std::sync::mpsc;
use std::thread;

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::events::EventKind;
use crate::filters::{Filter, Filters};

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn journal(directory: &TempDir) -> Journal {
    Journal::at(directory.path(), LARGEST)
}

/// One of each kind that a filter tells from the others.
fn fill(journal: &Journal) {
    let labels = [("com.x".into(), "1".into())].into();
    let container = |action: &str| Event::container(action, "aaa1", "web", "busybox:1", &labels);
    let events = [
        container("create"),
        Event::new(EventKind::Network, "connect", "bbb2").with("container", "aaa1").with("name", "bridge"),
        container("exec_create: sh -c true"),
        container("health_status: healthy"),
        Event::new(EventKind::Image, "tag", "sha256:ccc3").with("name", "reg:5000/foo:1"),
        Event::new(EventKind::Volume, "create", "v1").with("driver", "local"),
        Event::container("die", "ddd4", "other", "alpine", &std::collections::BTreeMap::new()).with("exitCode", 137),
    ];
    let events: Vec<Event> = (1..).zip(events).map(|(at, event)| event.at(second(at))).collect();
    journal.record(&events[..2]);
    journal.record(&events[2..]);
}

fn told(journal: &Journal, query: &EventQuery) -> String {
    let mut told = Vec::new();
    journal
        .listen(query, None, |event| {
            told.push(event.time.to_string());
            Ok(())
        })
        .expect("events");
    told.join(" ")
}

fn query(since: Option<i64>, until: i64, filters: &[&str]) -> EventQuery {
    let filters: Filters = filters.iter().map(|text| text.parse::<Filter>().expect("a filter")).collect();
    EventQuery { since: since.map(second), until: Some(second(until)), filters }
}

#[test]
fn events_are_told_by_time() {
    let directory = TempDir::new().expect("a directory");
    let journal = journal(&directory);
    assert_eq!(told(&journal, &query(None, 100, &[])), "");
    fill(&journal);
    assert_eq!(told(&journal, &query(None, 100, &[])), "1 2 3 4 5 6 7");
    assert_eq!(told(&journal, &query(Some(3), 5, &[])), "3 4 5");
    let backwards = journal.listen(&query(Some(1_893_456_000), 1, &[]), None, |_| Ok(())).expect_err("backwards");
    assert_eq!(backwards.to_string(), "`since` time (1893456000.000000000) cannot be after `until` time (1.000000000)");
}

/// The meanings were tried with docker 28.5.
#[test]
fn events_are_told_by_filter() {
    let directory = TempDir::new().expect("a directory");
    let journal = journal(&directory);
    fill(&journal);
    for (filters, expected) in [
        (&["type=container"][..], "1 3 4 7"),
        (&["type=volume", "type=image"], "5 6"),
        (&["type=nosuch"], ""),
        (&["event=create"], "1 6"),
        (&["event=exec_create"], "3"),
        (&["event=exec_create: sh -c true"], "3"),
        (&["event=exec"], ""),
        (&["event=health_status"], "4"),
        (&["event=create", "type=volume"], "6"),
        (&["container=web"], "1 3 4"),
        (&["container=we"], "1 3 4"),
        (&["container=aaa1"], "1 3 4"),
        (&["container=web", "container=other"], "1 3 4 7"),
        (&["network=bridge"], "2"),
        (&["volume=v1"], "6"),
        (&["image=busybox"], "1 3 4"),
        (&["image=busybox:1"], "1 3 4"),
        (&["image=alpine"], "7"),
        (&["image=reg:5000/foo"], "5"),
        (&["image=reg:5000/foo:1"], "5"),
        (&["image=nosuch"], ""),
        (&["label=com.x"], "1 3 4"),
        (&["label=com.x=1", "event=create"], "1"),
        (&["label=com.x=2"], ""),
        (&["label=exitCode=137"], "7"),
        (&["scope=local", "type=image"], "5"),
        (&["scope=swarm"], ""),
        (&["daemon=x"], ""),
        (&["foo=bar", "type=image"], "5"),
    ] {
        assert_eq!(told(&journal, &query(None, 100, filters)), expected, "{filters:?}");
    }
}

#[test]
fn half_a_line_costs_only_itself() {
    let directory = TempDir::new().expect("a directory");
    let journal = journal(&directory);
    fill(&journal);
    let path = directory.path().join("events.jsonl");
    let whole = fs::read(&path).expect("a file");
    fs::write(&path, &whole[..whole.len() - 20]).expect("a file");
    journal.record(&[Event::new(EventKind::Volume, "destroy", "v1").at(second(9))]);
    assert_eq!(told(&journal, &query(None, 100, &[])), "1 2 3 4 5 6 9");
}

#[test]
fn nobody_fails_because_an_event_cannot_be_recorded() {
    let directory = TempDir::new().expect("a directory");
    let journal = Journal::at(&directory.path().join("gone"), LARGEST);
    fill(&journal);
    assert!(!directory.path().join("gone").exists());
}

#[test]
fn two_files_are_kept() {
    let directory = TempDir::new().expect("a directory");
    let journal = Journal::at(directory.path(), 2000);
    for at in 1..=100 {
        journal.record(&[Event::new(EventKind::Volume, "create", "v1").at(second(at))]);
    }
    let told = told(&journal, &query(None, 1000, &[]));
    assert!(told.ends_with("98 99 100") && !told.starts_with("1 "), "{told}");
    assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 2);
}

#[test]
fn who_listens_hears_of_everything_that_any_number_of_others_do() {
    const EACH: i64 = 300;
    let directory = TempDir::new().expect("a directory");
    let journal = Journal::at(directory.path(), 100_000);
    journal.record(&[Event::new(EventKind::Volume, "create", "before")]);
    let (ended, end) = std::io::pipe().expect("a pipe");
    let (heard, hears) = mpsc::channel();
    let (listening, listens) = (journal.clone(), heard.clone());
    let listener = thread::spawn(move || {
        let listen = |event: &Event| listens.send(event.actor.id.clone()).map_err(io::Error::other);
        listening.listen(&EventQuery::default(), Some(ended.as_fd()), listen).expect("events");
    });
    drop(heard);
    // Until it listens.
    let mut seen = std::collections::BTreeSet::new();
    while seen.is_empty() {
        journal.record(&[Event::new(EventKind::Volume, "create", "first")]);
        seen.extend(hears.recv_timeout(std::time::Duration::from_millis(10)));
    }
    let recorders = [0, 1, 2].map(|who| {
        let journal = journal.clone();
        thread::spawn(move || {
            for number in 0..EACH {
                journal.record(&[Event::new(EventKind::Volume, "create", format!("{who}-{number}"))]);
            }
        })
    });
    for recorder in recorders {
        recorder.join().expect("it records");
    }
    drop(end);
    listener.join().expect("it ends");
    seen.extend(hears);
    assert!(!seen.contains("before"), "what was before is not asked for");
    let missing: Vec<_> =
        (0..3).flat_map(|who| (0..EACH).map(move |n| format!("{who}-{n}"))).filter(|id| !seen.contains(id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
