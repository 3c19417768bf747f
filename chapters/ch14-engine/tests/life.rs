//! A container's life: who ends what, what is recorded, and what is left.

mod common;

use std::fs;
use std::path::PathBuf;

use common::{alone, another, command, data, named, status, traces, wait_until, wish};
use engine::{Create, Engine, Status};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpgid, getsid};
use testkit::{Host, kernel_test};

const FOREVER: &str = "trap 'exit 3' TERM; while :; do sleep 1000 & wait $!; done";

/// A container that runs in the background, started by a command that has ended.
fn started(host: &Host, create: &Create) -> Engine {
    command(host, |engine| {
        engine.run_detached(create).expect("a container").1.expect("a start");
    });
    another(host)
}

/// Process id of the shim: the parent of the program.
fn shim_of(engine: &Engine, name: &str) -> Pid {
    let pid = engine.find(name).expect("a container").state.pid;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:\t")).expect("a parent");
    Pid::from_raw(parent.parse().expect("a number"))
}

fn temporary(create: Create) -> Create {
    let mut create = create;
    create.host.auto_remove = true;
    create
}

kernel_test! {
    fn a_container_outlives_the_command_that_started_it_and_is_stopped_by_another(host) {
        let engine = started(host, &named("web", FOREVER));
        let container = engine.find("web").expect("a container");
        assert_eq!(container.state.status, Status::Running);
        assert!(fs::metadata(format!("/proc/{}", container.state.pid)).is_ok(), "its program runs");
        for name in [&container.saved.id, &container.saved.id[..5], "/web"] {
            assert_eq!(engine.find(name).expect("the same").saved.id, container.saved.id, "{name}");
        }
        engine.stop("web", "", None).expect("an end");
        let state = engine.find("web").expect("still there").state;
        assert_eq!((state.status, state.exit_code, state.pid), (Status::Exited, 3, 0));
        engine.remove("web", false).expect("a removal");
        assert_eq!(traces(&data(host)), Vec::<String>::new());
    }

    /// Neither the end of a terminal nor that of a pipeline is anything to it.
    fn a_shim_has_a_session_of_its_own_and_nothing_of_its_caller(host) {
        let engine = started(host, &named("web", FOREVER));
        let shim = shim_of(&engine, "web");
        assert_eq!((getsid(Some(shim)), getpgid(Some(shim))), (Ok(shim), Ok(shim)));
        let open: Vec<String> = fs::read_dir(format!("/proc/{shim}/fd"))
            .expect("its descriptors")
            .flatten()
            .map(|entry| fs::read_link(entry.path()).expect("a link").display().to_string())
            .filter(|target| target != "/dev/null")
            .collect();
        let known = ["socket:", "pipe:", "anon_inode:[pidfd]", "/sys/fs/cgroup/", &data(host).join("run").display().to_string()];
        let (roots, open): (Vec<String>, Vec<String>) = open.into_iter().partition(|target| target == "/");
        assert_eq!(roots.len(), 1, "the container's file system, which is let go of when its end has been told");
        assert!(open.iter().all(|target| known.iter().any(|known| target.starts_with(known))), "{open:?}");
        assert_eq!(fs::read_link(format!("/proc/{shim}/cwd")).expect("a link").to_str(), Some("/"));
        let groups = fs::read_to_string(format!("/proc/{shim}/cgroup")).expect("its groups");
        assert!(groups.lines().any(|line| line.ends_with("/mini-docker/shims")), "{groups}");
        engine.remove("web", true).expect("a removal");
    }

    fn a_shim_that_is_killed_takes_its_container_along_and_the_next_command_records_it(host) {
        let engine = started(host, &named("web", FOREVER));
        let pid = engine.find("web").expect("a container").state.pid;
        kill(shim_of(&engine, "web"), Signal::SIGKILL).expect("a signal");
        assert_eq!(engine.wait("web").expect("an end"), 137, "also while the shim is still dying");
        while fs::metadata(format!("/proc/{pid}")).is_ok() {
            // It is ours now, to be reaped.
            let _ = nix::sys::wait::waitpid(None, None);
        }
        let state = another(host).find("web").expect("still there").state;
        assert_eq!((state.status, state.exit_code), (Status::Exited, 137));
        assert!(!data(host).join("run/containers").join(&engine.find("web").expect("it").saved.id).exists());
        let told = fs::read_to_string(data(host).join("events/events.jsonl")).expect("events");
        let last = told.lines().last().expect("an event");
        assert!(last.contains("\"Action\":\"die\"") && last.contains("\"exitCode\":\"137\""), "{last}");
        command(host, |engine| engine.start("web").expect("another life"));
        assert_eq!(status(&engine, "web"), Status::Running);
        engine.remove("web", true).expect("a removal");
        assert_eq!(traces(&data(host)), Vec::<String>::new());
    }

    /// Also if its shim is killed: the next command knows where to look, with `--rm` too, whose record is elsewhere.
    fn a_container_is_in_the_group_that_was_asked_for_and_leaves_nothing_there(host) {
        let parent = format!("/{}/deep", host.cgroup_name());
        let trees: Vec<PathBuf> = fs::read_dir("/sys/fs/cgroup").expect("hierarchies").flatten().map(|tree| tree.path())
            .chain(["/sys/fs/cgroup".into()]).collect();
        for lasting in [true, false] {
            let mut create = if lasting { named("web", FOREVER) } else { temporary(named("web", FOREVER)) };
            create.host.cgroup_parent.clone_from(&parent);
            let engine = started(host, &create);
            let container = engine.find("web").expect("it");
            let groups = fs::read_to_string(format!("/proc/{}/cgroup", container.state.pid)).expect("its groups");
            let own = format!("{parent}/{}", container.saved.id);
            assert!(groups.lines().any(|line| line.ends_with(&own)), "{groups}");
            let there = || trees.iter().any(|tree| tree.join(own.trim_start_matches('/')).is_dir());
            assert!(there());
            kill(shim_of(&engine, "web"), Signal::SIGKILL).expect("a signal");
            while fs::metadata(format!("/proc/{}", container.state.pid)).is_ok() {
                let _ = nix::sys::wait::waitpid(None, None);
            }
            let engine = another(host);
            assert!(!there(), "it is gone");
            assert_eq!(engine.remove("web", true).is_ok(), lasting);
        }
        // Whoever names a group, has it.
        for group in trees.iter().flat_map(|tree| [parent.as_str(), parent.trim_end_matches("/deep")].map(|path| tree.join(&path[1..]))) {
            let _ = fs::remove_dir(group);
        }
    }

    fn with_rm_nothing_is_left_whether_it_ends_or_its_shim_is_killed(host) {
        let engine = started(host, &temporary(named("once", FOREVER)));
        assert!(!data(host).join("containers").join(&engine.find("once").expect("it").saved.id).join("record.json").exists());
        engine.stop("once", "KILL", None).expect("an end");
        let _ = nix::sys::wait::waitpid(None, None);
        assert_eq!(traces(&data(host)), Vec::<String>::new());
        let engine = started(host, &temporary(named("once", FOREVER)));
        kill(shim_of(&engine, "once"), Signal::SIGKILL).expect("a signal");
        while nix::sys::wait::waitpid(None, None).is_ok() {}
        another(host);
        assert_eq!(traces(&data(host)), Vec::<String>::new());
    }

    /// Its shim does it, and goes on for as long as the disk wants; the name is free at once.
    fn what_is_removed_while_it_runs_is_out_of_sight_when_the_command_ends(host) {
        let engine = started(host, &named("web", FOREVER));
        engine.remove("web", true).expect("a removal");
        assert!(engine.find("web").is_err());
        assert_eq!(fs::read_dir(data(host).join("containers")).expect("a directory").count(), 0);
        let engine = started(host, &named("web", FOREVER));
        engine.remove("web", true).expect("a removal");
        assert_eq!(traces(&data(host)), Vec::<String>::new());
    }

    fn what_did_not_start_is_there_to_be_looked_at(host) {
        command(host, |engine| {
            let create = Create { name: "bad".into(), ..wish(r#"{ "Image": "busybox", "Cmd": ["nosuch"] }"#) };
            let failure = engine.run(&create, &alone()).expect_err("no such program");
            assert_eq!(failure.exit_code(), 127);
            let state = engine.find("bad").expect("still there").state;
            assert_eq!((state.status, state.exit_code), (Status::Created, 127));
            assert!(state.error.contains("nosuch"), "{}", state.error);
            engine.remove("bad", false).expect("a removal");
        });
        assert_eq!(traces(&data(host)), Vec::<String>::new());
    }

    fn a_record_is_written_before_anything_runs_and_start_needs_nothing_else(host) {
        command(host, |engine| {
            engine.create(&named("later", "echo once >>/file; test $(wc -l </file) = 2")).expect("a container");
        });
        let engine = another(host);
        assert_eq!(status(&engine, "later"), Status::Created);
        assert_eq!(engine.wait("later").expect("it does not run"), 0);
        for code in [1, 0] {
            command(host, |engine| {
                assert_eq!(engine.start_attached("later", &alone()).expect("an end").code(), code, "what it wrote is there");
            });
        }
        engine.remove("later", false).expect("a removal");
    }

    fn names_are_unique_and_made_up_where_none_is_given(host) {
        command(host, |engine| {
            let first = engine.create(&named("web", "true")).expect("a container");
            let refused = engine.create(&named("web", "true")).expect_err("the name is taken").message;
            assert!(refused.contains(&format!("already in use by container \"{}\"", first.id)), "{refused}");
            let names: Vec<String> = (0..20).map(|_| engine.create(&named("", "true")).expect("a container").name).collect();
            assert!(names.iter().all(|name| name.contains('_')), "{names:?}");
            for bad in ["a", "-web", ".web", "../web", "we/b", "w b", "wéb"] {
                assert!(engine.create(&named(bad, "true")).expect_err(bad).message.contains("Invalid container name"));
                assert!(engine.rename("web", bad).is_err());
            }
            engine.rename("web", "net").expect("another name");
            assert_eq!(engine.find("net").expect("it").saved.id, first.id);
            assert!(engine.find("web").is_err());
            engine.create(&named("web", "true")).expect("the name is free again");
            assert_eq!(engine.containers().expect("a list").len(), 22);
            for container in engine.containers().expect("a list") {
                engine.remove(&container.saved.id, false).expect("a removal");
            }
        });
        assert_eq!(traces(&data(host)), Vec::<String>::new());
    }

    fn a_container_that_lives_is_removed_by_force_alone(host) {
        let engine = started(host, &named("web", FOREVER));
        let refused = engine.remove("web", false).expect_err("it runs").message;
        assert_eq!(refused, "cannot remove container \"web\": container is running: stop the container before removing or force remove");
        engine.pause("web").expect("a pause");
        let refused = engine.remove("web", false).expect_err("it stands still").message;
        assert_eq!(refused, "cannot remove container \"web\": container is paused and must be unpaused first");
        engine.remove("web", true).expect("a removal");
        assert_eq!(traces(&data(host)), Vec::<String>::new());
    }

    fn what_stands_still_can_be_stopped(host) {
        let engine = started(host, &named("web", FOREVER));
        // Its handler is there before its first child is.
        let pid = engine.find("web").expect("it").state.pid;
        while fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("its children").is_empty() {
            std::thread::yield_now();
        }
        engine.pause("web").expect("a pause");
        assert_eq!(status(&engine, "web"), Status::Paused);
        assert!(engine.pause("web").is_err());
        engine.stop("web", "", None).expect("an end");
        assert_eq!(engine.find("web").expect("it").state.exit_code, 3, "its own handler ran");
        assert!(engine.unpause("web").is_err());
        engine.remove("web", false).expect("a removal");
    }

    /// A shim that stands still does not hold commands up, and can be got rid of.
    fn a_stuck_shim_is_named_within_a_second_and_removed_by_force(host) {
        let engine = started(host, &named("web", FOREVER));
        let shim = shim_of(&engine, "web");
        kill(shim, Signal::SIGSTOP).expect("a signal");
        let failure = engine.kill("web", "TERM").expect_err("nobody answers");
        assert!(failure.message.contains(&format!("(process {shim}) does not answer")), "{}", failure.message);
        assert_eq!(status(&engine, "web"), Status::Running, "to look at it needs no shim");
        std::thread::scope(|scope| {
            // Its parent is gone; whoever it falls to has to reap it, and that is this process.
            scope.spawn(|| while nix::sys::wait::waitpid(None, None).is_ok() {});
            engine.remove("web", true).expect("a removal");
        });
        assert_eq!(traces(&data(host)), Vec::<String>::new());
    }

    fn a_failing_program_comes_back_as_often_as_its_policy_says(host) {
        let mut create = named("again", "echo x >>/count; exit 4");
        create.host.restart_policy = engine::RestartPolicy { name: "on-failure".into(), maximum_retry_count: 2 };
        let engine = started(host, &create);
        let state = wait_until(&engine, "again", |container| container.state.status == Status::Exited).state;
        assert_eq!((state.exit_code, state.restarts), (4, 2));
        let count = data(host).join("containers").join(engine.find("again").expect("it").saved.id).join("upper/count");
        assert_eq!(fs::read_to_string(count).expect("what it wrote"), "x\nx\nx\n");
        engine.remove("again", false).expect("a removal");
    }

    fn what_was_stopped_by_hand_does_not_come_back(host) {
        let mut create = named("again", FOREVER);
        create.host.restart_policy = engine::RestartPolicy { name: "always".into(), maximum_retry_count: 0 };
        let engine = started(host, &create);
        engine.stop("again", "", None).expect("an end");
        let state = wait_until(&engine, "again", |container| !container.state.status.is_alive()).state;
        assert_eq!((state.status, state.exit_code, state.restarts), (Status::Exited, 3, 0));
        engine.remove("again", false).expect("a removal");
    }

    fn every_step_of_a_life_is_told(host) {
        let engine = started(host, &named("web", FOREVER));
        engine.pause("web").expect("a pause");
        engine.unpause("web").expect("it goes on");
        engine.rename("web", "net").expect("another name");
        engine.kill("net", "WINCH").expect("a signal");
        engine.stop("net", "", None).expect("an end");
        engine.remove("net", false).expect("a removal");
        let mut journals = fs::read_dir(data(host).join("events")).expect("a directory").flatten();
        let journal = fs::read_to_string(journals.next().expect("a file").path()).expect("events");
        let told: Vec<String> = journal
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
            .map(|event| {
                let attributes = &event["Actor"]["Attributes"];
                let more = ["signal", "exitCode", "oldName"].map(|name| attributes[name].as_str().unwrap_or_default());
                format!("{} {} {}", event["Action"].as_str().unwrap_or_default(), attributes["name"].as_str().unwrap_or_default(), more.join("")).trim_end().to_owned()
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        create web
        start web
        pause web
        unpause web
        rename net /web
        kill net 28
        kill net 15
        die net 3
        stop net
        destroy net
        ");
    }

    /// Another boot: the program is none, whatever has its number now.
    fn after_a_reboot_it_has_ended_with_255(host) {
        let engine = started(host, &named("web", FOREVER));
        let id = engine.find("web").expect("it").saved.id;
        engine.stop("web", "", None).expect("an end");
        let path = data(host).join("containers").join(&id).join("state.json");
        let mut state: serde_json::Value = serde_json::from_slice(&fs::read(&path).expect("a state")).expect("JSON");
        (state["status"], state["pid"], state["boot"]) = ("running".into(), 1.into(), "another".into());
        fs::write(&path, state.to_string()).expect("a state");
        let state = another(host).find("web").expect("it").state;
        assert_eq!((state.status, state.exit_code, state.pid), (Status::Exited, 255, 0));
        engine.remove("web", false).expect("process 1 is none of its");
    }
}
