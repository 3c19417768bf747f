//! Limits: in the kernel's files, and felt by processes.

mod common;

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use cgroups::{BlockIo, Cpu, HugepageLimit, Limits, Memory, Network, NetworkPriority, ThrottleDevice};
use common::{Bench, Inmate, MIB, fork_child, printed, status, wait_for_ever};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount, umount};
use nix::poll::PollTimeout;
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use testkit::{Need, kernel_test, native_test, require};

fn memory(limit: i64) -> Limits {
    Limits { memory: Memory { limit: Some(limit), swap: Some(limit), ..Memory::default() }, ..Limits::default() }
}

fn cpu(cpu: Cpu) -> Limits {
    Limits { cpu, ..Limits::default() }
}

/// Fills `bytes` of memory, page by page, so that the kernel has to provide them.
fn fill(bytes: i64) {
    let block = vec![1_u8; usize::try_from(bytes).expect("a size")];
    std::hint::black_box(&block);
}

kernel_test! {
    fn a_memory_limit_is_seen_from_outside(host) {
        let bench = Bench::new(host, &["memory"]);
        let group = bench.group(&memory(64 * MIB));
        assert_eq!(bench.shown(&group, "memory.limit_in_bytes", "memory.max"), (64 * MIB).to_string());
        assert_eq!(group.stats().memory.and_then(|memory| memory.limit), u64::try_from(64 * MIB).ok());
    }

    fn no_limit_is_no_number(host) {
        let bench = Bench::new(host, &["memory", "pids"]);
        let group = bench.group(&Limits { pids: (-1).into(), ..memory(-1) });
        assert_eq!(group.stats().memory.map(|memory| memory.limit), Some(None));
        assert_eq!(bench.shown(&group, "pids.max", "pids.max"), "max");
        assert_eq!(group.stats().pids.map(|pids| pids.limit), Some(None));
    }

    fn memory_beyond_the_limit_ends_the_process_and_is_told(host) {
        let bench = Bench::new(host, &["memory"]);
        let group = bench.group(&memory(64 * MIB));
        let mut watch = group.oom_watch().expect("a watch");
        assert!(!watch.wait(PollTimeout::ZERO).expect("poll"), "an event before anything happened");
        let mut hog = Inmate::new(&group, |_| fill(200 * MIB));
        assert!(watch.wait(PollTimeout::from(60_000_u16)).expect("poll"), "no event came");
        assert!(matches!(hog.end(), WaitStatus::Signaled(_, Signal::SIGKILL, _)));
        assert_eq!(group.oom_kills().expect("a count"), 1);
        assert_eq!(group.stats().memory.map(|memory| memory.oom_kills), Some(1));
    }

    fn a_group_that_goes_away_is_not_out_of_memory(host) {
        let bench = Bench::new(host, &["memory"]);
        let group = bench.group(&memory(64 * MIB));
        let mut watch = group.oom_watch().expect("a watch");
        let mut small = Inmate::new(&group, |_| fill(8 * MIB));
        small.end();
        group.remove().expect("an empty group");
        assert!(!watch.wait(PollTimeout::from(100_u16)).expect("poll"));
    }

    fn both_limits_on_memory_can_grow_and_shrink(host) {
        let bench = Bench::new(host, &["memory"]);
        let group = bench.group(&memory(64 * MIB));
        for limit in [512 * MIB, 32 * MIB] {
            group.update(&memory(limit)).expect("an update");
            assert_eq!(bench.shown(&group, "memory.limit_in_bytes", "memory.max"), limit.to_string());
        }
    }

    fn a_fork_bomb_stops_at_the_limit(host) {
        let bench = Bench::new(host, &["pids"]);
        let group = bench.group(&Limits { pids: 20.into(), ..Limits::default() });
        let mut bomb = Inmate::new(&group, |say| {
            let mut children = 0;
            let error = loop {
                match fork_child(|| wait_for_ever()) {
                    Ok(_) if children > 1000 => break Errno::UnknownErrno,
                    Ok(_) => children += 1,
                    Err(errno) => break errno,
                }
            };
            writeln!(say, "{children} children, then {error:?}").expect("a pipe");
            wait_for_ever()
        });
        assert_eq!(bomb.line(), "19 children, then EAGAIN");
        let pids = group.stats().pids.expect("the controller");
        assert_eq!((pids.limit, pids.refused), (Some(20), 1));
        group.kill().expect("kill");
    }

    fn a_quota_is_felt(host) {
        let bench = Bench::new(host, &["cpu"]);
        // So little that even a machine with other work to do gives more.
        let group = bench.group(&cpu(Cpu::default().with_nano_cpus(10_000_000)));
        assert_eq!(
            (bench.shown(&group, "cpu.cfs_quota_us", "cpu.max"), bench.shown(&group, "cpu.cfs_period_us", "cpu.max")),
            if bench.is_v2() {
                ("1000 100000".into(), "1000 100000".into())
            } else {
                ("1000".into(), "100000".into())
            }
        );
        let mut spinner = Inmate::new(&group, |_| {
            let end = Instant::now() + Duration::from_millis(350);
            while Instant::now() < end {
                std::hint::spin_loop();
            }
        });
        spinner.end();
        let throttling = group.stats().throttling.expect("the controller");
        assert!(throttling.throttled > 0 && throttling.time > 0, "{throttling:?}");
    }

    fn quota_and_period_change_one_at_a_time(host) {
        let bench = Bench::new(host, &["cpu"]);
        let group = bench.group(&cpu(Cpu { quota: Some(50_000), period: Some(100_000), ..Cpu::default() }));
        // v2 has one file for both.
        let both = || {
            let quota = bench.shown(&group, "cpu.cfs_quota_us", "cpu.max");
            if bench.is_v2() { quota } else { format!("{quota} {}", bench.shown(&group, "cpu.cfs_period_us", "")) }
        };
        group.update(&cpu(Cpu { period: Some(200_000), ..Cpu::default() })).expect("a period");
        assert_eq!(both(), "50000 200000");
        group.update(&cpu(Cpu { quota: Some(70_000), ..Cpu::default() })).expect("a quota");
        assert_eq!(both(), "70000 200000");
        group.update(&cpu(Cpu { quota: Some(-1), ..Cpu::default() })).expect("no quota");
        assert_eq!(both(), if bench.is_v2() { "max 200000" } else { "-1 200000" });
    }

    fn a_quota_that_is_too_small_is_explained(host) {
        let bench = Bench::new(host, &["cpu"]);
        let error = bench.try_group(&cpu(Cpu { quota: Some(10), ..Cpu::default() })).expect_err("10 µs are too few");
        let text = printed(error);
        assert!(text.contains("a quota is at least 1000 µs"), "{text}");
        assert_eq!(bench.directories(), Vec::<String>::new(), "what was made is left behind");
    }

    fn shares_are_a_weight_on_v2(host) {
        let bench = Bench::new(host, &["cpu"]);
        let group = bench.group(&cpu(Cpu { shares: Some(512), ..Cpu::default() }));
        assert_eq!(bench.shown(&group, "cpu.shares", "cpu.weight"), if bench.is_v2() { "59" } else { "512" });
    }

    fn a_process_stays_on_its_processors(host) {
        let bench = Bench::new(host, &["cpuset"]);
        let group = bench.group(&cpu(Cpu { cpus: "0".into(), mems: "0".into(), ..Cpu::default() }));
        let inmate = Inmate::idle(&group);
        assert_eq!(status(inmate.pid(), "Cpus_allowed_list"), "0");
    }

    fn processors_that_are_not_there_are_an_error(host) {
        let bench = Bench::new(host, &["cpuset"]);
        let online = fs::read_to_string("/sys/devices/system/cpu/online").expect("sysfs").trim().to_owned();
        for (asked, shown) in [("900", "900"), ("0-x", "0-x"), ("0,900", "0,900")] {
            let limits = cpu(Cpu { cpus: asked.into(), ..Cpu::default() });
            assert_eq!(
                printed(bench.try_group(&limits).expect_err("no such processor")),
                format!(
                    "Error: cpuset.cpus {shown}: not available here, where there is {online}\n\
                     hint: a group can use no more than its parent: lists look like 0-2,4"
                )
            );
            assert_eq!(bench.directories(), Vec::<String>::new(), "what was made is left behind");
        }
    }

    fn only_the_controllers_that_are_asked_for_are_used_on_v2(host) {
        require(Need::CgroupV2("pids"));
        let bench = Bench::new(host, &["memory"]);
        let group = bench.group(&Limits { pids: 10.into(), ..Limits::default() });
        let controllers = fs::read_to_string(group.paths()[0].join("cgroup.controllers")).expect("a v2 group");
        assert_eq!(controllers.trim(), "pids");
        assert_eq!(group.stats().memory, None);
    }

    fn without_limits_a_group_can_still_be_emptied(host) {
        let bench = Bench::new(host, &["pids"]);
        let group = bench.group(&Limits::default());
        let mut inmate = Inmate::idle(&group);
        assert_eq!(group.procs().expect("a list"), [inmate.pid()]);
        group.kill().expect("kill");
        assert!(matches!(inmate.end(), WaitStatus::Signaled(_, Signal::SIGKILL, _)));
    }

    fn rates_for_disks_are_set_for_a_device(host) {
        let bench = Bench::new(host, &["blkio"]);
        let rate = |(major, minor)| Limits {
            block_io: BlockIo { throttle_read_bps_device: vec![ThrottleDevice { major, minor, rate: 1_000_000 }], ..BlockIo::default() },
            ..Limits::default()
        };
        let error = printed(bench.try_group(&rate((4000, 1))).expect_err("no such disk"));
        assert!(error.ends_with("hint: no such block device"), "{error}");
        // A machine without disks has nothing more to show.
        let Some(disk) = fs::read_dir("/sys/block").into_iter().flatten().flatten().next() else { return };
        let numbers = fs::read_to_string(disk.path().join("dev")).expect("sysfs");
        let (major, minor) = numbers.trim().split_once(':').expect("8:0");
        let group = bench.group(&rate((major.parse().expect("a number"), minor.parse().expect("a number"))));
        let shown = bench.shown(&group, "blkio.throttle.read_bps_device", "io.max");
        assert_eq!(shown, if bench.is_v2() {
            format!("{major}:{minor} rbps=1000000 wbps=max riops=max wiops=max")
        } else {
            format!("{major}:{minor} 1000000")
        });
    }

    fn huge_pages_have_a_limit_or_are_missing(host) {
        let bench = Bench::new(host, &[]);
        let pages = |size: &str| Limits {
            hugepage_limits: vec![HugepageLimit { page_size: size.into(), limit: 1 << 30 }],
            ..Limits::default()
        };
        match bench.try_group(&pages("2MB")) {
            Ok(group) => assert_eq!(
                bench.shown(&group, "hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.max"),
                (1 << 30).to_string()
            ),
            Err(error) => {
                let text = printed(error);
                assert!(text.starts_with("Error: a limit on huge pages needs the hugetlb controller, which is not "), "{text}");
            }
        }
    }

    fn raw_settings_stay_in_their_group(host) {
        let bench = Bench::new(host, &["pids"]);
        let raw = |name: &str| Limits { unified: [(name.into(), "7".into())].into(), ..Limits::default() };
        if bench.is_v2() {
            let group = bench.group(&raw("pids.max"));
            assert_eq!(bench.shown(&group, "", "pids.max"), "7");
            group.remove().expect("an empty group");
            for name in ["../pids.max", "pids.max/../../x", "pids", ".x"] {
                let error = printed(bench.try_group(&raw(name)).map(drop).expect_err("a path"));
                assert!(error.contains("invalid control group setting") || error.contains("needs the"), "{error}");
            }
        } else {
            let error = printed(bench.try_group(&raw("pids.max")).expect_err("v1"));
            assert_eq!(error, "Error: invalid control group setting \"pids.max\": this machine has cgroup v1");
        }
    }
}

native_test! {
    /// Most machines mount some of these nowhere; on v1 whoever wants one does.
    fn controllers_that_are_mounted_on_demand_on_v1_have_their_limits(host) {
        const KINDS: [&str; 3] = ["hugetlb", "net_cls", "net_prio"];
        require(Need::CgroupV1("memory"));
        let mut places = Vec::new();
        for kind in KINDS {
            let place = host.dir().join(kind);
            fs::create_dir(&place).expect("a directory");
            // In use on another tree, or not in this kernel: then it is missing, as it is for everybody.
            if mount(Some(kind), &place, Some("cgroup"), MsFlags::empty(), Some(kind)).is_ok() {
                places.push((kind, place));
            }
        }
        for (kind, place) in &places {
            let bench = Bench::new(host, &[]);
            let (limits, shown): (Limits, &[(&str, &str)]) = match *kind {
                "hugetlb" => {
                    let pages = HugepageLimit { page_size: "2MB".into(), limit: 1 << 30 };
                    let limits = Limits { hugepage_limits: vec![pages], ..Limits::default() };
                    (limits, &[("hugetlb.2MB.limit_in_bytes", "1073741824")])
                }
                "net_cls" => {
                    let network = Network { class_id: Some(0x0010_0001), priorities: Vec::new() };
                    (Limits { network, ..Limits::default() }, &[("net_cls.classid", "1048577")])
                }
                _ => {
                    let priorities = vec![NetworkPriority { name: "lo".into(), priority: 5 }];
                    let network = Network { class_id: None, priorities };
                    (Limits { network, ..Limits::default() }, &[("net_prio.ifpriomap", "lo 5")])
                }
            };
            let group = bench.group(&limits);
            for (file, expected) in shown {
                let shown = bench.shown(&group, file, "");
                // Of devices there is a line each.
                assert_eq!(shown.lines().next(), Some(*expected), "{kind} in {}", place.display());
            }
            group.remove().expect("an empty group");
        }
        for (_, place) in &places {
            umount(place).expect("nobody is in it");
        }
        assert!(!places.is_empty(), "none of {KINDS:?} can be mounted here");
    }
}
