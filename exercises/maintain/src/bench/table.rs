//! The comparison, as a table for people and for `benches/README.md`.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result};

use super::floor;
use super::images::Images;
use super::life::Life;
use super::measure::{Absent, Times};
use super::peers::{Comparison, UnderLoad};

/// What must be reached: the median of one over that of another.
struct Goal {
    text: &'static str,
    over: &'static str,
    under: &'static str,
    holds: fn(f64) -> bool,
}

const GOALS: [Goal; 7] = [
    Goal {
        text: "mini-docker run ≤ 2.1 × the floor",
        over: "mini-docker run",
        under: floor::NAME,
        holds: |ratio| ratio <= 2.1,
    },
    Goal {
        text: "mini-runc run without seccomp ≤ 1.6 × the floor",
        over: "mini-runc run, no seccomp",
        under: floor::NAME,
        holds: |ratio| ratio <= 1.6,
    },
    Goal {
        text: "mini-docker run ≤ 1.3 × crun run",
        over: "mini-docker run",
        under: "crun run",
        holds: |ratio| ratio <= 1.3,
    },
    Goal {
        text: "mini-runc run ≤ 1.0 × crun run",
        over: "mini-runc run",
        under: "crun run",
        holds: |ratio| ratio <= 1.0,
    },
    Goal {
        text: "the same, both without seccomp",
        over: "mini-runc run, no seccomp",
        under: "crun run, no seccomp",
        holds: |ratio| ratio <= 1.0,
    },
    Goal {
        text: "docker run ≥ 20 × mini-docker run",
        over: "docker run",
        under: "mini-docker run",
        holds: |ratio| ratio >= 20.0,
    },
    Goal {
        text: "podman run ≥ 12 × mini-docker run",
        over: "podman run",
        under: "mini-docker run",
        holds: |ratio| ratio >= 12.0,
    },
];
/// In KiB.
const MEMORY_GOAL: u64 = 8 * 1024;
/// What the others are measured by.
const YARDSTICKS: [&str; 2] = [floor::NAME, "crun run"];
/// How much longer `mini-docker run` may take beside a writer on the same disk.
const LOAD_GOAL: f64 = 1.5;

/// The table, the goals, and who is not in it.
pub(crate) fn comparison(comparison: &Comparison, machine: &str) -> String {
    let times = &comparison.times;
    let of = |name: &str| times.iter().find(|one| one.name == name).map(Times::median);
    let mut text = format!("Measured on {machine}; {} rounds.\n\n", comparison.rounds);
    text.push_str("| command | median | fastest | × floor | × crun |\n|---|---:|---:|---:|---:|\n");
    for one in times {
        let ratios = YARDSTICKS
            .map(|name| of(name).map_or_else(|| "-".into(), |yard| format!("{:.2}", ratio(one.median(), yard))));
        let (median, least) = (milliseconds(one.median()), milliseconds(one.least()));
        let _ = writeln!(text, "| {} | {median} | {least} | {} |", one.name, ratios.join(" | "));
    }
    goals(&mut text, &GOALS, of);
    if let Some(peak) = comparison.peak {
        let reached = yes(peak < MEMORY_GOAL);
        #[expect(clippy::cast_precision_loss, reason = "KiB of one process are far below 2^52")]
        let peak = peak as f64 / 1024.0;
        let _ = writeln!(text, "| peak memory of mini-docker run < 8 MiB | {peak:.1} MiB | {reached} |");
    }
    if let Some(runs) = comparison.runs_in_6_mib {
        let _ = writeln!(text, "| `true` runs with --memory 6m | | {} |", yes(runs));
    }
    missing(&mut text, &comparison.absent);
    text
}

/// Begins the table of goals with those that compare two times.
fn goals(text: &mut String, goals: &[Goal], of: impl Fn(&str) -> Option<Duration>) {
    text.push_str("\n| goal | measured | reached |\n|---|---:|---|\n");
    for goal in goals {
        let (measured, reached) = match (of(goal.over), of(goal.under)) {
            (Some(over), Some(under)) => {
                let ratio = ratio(over, under);
                (format!("{ratio:.2}"), yes((goal.holds)(ratio)))
            }
            _ => ("-".into(), "not measured"),
        };
        let _ = writeln!(text, "| {} | {measured} | {reached} |", goal.text);
    }
}

fn missing(text: &mut String, absent: &Absent) {
    if !absent.is_empty() {
        text.push('\n');
    }
    for (name, reason) in absent {
        let _ = writeln!(text, "Not in the table: {name} ({reason}).");
    }
}

const LIFE_GOALS: [Goal; 5] = [
    Goal {
        text: "mini-docker exec ≤ 0.5 × crun exec",
        over: "mini-docker exec",
        under: "crun exec",
        holds: |ratio| ratio <= 0.5,
    },
    Goal {
        text: "the same, both without seccomp ≤ 1.0",
        over: "mini-docker exec, no seccomp",
        under: "crun exec, no seccomp",
        holds: |ratio| ratio <= 1.0,
    },
    Goal {
        text: "docker exec ≥ 15 × mini-docker exec",
        over: "docker exec",
        under: "mini-docker exec",
        holds: |ratio| ratio >= 15.0,
    },
    Goal {
        text: "docker run -d, rm -f ≥ 15 × ours",
        over: "docker run -d, rm -f",
        under: "mini-docker run -d, rm -f",
        holds: |ratio| ratio >= 15.0,
    },
    Goal {
        text: "run --rm beside 1000 that have ended ≤ 1.1 × alone",
        over: "run --rm beside 1000 that have ended",
        under: "run --rm",
        holds: |ratio| ratio <= 1.1,
    },
];
const PS_GOAL: Duration = Duration::from_millis(50);

/// The rest of a container's life.
pub(crate) fn life(life: &Life) -> String {
    let of = |name: &str| life.times.iter().find(|one| one.name == name).map(Times::median);
    let mut text = format!("{} rounds.\n\n| command | median | fastest |\n|---|---:|---:|\n", life.rounds);
    for one in &life.times {
        let _ = writeln!(text, "| {} | {} | {} |", one.name, milliseconds(one.median()), milliseconds(one.least()));
    }
    text.push_str(
        "\n| engine | `run --rm` per second, all at once | lines of 100 bytes per second |\n|---|---:|---:|\n",
    );
    for ((engine, runs), (_, lines)) in life.at_once.iter().zip(&life.lines) {
        let _ = writeln!(text, "| {engine} | {runs:.1} | {lines:.0} |");
    }
    goals(&mut text, &LIFE_GOALS, of);
    let mut row = |goal: &str, measured: String, reached| {
        let _ = writeln!(text, "| {goal} | {measured} | {} |", yes(reached));
    };
    if let Some(ps) = of("ps -a with 1000 that have ended") {
        row("ps -a with 1000 that have ended < 50 ms", milliseconds(ps), ps < PS_GOAL);
    }
    for (what, figures, goals) in [
        ("200 run --rm at once", &life.at_once, [("docker", 25.0), ("podman", 1.0)].as_slice()),
        ("lines into log and client", &life.lines, &[("docker", 3.0), ("podman", 1.0)]),
    ] {
        let of = |name| figures.iter().find(|(engine, _)| *engine == name).map(|(_, figure)| *figure);
        for (peer, goal) in goals {
            if let (Some(ours), Some(theirs)) = (of("mini-docker"), of(peer)) {
                let ratio = ours / theirs;
                row(&format!("{what} ≥ {goal} × {peer}'s"), format!("{ratio:.1}"), ratio >= *goal);
            }
        }
    }
    row("a shim ≤ 1024 KiB (Pss, mean of 50)", format!("{:.0} KiB", life.shim.pss), life.shim.pss <= 1024.0);
    row("50 idle shims wake up never", format!("{:.1} per second", life.shim.wakes), life.shim.wakes == 0.0);
    missing(&mut text, &life.absent);
    text
}

const IMAGE_GOALS: [Goal; 5] = [
    Goal {
        text: "mini-docker pull ≤ 0.25 × docker pull",
        over: "mini-docker pull",
        under: "docker pull",
        holds: quarter,
    },
    Goal {
        text: "mini-docker pull ≤ 0.25 × podman pull",
        over: "mini-docker pull",
        under: "podman pull",
        holds: quarter,
    },
    Goal {
        text: "mini-docker pull ≤ 2 × skopeo copy",
        over: "mini-docker pull",
        under: "skopeo copy",
        holds: |ratio| ratio <= 2.0,
    },
    Goal {
        text: "mini-docker load ≤ 0.25 × docker load",
        over: "mini-docker load",
        under: "docker load",
        holds: quarter,
    },
    Goal {
        text: "mini-docker save ≤ 0.25 × podman save",
        over: "mini-docker save",
        under: "podman save",
        holds: quarter,
    },
];
/// Of a list of 100 images.
const LIST_GOAL: Duration = Duration::from_millis(10);
/// In KiB, of a pull.
const PEAK_GOAL: u64 = 32 * 1024;
/// Times what no pull can do without.
const BOUND_GOAL: f64 = 1.3;

fn quarter(ratio: f64) -> bool {
    ratio <= 0.25
}

/// Images on their way.
pub(crate) fn images(images: &Images) -> String {
    let of = |name: &str| images.times.iter().find(|one| one.name == name).map(Times::median);
    let megabytes = images.packed / 1_000_000;
    let mut text = format!(
        "{} rounds; the image has {megabytes} MB packed.\n\n| command | median | fastest |\n|---|---:|---:|\n",
        images.rounds
    );
    for one in &images.times {
        let _ = writeln!(text, "| {} | {} | {} |", one.name, milliseconds(one.median()), milliseconds(one.least()));
    }
    let _ = writeln!(text, "| what no pull can do without | {} | |", milliseconds(images.bound));
    goals(&mut text, &IMAGE_GOALS, of);
    let mut row = |goal: &str, measured: String, reached| {
        let _ = writeln!(text, "| {goal} | {measured} | {} |", yes(reached));
    };
    if let Some(pull) = of("mini-docker pull") {
        let over = ratio(pull, images.bound);
        row("mini-docker pull ≤ 1.3 × what no pull can do without", format!("{over:.2}"), over <= BOUND_GOAL);
    }
    if let Some(list) = of("mini-docker images, of 100") {
        row("images, of 100, < 10 ms", milliseconds(list), list < LIST_GOAL);
    }
    let peak = images.peak.div_ceil(1024);
    row("peak memory of a pull < 32 MiB", format!("{peak} MiB"), images.peak < PEAK_GOAL);
    missing(&mut text, &images.absent);
    text
}

/// Idle and busy side by side.
pub(crate) fn under_load(measured: &UnderLoad) -> String {
    let mut text = format!(
        "{} rounds each; the writer waited for the disk {} times meanwhile.\n\n",
        measured.rounds, measured.synced
    );
    text.push_str("| command | idle disk | busy disk | busy / idle |\n|---|---:|---:|---:|\n");
    let mut ours = None;
    for idle in &measured.idle {
        let Some(busy) = measured.busy.iter().find(|one| one.name == idle.name) else { continue };
        let ratio = ratio(busy.median(), idle.median());
        let (before, after) = (milliseconds(idle.median()), milliseconds(busy.median()));
        let _ = writeln!(text, "| {} | {before} | {after} | {ratio:.2} |", idle.name);
        ours = ours.or((idle.name == "mini-docker run").then_some(ratio));
    }
    text.push_str("\n| goal | measured | reached |\n|---|---:|---|\n");
    let (ratio, reached) =
        ours.map_or(("-".into(), "not measured"), |ratio| (format!("{ratio:.2}"), yes(ratio <= LOAD_GOAL)));
    let _ = writeln!(text, "| mini-docker run beside the writer ≤ {LOAD_GOAL} × idle | {ratio} | {reached} |");
    text
}

fn yes(good: bool) -> &'static str {
    if good { "yes" } else { "no" }
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64().max(f64::MIN_POSITIVE)
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// Puts `content` between `<!-- NAME -->` and `<!-- /NAME -->`.
pub(crate) fn replace(page: &str, name: &str, content: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let parts = page.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let (before, after) = parts.with_context(|| format!("the page has no <!-- {name} --> … <!-- /{name} -->"))?;
    Ok([before, &begin, content.trim_end(), "\n", &end, after].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::life::Shim;

    fn times(name: &'static str, milliseconds: u64) -> Times {
        let all = [milliseconds - 1, milliseconds, milliseconds + 5];
        Times { name, sorted: all.map(Duration::from_millis).into() }
    }

    #[test]
    fn the_table_has_ratios_goals_and_who_is_missing() {
        let all = Comparison {
            rounds: 3,
            times: vec![
                times(floor::NAME, 6),
                times("crun run", 10),
                times("mini-docker run", 12),
                times("podman run", 120),
            ],
            peak: Some(9000),
            runs_in_6_mib: Some(true),
            absent: vec![("docker run", "no daemon".into())],
        };
        insta::assert_snapshot!(comparison(&all, "2 processors"));
    }

    #[test]
    fn a_busy_disk_is_compared_with_an_idle_one() {
        let idle = vec![times(floor::NAME, 3), times("mini-docker run", 6), times("mini-runc run", 4)];
        let busy = vec![times(floor::NAME, 3), times("mini-docker run", 12)];
        insta::assert_snapshot!(under_load(&UnderLoad { rounds: 3, idle, busy, synced: 170 }));
    }

    #[test]
    fn the_rest_of_a_life_is_held_against_its_goals() {
        let times = [
            ("mini-docker exec", 6),
            ("crun exec", 15),
            ("docker exec", 80),
            ("run --rm", 9),
            ("run --rm beside 1000 that have ended", 9),
            ("ps -a with 1000 that have ended", 60),
        ];
        let all = Life {
            rounds: 3,
            times: times.map(|(name, time)| super::tests::times(name, time)).into(),
            at_once: vec![("mini-docker", 100.0), ("docker", 3.5)],
            lines: vec![("mini-docker", 3e6), ("docker", 2e6)],
            shim: Shim { pss: 512.4, wakes: 0.0 },
            absent: vec![("podman", "not installed".into())],
        };
        insta::assert_snapshot!(life(&all));
    }

    #[test]
    fn images_are_held_against_their_goals() {
        let times =
            [("mini-docker pull", 100), ("docker pull", 500), ("skopeo copy", 40), ("mini-docker images, of 100", 9)];
        let all = Images {
            rounds: 3,
            times: times.map(|(name, time)| super::tests::times(name, time)).into(),
            packed: 51_000_000,
            peak: 20_000,
            bound: Duration::from_millis(80),
            absent: vec![("podman", "not installed".into())],
        };
        insta::assert_snapshot!(images(&all));
    }

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let page = "# Head\n<!-- peers -->\nold\n<!-- /peers -->\ntail\n";
        let new = replace(page, "peers", "| a |\n").expect("marks");
        assert_eq!(new, "# Head\n<!-- peers -->\n| a |\n<!-- /peers -->\ntail\n");
        assert_eq!(replace(&new, "peers", "| a |\n").expect("marks"), new);
        assert!(replace("# Head\n", "peers", "").is_err());
    }
}
