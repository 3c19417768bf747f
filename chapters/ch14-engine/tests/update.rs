//! What is changed in a container that exists, what it uses, and what runs again after a boot.

mod common;

use std::fs;
use std::path::PathBuf;

use cgroups::{Cgroup, Layout};
use common::{another, command, data, named, traces, wait_until};
use engine::create::Resources;
use engine::{Create, Engine, RestartPolicy, Status, Update};
use testkit::{Host, kernel_test, native_test};

const MIB: i64 = 1 << 20;
const FOREVER: &str = "trap 'exit 3' TERM; while :; do sleep 1000 & wait $!; done";

fn policy(name: &str) -> RestartPolicy {
    RestartPolicy { name: name.into(), maximum_retry_count: 0 }
}

fn started(host: &Host, create: &Create) -> Engine {
    command(host, |engine| {
        engine.run_detached(create).expect("a container").1.expect("it runs");
    });
    another(host)
}

fn memory(memory: i64, memory_swap: i64) -> Update {
    Update { resources: Resources { memory, memory_swap, ..Resources::default() }, ..Update::default() }
}

fn group(engine: &Engine, name: &str) -> Cgroup {
    let id = engine.find(name).expect("a container").saved.id;
    Cgroup::open(&Layout::detect().expect("a layout"), &runtime::cgroup_of(&id)).expect("a group")
}

fn state_file(host: &Host, engine: &Engine, name: &str) -> PathBuf {
    data(host).join("containers").join(engine.find(name).expect("it").saved.id).join("state.json")
}

/// As if the machine had gone down with the container in this state.
fn reboot(host: &Host, engine: &Engine, name: &str, status: Option<&str>) {
    let path = state_file(host, engine, name);
    let mut state: serde_json::Value = serde_json::from_slice(&fs::read(&path).expect("a state")).expect("JSON");
    state["boot"] = "another".into();
    if let Some(status) = status {
        (state["status"], state["pid"]) = (status.into(), 1.into());
        state["stopped_by_hand"] = false.into();
    }
    fs::write(&path, state.to_string()).expect("a state");
}

fn restored(host: &Host) -> Vec<(String, bool)> {
    let path = host.dir().join("restored");
    command(host, |engine| {
        let restored = engine.restore().expect("a list");
        let lines: Vec<(String, bool)> = restored.into_iter().map(|one| (one.name, one.result.is_ok())).collect();
        fs::write(&path, serde_json::to_vec(&lines).expect("JSON")).expect("a file");
    });
    serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON")
}

kernel_test! {
    fn limits_hold_at_once_and_in_later_lives(host) {
        let engine = started(host, &named("web", FOREVER));
        engine.update("web", &memory(64 * MIB, 128 * MIB)).expect("limits");
        let limit = |engine: &Engine| group(engine, "web").stats().memory.and_then(|memory| memory.limit);
        assert_eq!(limit(&engine), Some(64 << 20));
        engine.update("web", &memory(32 * MIB, 0)).expect("less");
        assert_eq!(limit(&engine), Some(32 << 20));
        let pids = Update { resources: Resources { pids_limit: Some(9), ..Resources::default() }, ..Update::default() };
        engine.update("web", &pids).expect("another limit");
        engine.stop("web", "", None).expect("an end");
        command(host, |engine| engine.start("web").expect("another life"));
        assert_eq!(limit(&engine), Some(32 << 20));
        assert_eq!(group(&engine, "web").stats().pids.and_then(|pids| pids.limit), Some(9));
        engine.remove("web", true).expect("a removal");
    }

    fn what_does_not_fit_is_refused_in_dockers_words_and_changes_nothing(host) {
        let engine = started(host, &named("web", FOREVER));
        let id = engine.find("web").expect("it").saved.id;
        let refused = |update: &Update| engine.update("web", update).expect_err("nonsense").message;
        assert_eq!(refused(&memory(MIB, 0)), "Minimum memory limit allowed is 6MB");
        assert_eq!(
            refused(&memory(64 * MIB, 0)),
            format!("Cannot update container {id}: Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time")
        );
        let before = engine.find("web").expect("it").saved;
        let cpus = |nano_cpus, cpu_period| Update { resources: Resources { nano_cpus, cpu_period, ..Resources::default() }, ..Update::default() };
        engine.update("web", &cpus(500_000_000, 0)).expect("half a processor");
        assert_eq!(
            refused(&cpus(0, 50_000)),
            format!("Cannot update container {id}: Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set")
        );
        // The kernel has the last word.
        let none = Update { resources: Resources { cpuset_cpus: "7777".into(), ..Resources::default() }, ..Update::default() };
        assert!(refused(&none).starts_with(&format!("Cannot update container {id}: ")));
        let after = engine.find("web").expect("it").saved;
        assert_eq!(after.record.limits.cpu.cpus, before.record.limits.cpu.cpus);
        assert_eq!(after.record.limits.cpu.quota, Some(50_000));
        assert!(engine.update("nosuch", &memory(64 * MIB, -1)).is_err());
        engine.remove("web", true).expect("a removal");
        assert_eq!(traces(&data(host)), Vec::<String>::new());
    }

    fn another_policy_holds_for_the_life_that_goes_on(host) {
        let engine = started(host, &named("web", "until test -e /go; do :; done; rm /go; exit 5"));
        let change = |policy: RestartPolicy| Update { restart: Some(policy), ..Update::default() };
        engine.update("web", &change(policy("always"))).expect("a policy");
        fs::write(format!("/proc/{}/root/go", engine.find("web").expect("it").state.pid), "").expect("a file");
        let again = wait_until(&engine, "web", |container| container.state.restarts == 1 && container.state.status == Status::Running);
        engine.update("web", &change(policy("no"))).expect("a policy");
        fs::write(format!("/proc/{}/root/go", again.state.pid), "").expect("a file");
        let state = wait_until(&engine, "web", |container| container.state.status == Status::Exited).state;
        assert_eq!((state.exit_code, state.restarts), (5, 1));
        let count = RestartPolicy { name: "always".into(), maximum_retry_count: 3 };
        assert!(engine.update("web", &change(count)).is_err());
        engine.remove("web", false).expect("a removal");
    }

    fn what_a_container_uses_is_seen_from_outside(host) {
        let engine = started(host, &named("web", "while :; do :; done"));
        let before = engine.sample("web").expect("a sample");
        let usage = loop {
            let usage = engine.sample("web").expect("a sample").since(&before);
            if usage.cpu > 1.0 {
                break usage;
            }
        };
        assert!(usage.memory > 0 && usage.memory <= usage.memory_limit && usage.pids == 1, "{usage:?}");
        let table = engine.top("web", "-o pid,args").expect("processes");
        assert_eq!(table.titles, ["PID", "COMMAND"]);
        let pid = engine.find("web").expect("it").state.pid.to_string();
        assert_eq!(table.rows, [[pid, "sh -c while :; do :; done".to_owned()]]);
        engine.stop("web", "KILL", None).expect("an end");
        assert_eq!(engine.sample("web").expect("nothing"), engine::Sample::default());
        let refused = engine.top("web", "").expect_err("it does not run").message;
        assert!(refused.ends_with("is not running"), "{refused}");
        engine.remove("web", false).expect("a removal");
    }

    fn after_a_boot_policies_say_who_runs_again(host) {
        let names = ["no", "always", "unless-stopped", "on-failure", "always-by-hand", "unless-by-hand", "never-ran", "well"];
        command(host, |engine| {
            for name in names {
                let mut create = named(name, if name == "well" { "true" } else { FOREVER });
                let word = match name { "always-by-hand" | "never-ran" => "always", "unless-by-hand" => "unless-stopped", "well" => "on-failure", name => name };
                create.host.restart_policy = policy(word);
                if name == "never-ran" {
                    engine.create(&create).expect("a container");
                } else {
                    engine.run_detached(&create).expect("a container").1.expect("it runs");
                }
            }
        });
        let engine = another(host);
        wait_until(&engine, "well", |container| container.state.status == Status::Exited);
        for name in names.into_iter().filter(|name| *name != "never-ran") {
            engine.stop(name, "KILL", None).expect("an end");
        }
        assert_eq!(restored(host), [], "there was no boot");
        for name in ["no", "always", "unless-stopped", "on-failure"] {
            reboot(host, &engine, name, Some("running"));
        }
        for name in ["always-by-hand", "unless-by-hand", "never-ran", "well"] {
            reboot(host, &engine, name, None);
        }
        let expected = ["always", "unless-stopped", "on-failure", "always-by-hand"].map(|name| (name.to_owned(), true));
        assert_eq!(restored(host), expected, "the oldest first");
        for name in names {
            let runs = engine.find(name).expect("it").state.status == Status::Running;
            assert_eq!(runs, expected.iter().any(|(expected, _)| expected == name), "{name}");
        }
        assert_eq!(restored(host), [], "once for each boot");
        for name in names {
            engine.remove(name, true).expect("a removal");
        }
        assert_eq!(traces(&data(host)), Vec::<String>::new());
    }

    fn what_was_to_go_at_its_end_goes_with_the_machine(host) {
        let mut create = named("web", FOREVER);
        create.host.auto_remove = true;
        command(host, |engine| {
            engine.create(&create).expect("a container");
            engine.create(&Create { name: "never-ran".into(), ..create.clone() }).expect("a container");
        });
        let engine = another(host);
        reboot(host, &engine, "web", Some("running"));
        fs::remove_file(data(host).join("run/boot")).expect("the mark of this boot");
        let engine = another(host);
        assert!(engine.find("web").is_err() && engine.find("never-ran").is_ok());
        let told = fs::read_to_string(data(host).join("events/events.jsonl")).expect("events");
        assert!(told.lines().last().expect("an event").contains("\"Action\":\"destroy\""), "{told}");
        engine.remove("never-ran", false).expect("a removal");
        assert_eq!(traces(&data(host)), Vec::<String>::new());
    }

    fn one_that_does_not_start_does_not_keep_the_others_from_it_and_is_tried_again(host) {
        command(host, |engine| {
            for name in ["bad", "good"] {
                let mut create = named(name, FOREVER);
                create.host.restart_policy = policy("always");
                engine.run_detached(&create).expect("a container").1.expect("it runs");
            }
        });
        let engine = another(host);
        for name in ["bad", "good"] {
            engine.stop(name, "KILL", None).expect("an end");
            reboot(host, &engine, name, Some("running"));
        }
        let upper = state_file(host, &engine, "bad").parent().expect("a home").join("upper");
        fs::remove_dir_all(&upper).expect("a removal");
        fs::write(&upper, "").expect("a file in its place");
        assert_eq!(restored(host), [("bad".to_owned(), false), ("good".to_owned(), true)]);
        let state = engine.find("bad").expect("it").state;
        assert!(state.status == Status::Restarting && !state.error.is_empty(), "{state:?}");
        fs::remove_file(&upper).expect("a removal");
        let state = wait_until(&engine, "bad", |container| container.state.status == Status::Running).state;
        assert!(state.restarts > 0 && state.error.is_empty(), "{state:?}");
        for name in ["bad", "good"] {
            engine.remove(name, true).expect("a removal");
        }
    }
}

native_test! {
    /// The program is the host's. That of the guest is busybox's, which has other columns and other words.
    fn processes_are_shown_as_the_hosts_ps_shows_them(host) {
        let engine = started(host, &named("web", "while :; do :; done"));
        assert_eq!(engine.top("web", "").expect("processes").titles[..2], ["UID", "PID"]);
        assert!(engine.top("web", "--nosuch").expect_err("no such option").message.starts_with("ps: error: "));
        engine.remove("web", true).expect("a removal");
    }
}
