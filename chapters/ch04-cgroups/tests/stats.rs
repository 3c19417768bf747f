//! Numbers: what a group has used.

mod common;

use std::io::Write;
use std::time::{Duration, Instant};

use cgroups::{Cgroup, Limits};
use common::{Bench, Inmate, MIB};
use testkit::{Need, kernel_test, require};

kernel_test! {
    fn work_is_counted(host) {
        let bench = Bench::new(host, &["cpuacct", "memory", "pids", "blkio"]);
        let accounts = ["cpuacct", "memory", "pids", "blkio"];
        let group = Cgroup::create_with(&bench.layout, &bench.path("box"), &Limits::default(), &accounts).expect("a group");
        let mut worker = Inmate::new(&group, |say| {
            let block = vec![1_u8; usize::try_from(20 * MIB).expect("a size")];
            let end = Instant::now() + Duration::from_millis(50);
            while Instant::now() < end {
                std::hint::spin_loop();
            }
            writeln!(say, "{}", block.len()).expect("a pipe");
            common::wait_for_ever()
        });
        worker.line();
        let stats = group.stats();
        let cpu = stats.cpu.expect("cpu");
        assert!(cpu.usage > 10_000_000, "{cpu:?}");
        assert!(cpu.user + cpu.system > 0, "{cpu:?}");
        let memory = stats.memory.expect("memory");
        let expected = u64::try_from(20 * MIB).expect("a size");
        assert!(memory.usage >= expected && memory.anonymous >= expected, "{memory:?}");
        assert_eq!((memory.limit, memory.oom_kills), (None, 0));
        let pids = stats.pids.expect("pids");
        assert_eq!((pids.current, pids.limit, pids.refused), (1, None, 0));
        assert!(stats.block_io.is_some());
        group.kill().expect("kill");
        // A process counts until somebody has asked how it ended.
        assert_eq!(group.stats().pids.expect("pids").current, 1);
        worker.end();
        assert_eq!(group.stats().pids.expect("pids").current, 0);
    }

    /// On v1 a group is in every tree, so everything is counted.
    fn what_nobody_counts_is_absent_on_v2(host) {
        require(Need::CgroupV2("pids"));
        let bench = Bench::new(host, &["pids"]);
        let group = bench.group(&Limits { pids: 3.into(), ..Limits::default() });
        let stats = group.stats();
        assert_eq!((stats.memory, stats.block_io, stats.throttling), (None, None, None));
        assert!(group.oom_kills().is_err() && group.oom_watch().is_err());
    }
}
