//! What a process keeps over exec, read from outside in `/proc/PID`.

mod common;

use common::inside::complaint;
use confinement::attribute::{Policy, SchedulerFlag};
use confinement::{ExecCpuAffinity, IoPriority, MemoryPolicy, Personality, Scheduler};
use serde::de::DeserializeOwned;
use testkit::{Inmate, Need, kernel_test, require};

fn of<T: DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).expect(json)
}

/// A field of `/proc/PID/stat`, counted as `proc_pid_stat(5)` does.
fn stat(inmate: &Inmate, number: usize) -> String {
    let line = inmate.proc("stat");
    let (_, rest) = line.rsplit_once(')').expect("a name");
    rest.split_whitespace().nth(number - 3).expect("a field").to_owned()
}

kernel_test! {
    fn policy_and_parameters_are_the_kernels(_host) {
        let idle: Scheduler = of(r#"{"policy": "SCHED_BATCH", "nice": 7}"#);
        let inmate = Inmate::new(move || complaint(idle.apply()));
        assert_eq!((stat(&inmate, 41), stat(&inmate, 19)), ((Policy::Batch as u32).to_string(), "7".into()), "{}", inmate.said());
        let real: Scheduler = of(r#"{"policy": "SCHED_FIFO", "priority": 3, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}"#);
        assert_eq!(real.flags, [SchedulerFlag::ResetOnFork]);
        let inmate = Inmate::new(move || complaint(real.apply()));
        assert_eq!((stat(&inmate, 41), stat(&inmate, 40)), ("1".into(), "3".into()), "{}", inmate.said());
    }

    fn input_and_output_have_a_class(_host) {
        require(Need::Program("ionice", "util-linux"));
        let priority: IoPriority = of(r#"{"class": "IOPRIO_CLASS_BE", "priority": 6}"#);
        let inmate = Inmate::new(move || complaint(priority.apply()));
        let said = std::process::Command::new("ionice").args(["-p", &inmate.pid().to_string()]).output().expect("ionice");
        assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), "best-effort: prio 6", "{}", inmate.said());
        let wrong: IoPriority = of(r#"{"class": "IOPRIO_CLASS_BE", "priority": 8}"#);
        assert_eq!(wrong.checked().map_err(|error| error.to_string()), Err("invalid ioPriority.Priority: 8".into()));
    }

    fn a_32_bit_personality_is_what_uname_says(_host) {
        let personality: Personality = of(r#"{"domain": "LINUX32"}"#);
        let inmate = Inmate::new(move || {
            let said = complaint(personality.apply());
            let machine = nix::sys::utsname::uname().expect("a kernel").machine().display().to_string();
            format!("{said}, {machine}")
        });
        assert_eq!((inmate.said(), inmate.proc("personality").as_str()), ("ok, i686", "00000008"));
        let flagged: Personality = of(r#"{"domain": "LINUX", "flags": ["ADDR_NO_RANDOMIZE"]}"#);
        assert!(flagged.checked().is_err());
    }

    fn memory_is_bound_to_a_node(_host) {
        let policy: MemoryPolicy = of(r#"{"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}"#);
        policy.checked().expect("a policy");
        let inmate = Inmate::new(move || complaint(policy.apply()));
        let said = inmate.said();
        // A kernel without NUMA has neither the call nor the table.
        if !said.starts_with("set the memory policy: ENOSYS") {
            let table = inmate.proc("numa_maps");
            assert!(table.lines().all(|line| line.contains(" bind=static:0")), "{said}{table}");
        }
        for wrong in [r#"{"mode": "MPOL_BIND"}"#, r#"{"mode": "MPOL_LOCAL", "nodes": "0"}"#, r#"{"mode": "MPOL_BIND", "nodes": "x"}"#] {
            assert!(of::<MemoryPolicy>(wrong).checked().is_err(), "{wrong}");
        }
    }

    fn processors_before_and_after_the_move(_host) {
        let affinity: ExecCpuAffinity = of(r#"{"initial": "0", "final": "0"}"#);
        let inmate = Inmate::new(move || {
            let elsewhere = affinity.begin().expect("the first processor");
            let status = || std::fs::read_to_string("/proc/self/status").expect("ours");
            let list = |text: &str| text.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:\t")).map(str::to_owned);
            let (during, before) = (list(&status()), { drop(elsewhere); list(&status()) });
            complaint(affinity.apply());
            format!("{} {}", during.expect("a list"), (before != list(&status())) || before == Some("0".into()))
        });
        assert_eq!(inmate.said(), "0 true");
        let wrong: ExecCpuAffinity = of(r#"{"final": "3000"}"#);
        assert!(wrong.checked().is_err());
    }
}
