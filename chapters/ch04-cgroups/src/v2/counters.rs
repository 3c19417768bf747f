//! What v2's files say about the past. Times are in microseconds.

use crate::directory::Directory;
use crate::stats::{BlockIoStats, CpuStats, MemoryStats, PidsStats, Stats, Throttling, number, number_of};

pub(super) fn read(group: &Directory) -> Stats {
    let text = |name: &str| group.read(name).ok();
    let file = |name: &str| text(name).and_then(|text| number(&text));
    let processor = text("cpu.stat");
    let nanos = |key| processor.as_deref().and_then(|stat| number_of(stat, key)).map(|micros| micros * 1000);
    let count = |key| processor.as_deref().and_then(|stat| number_of(stat, key));
    // Without the controller, the file has the usage only.
    let throttling = count("nr_periods").map(|periods| Throttling {
        periods,
        throttled: count("nr_throttled").unwrap_or(0),
        time: nanos("throttled_usec").unwrap_or(0),
    });
    let cpu = nanos("usage_usec").map(|usage| CpuStats {
        usage,
        user: nanos("user_usec").unwrap_or(0),
        system: nanos("system_usec").unwrap_or(0),
    });
    let memory = text("memory.stat").and_then(|stat| {
        let part = |key| number_of(&stat, key).unwrap_or(0);
        Some(MemoryStats {
            usage: file("memory.current")?,
            peak: file("memory.peak"),
            limit: file("memory.max"),
            anonymous: part("anon"),
            file: part("file"),
            inactive_file: part("inactive_file"),
            oom_kills: text("memory.events").and_then(|text| number_of(&text, "oom_kill")).unwrap_or(0),
        })
    });
    let pids = file("pids.current").map(|current| PidsStats {
        current,
        limit: file("pids.max"),
        refused: text("pids.events").and_then(|text| number_of(&text, "max")).unwrap_or(0),
    });
    let block_io = text("io.stat").map(|stat| BlockIoStats {
        read_bytes: sum(&stat, "rbytes="),
        written_bytes: sum(&stat, "wbytes="),
        reads: sum(&stat, "rios="),
        writes: sum(&stat, "wios="),
    });
    Stats { cpu, throttling, memory, pids, block_io }
}

/// Over all devices: lines of `8:0 rbytes=4096 wbytes=0 …`.
fn sum(text: &str, key: &str) -> u64 {
    text.split_whitespace().filter_map(|word| word.strip_prefix(key)?.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn all_devices_are_added() {
        let text = "254:0 rbytes=4096 wbytes=1 rios=2 wios=0 dbytes=7\n8:0 rbytes=4 wbytes=0 rios=1 wios=0\n";
        assert_eq!((sum(text, "rbytes="), sum(text, "rios=")), (4100, 3));
    }
}
