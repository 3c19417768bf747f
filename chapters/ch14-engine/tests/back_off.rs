//! How long a container waits before it comes back: the journal tells. A judge of the exercise `back-off`.

mod common;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{another, command, data, named};
use engine::RestartPolicy;
use engine::events::Event;
use testkit::{judge, kernel_test};

const READ: &str = "ch14-engine, \"Coming back\"";

/// When the container has done this, in nanoseconds.
fn times(data: &Path, action: &str) -> Vec<i64> {
    let files = fs::read_dir(data.join("events")).into_iter().flatten().flatten();
    let journal: String = files.map(|file| fs::read_to_string(file.path()).unwrap_or_default()).collect();
    let events = journal.lines().filter_map(|line| serde_json::from_str::<Event>(line).ok());
    events.filter(|event| event.action == action).map(|event| event.time_nano).collect()
}

kernel_test! {
    fn each_pause_is_longer_than_the_one_before(host) {
        let mut create = named("again", "exit 4");
        create.host.restart_policy = RestartPolicy { name: "always".into(), maximum_retry_count: 0 };
        command(host, |engine| {
            engine.run_detached(&create).expect("a container").1.expect("it runs");
        });
        let limit = Instant::now() + Duration::from_secs(20);
        while times(&data(host), "start").len() < 4 && Instant::now() < limit {
            std::thread::yield_now();
        }
        let (ends, starts) = (times(&data(host), "die"), times(&data(host), "start"));
        another(host).remove("again", true).expect("a removal");
        let pauses: Vec<i64> = starts.iter().skip(1).zip(&ends).map(|(start, end)| (start - end) / 1_000_000).collect();
        judge(&format!("whether the pauses before the first three restarts ({pauses:?} ms) are 100, 200 and 400 ms at least"))
            .expected([true; 3])
            .seen([100, 200, 400].map({
                let mut pauses = pauses.iter();
                move |least| pauses.next().is_some_and(|pause| *pause >= least)
            }))
            .cause(|seen| match *seen {
                [true, false, _] => "the second pause is as short as the first: that it started was taken for recovery".into(),
                [true, true, false] => "the pauses do not double".into(),
                _ => "unknown".into(),
            })
            .read(READ);
    }
}
