//! Whether a container is well, as its shim finds out.

mod common;

use std::fs;

use common::{another, command, data, named, traces, wait_until};
use engine::create::HealthConfig;
use engine::{Create, Engine, Health, HealthStatus};
use testkit::{Host, kernel_test};

const FOREVER: &str = "trap 'exit 3' TERM; while :; do sleep 1000 & wait $!; done";
const SHORT: i64 = 10_000_000;

fn checked(test: &[&str], config: &HealthConfig) -> Create {
    let mut create = named("web", FOREVER);
    let test = test.iter().map(|word| (*word).to_owned()).collect();
    create.config.healthcheck = Some(HealthConfig { test, interval: SHORT, ..config.clone() });
    create
}

fn shell(script: &str) -> Create {
    checked(&["CMD-SHELL", script], &HealthConfig::default())
}

fn with_container(host: &Host, create: &Create, work: impl FnOnce(&Engine)) {
    command(host, |engine| {
        engine.run_detached(create).expect("a container").1.expect("it runs");
    });
    let engine = another(host);
    work(&engine);
    engine.remove("web", true).expect("a removal");
    assert_eq!(traces(&data(host)), Vec::<String>::new());
}

fn until(engine: &Engine, expected: impl Fn(&Health) -> bool) -> Health {
    let container = wait_until(engine, "web", |container| container.state.health.as_ref().is_some_and(&expected));
    container.state.health.expect("it is checked")
}

/// How many processes of the container have this name.
fn count(engine: &Engine, name: &str) -> usize {
    let id = engine.find("web").expect("a container").saved.id;
    let of = |process: fs::DirEntry| {
        let read = |file: &str| fs::read_to_string(process.path().join(file)).unwrap_or_default();
        read("cgroup").contains(&id) && read("comm").trim() == name
    };
    fs::read_dir("/proc").expect("/proc").flatten().filter_map(|process| of(process).then_some(())).count()
}

kernel_test! {
    fn what_a_probe_sees_decides(host) {
        with_container(host, &shell("echo $$ $PWD; test -e /well"), |engine| {
            let health = until(engine, |health| health.status == HealthStatus::Unhealthy);
            assert!(health.failing_streak >= 3, "{health:?}");
            assert!(health.log.iter().all(|result| result.exit_code == 1 && result.output.ends_with(" /\n")), "{health:?}");
            fs::write(format!("/proc/{}/root/well", engine.find("web").expect("it").state.pid), "").expect("a file");
            let health = until(engine, |health| health.status == HealthStatus::Healthy);
            assert_eq!((health.failing_streak, health.log.last().map(|result| result.exit_code)), (0, Some(0)));
            let health = until(engine, |health| health.log.iter().all(|result| result.exit_code == 0));
            assert_eq!(health.log.len(), 5);
            let told = fs::read_to_string(data(host).join("events/events.jsonl")).expect("events");
            let at = |action: &str| told.find(&format!("\"Action\":\"{action}")).unwrap_or(usize::MAX);
            let order = ["start", "exec_create: /bin/sh -c echo", "exec_start: /bin/sh -c echo", "exec_die", "health_status: unhealthy"].map(at);
            assert!(order.is_sorted() && order[4] < at("health_status: healthy"), "{order:?}: {told}");
            assert!(told[order[3]..].lines().next().is_some_and(|event| event.contains("\"exitCode\":\"1\"")), "{told}");
            assert!(health.log.iter().all(|result| result.start <= result.end));
            engine.stop("web", "", None).expect("an end");
            assert_eq!(engine.find("web").expect("it").state.health.expect("it").status, HealthStatus::Unhealthy);
        });
    }

    fn without_a_check_nothing_is_said(host) {
        with_container(host, &checked(&["NONE"], &HealthConfig::default()), |engine| {
            assert_eq!(engine.find("web").expect("it").state.health, None);
        });
    }

    fn a_probe_that_takes_too_long_is_ended_with_all_that_it_has_started(host) {
        // Enough for its first word, also on a busy machine.
        let config = HealthConfig { timeout: 2_000_000_000, retries: 1, ..HealthConfig::default() };
        let script = "echo begun; trap '' TERM; setsid tail -f /dev/null & tail -f /dev/null";
        with_container(host, &checked(&["CMD-SHELL", script], &config), |engine| {
            let health = until(engine, |health| health.status == HealthStatus::Unhealthy);
            let result = &health.log[0];
            assert_eq!((result.exit_code, result.output.as_str()), (-1, "Health check exceeded timeout (2s): begun\n"));
            let health = until(engine, |health| health.log.len() >= 2);
            assert!(health.log.iter().all(|result| result.exit_code == -1), "{health:?}");
            assert!(count(engine, "tail") <= 2, "they do not pile up: {}", count(engine, "tail"));
        });
    }

    fn of_much_output_the_beginning_is_kept(host) {
        with_container(host, &shell("yes | head -c 300000; echo x >&2"), |engine| {
            let health = until(engine, |health| !health.log.is_empty());
            let result = &health.log[0];
            assert_eq!((result.exit_code, result.output.len(), result.output.ends_with("y\n...")), (0, 4099, true), "{result:?}");
        });
    }

    fn a_probe_of_any_user_may_open_its_streams_again(host) {
        for mode in ["", "private"] {
            let mut create = shell("id -u; echo again >/dev/stderr");
            create.config.user = "1000".into();
            create.host.userns_mode = mode.into();
            with_container(host, &create, |engine| {
                let health = until(engine, |health| !health.log.is_empty());
                assert_eq!((health.log[0].exit_code, health.log[0].output.as_str()), (0, "1000\nagain\n"), "{mode}");
            });
        }
    }

    fn a_probe_that_cannot_be_run_says_why(host) {
        with_container(host, &checked(&["CMD", "nosuch"], &HealthConfig::default()), |engine| {
            let health = until(engine, |health| health.status == HealthStatus::Unhealthy);
            let result = &health.log[0];
            assert_eq!(result.exit_code, -1);
            assert!(result.output.contains("nosuch"), "{result:?}");
        });
    }

    /// The probe hangs all the time, and nothing else does.
    fn a_probe_holds_nothing_up(host) {
        let config = HealthConfig { timeout: 1_000_000_000_000, ..HealthConfig::default() };
        with_container(host, &checked(&["CMD", "tail", "-f", "/dev/null"], &config), |engine| {
            while count(engine, "tail") == 0 {
                std::thread::yield_now();
            }
            engine.pause("web").expect("a pause");
            engine.unpause("web").expect("it goes on");
            while count(engine, "tail") == 0 {
                std::thread::yield_now();
            }
            engine.stop("web", "", None).expect("an end");
            assert_eq!(engine.find("web").expect("it").state.exit_code, 3);
        });
    }

    fn what_stands_still_is_not_probed(host) {
        with_container(host, &shell("true"), |engine| {
            until(engine, |health| health.status == HealthStatus::Healthy);
            engine.pause("web").expect("a pause");
            let health = engine.find("web").expect("it").state.health.expect("it is checked");
            assert_eq!(health.status, HealthStatus::Unhealthy, "nobody looks");
            engine.unpause("web").expect("it goes on");
            let later = until(engine, |health| health.status == HealthStatus::Healthy);
            assert!(later.log.iter().all(|result| result.exit_code == 0), "a probe that stood still does not count");
        });
    }
}
