//! What v1's files say about the past. Each controller has its own units.

use crate::directory::Directory;
use crate::stats::{BlockIoStats, CpuStats, MemoryStats, PidsStats, Stats, Throttling, number, number_of};

/// A limit from here on is none: `LONG_MAX` rounded down to a page.
const NO_LIMIT: u64 = 0x7fff_ffff_0000_0000;

pub(super) fn read<'a>(directory: &dyn Fn(&str) -> Option<&'a Directory>) -> Stats {
    let text = |controller: &str, name: &str| directory(controller)?.read(name).ok();
    let cpu = text("cpuacct", "cpuacct.usage").and_then(|usage| {
        let part = |name| text("cpuacct", name).and_then(|text| number(&text));
        Some(CpuStats {
            usage: number(&usage)?,
            user: part("cpuacct.usage_user").unwrap_or(0),
            system: part("cpuacct.usage_sys").unwrap_or(0),
        })
    });
    let throttling = text("cpu", "cpu.stat").map(|stat| Throttling {
        periods: number_of(&stat, "nr_periods").unwrap_or(0),
        throttled: number_of(&stat, "nr_throttled").unwrap_or(0),
        time: number_of(&stat, "throttled_time").unwrap_or(0),
    });
    let memory = text("memory", "memory.stat").map(|stat| {
        let file = |name| text("memory", name).and_then(|text| number(&text));
        let part = |key| number_of(&stat, key).unwrap_or(0);
        MemoryStats {
            usage: file("memory.usage_in_bytes").unwrap_or(0),
            peak: file("memory.max_usage_in_bytes"),
            limit: file("memory.limit_in_bytes").filter(|limit| *limit < NO_LIMIT),
            anonymous: part("total_rss"),
            file: part("total_cache"),
            inactive_file: part("total_inactive_file"),
            oom_kills: text("memory", "memory.oom_control").and_then(|text| number_of(&text, "oom_kill")).unwrap_or(0),
        }
    });
    let pids = text("pids", "pids.current").map(|current| PidsStats {
        current: number(&current).unwrap_or(0),
        limit: text("pids", "pids.max").and_then(|text| number(&text)),
        refused: text("pids", "pids.events").and_then(|text| number_of(&text, "max")).unwrap_or(0),
    });
    let block_io = text("blkio", "blkio.throttle.io_service_bytes_recursive").map(|bytes| {
        let operations = text("blkio", "blkio.throttle.io_serviced_recursive").unwrap_or_default();
        BlockIoStats {
            read_bytes: sum(&bytes, "Read"),
            written_bytes: sum(&bytes, "Write"),
            reads: sum(&operations, "Read"),
            writes: sum(&operations, "Write"),
        }
    });
    Stats { cpu, throttling, memory, pids, block_io }
}

/// Over all devices: lines of `8:0 Read 4096`.
fn sum(text: &str, operation: &str) -> u64 {
    let count = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        (words.next()? == operation).then(|| words.next()?.parse::<u64>().ok())?
    };
    text.lines().filter_map(count).sum()
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn all_devices_count_once() {
        let text = "254:0 Read 4096\n254:0 Write 10\n254:0 Total 4106\n8:0 Read 1\n8:0 Total 1\nTotal 4107\n";
        assert_eq!((sum(text, "Read"), sum(text, "Write")), (4097, 10));
    }
}
