//! The price list: medians of the chapters' benchmarks, from the files that criterion leaves.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result};
use serde_json::Value;

/// One line for each benchmark that has run since `start`, in the order of the chapters.
pub(crate) fn table(criterion: &Path, start: SystemTime) -> Result<String> {
    let mut found = Vec::new();
    collect(criterion, start, &mut found)?;
    found.sort_by(|one, other| one.0.cmp(&other.0));
    let mut text = String::from("| step | median |\n|---|---:|\n");
    for (name, nanoseconds) in found {
        let _ = writeln!(text, "| {name} | {} |", readable(nanoseconds));
    }
    Ok(text)
}

fn collect(directory: &Path, start: SystemTime, found: &mut Vec<(String, f64)>) -> Result<()> {
    let entries = fs::read_dir(directory).with_context(|| format!("read {}", directory.display()))?;
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()) {
        if path.ends_with("new") {
            // Criterion keeps what a benchmark said that is no more.
            let written = fs::metadata(path.join("estimates.json")).and_then(|file| file.modified());
            if written.is_ok_and(|written| written < start) {
                continue;
            }
            let read =
                |name: &str| -> Option<Value> { serde_json::from_str(&fs::read_to_string(path.join(name)).ok()?).ok() };
            let name = read("benchmark.json").and_then(|file| file["full_id"].as_str().map(str::to_owned));
            let median = read("estimates.json").and_then(|file| file["median"]["point_estimate"].as_f64());
            found.extend(name.zip(median));
        } else {
            collect(&path, start, found)?;
        }
    }
    Ok(())
}

fn readable(nanoseconds: f64) -> String {
    match nanoseconds {
        small if small < 1e3 => format!("{small:.0} ns"),
        medium if medium < 1e6 => format!("{:.1} µs", medium / 1e3),
        large => format!("{:.2} ms", large / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_read_and_made_readable() {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, median) in [("ch06/overlay", 3.5e6), ("ch01/clone3", 950.0)] {
            let path = directory.path().join(name).join("new");
            fs::create_dir_all(&path).expect("a directory");
            fs::write(path.join("benchmark.json"), format!(r#"{{"full_id":"{name}"}}"#)).expect("a file");
            fs::write(path.join("estimates.json"), format!(r#"{{"median":{{"point_estimate":{median}}}}}"#))
                .expect("a file");
        }
        let text = table(directory.path(), SystemTime::UNIX_EPOCH).expect("benchmarks");
        assert_eq!(text, "| step | median |\n|---|---:|\n| ch01/clone3 | 950 ns |\n| ch06/overlay | 3.50 ms |\n");
    }
}
