//! Control groups: limits, and what is used.

use cgroups::{Membership, Reading};
use engine::memory_size;

use super::super::page::{Look, Page, plain, remark, short};

/// In which groups a container is, with what is set and counted there.
pub(super) fn groups(page: &mut Page, groups: &[Membership]) {
    let of_v2 = groups.iter().all(|group| group.version == 2);
    page.heading(
        "CONTROL GROUPS",
        if of_v2 { "v2: one tree for all controllers" } else { "v1: a tree for each controller" },
    );
    let (mut rows, mut silent) = (Vec::new(), Vec::new());
    for group in groups {
        let name = if group.version == 2 { "v2".to_owned() } else { group.controllers.join(",") };
        let limits = group.limits.iter().map(|reading| (reading, "limit"));
        let lines: Vec<_> = limits.chain(group.usage.iter().map(|reading| (reading, "used"))).collect();
        match lines.split_first() {
            // At the top of a tree it is nowhere in particular.
            None if group.path == "/" && !of_v2 => {}
            None => silent.push((name, short(&group.path))),
            Some(((first, kind), others)) => {
                rows.push([vec![plain(name), plain(short(&group.path))], line(first, kind)].concat());
                rows.extend(
                    others.iter().map(|(reading, kind)| [vec![plain(""), plain("")], line(reading, kind)].concat()),
                );
            }
        }
    }
    page.table(&rows);
    while let Some((_, place)) = silent.first().cloned() {
        let (here, elsewhere): (Vec<_>, Vec<_>) = silent.into_iter().partition(|(_, path)| *path == place);
        silent = elsewhere;
        let names: Vec<String> = here.into_iter().map(|(name, _)| name).collect();
        page.words("nothing set:", &[names, vec![format!("({place})")]].concat(), "");
    }
    if groups.iter().all(|group| group.limits.is_empty()) {
        page.remark("No limit: it may use all that the host has.");
    }
}

fn line(reading: &Reading, kind: &str) -> Vec<super::super::page::Cell> {
    let name = if reading.key.is_empty() { reading.file.clone() } else { format!("{} {}", reading.file, reading.key) };
    vec![remark(kind), plain(name), plain(value(reading))]
}

/// In units for people.
fn value(reading: &Reading) -> String {
    let number = reading.value.parse::<u64>().ok();
    #[expect(clippy::cast_precision_loss, reason = "three digits behind the point are shown")]
    let seconds = |number: u64, unit: f64| format!("{:.3}s", number as f64 / unit);
    match (reading.file.as_str(), reading.key.as_str(), number) {
        (file, "", Some(number)) if file.starts_with("memory.") => memory_size(number),
        ("cpuacct.usage", _, Some(number)) => seconds(number, 1e9),
        (_, "usage_usec", Some(number)) => seconds(number, 1e6),
        ("devices.list", ..) => format!("{} rules", reading.value.lines().count()),
        _ => reading.value.replace('\n', "; "),
    }
}

/// Those of a container that does not run.
pub(super) fn left(page: &mut Page, groups: &[Membership]) {
    for directory in groups.iter().filter_map(|group| group.directory.as_ref()) {
        page.line(Look::Bad, &format!("control group left behind: {}", short(&directory.to_string_lossy())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_units_for_people() {
        let of = |file: &str, key: &str, text: &str| {
            value(&Reading { file: file.into(), key: key.into(), value: text.into() })
        };
        assert_eq!(of("memory.max", "", "67108864"), "64MiB");
        assert_eq!(of("memory.events", "oom_kill", "2"), "2");
        assert_eq!(of("cpuacct.usage", "", "1500000000"), "1.500s");
        assert_eq!(of("cpu.stat", "usage_usec", "1500"), "0.002s");
        assert_eq!(of("cpu.max", "", "50000 100000"), "50000 100000");
        assert_eq!(of("devices.list", "", "c 1:3 rwm\nc 1:5 rwm"), "2 rules");
    }
}
