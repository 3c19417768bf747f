//! Containers that have namespaces of other containers, seen from outside.

mod common;

use std::fs;

use common::{another, command, data, named, status, traces};
use engine::{Create, Engine, ExecWish, Status};
use testkit::{Host, kernel_test};

const LONG: &str = "sleep 1000";

fn with(mut create: Create, change: impl FnOnce(&mut engine::create::HostConfig)) -> Create {
    change(&mut create.host);
    create
}

fn started(engine: &Engine, create: &Create) {
    engine.run_detached(create).expect("a container").1.expect("a start");
}

/// What the kernel says of a namespace of a container's program.
fn namespace(engine: &Engine, name: &str, kind: &str) -> String {
    let pid = engine.find(name).expect("a container").state.pid;
    fs::read_link(format!("/proc/{pid}/ns/{kind}")).expect("a namespace").display().to_string()
}

fn memory(engine: &Engine, name: &str) -> String {
    let pid = engine.find(name).expect("a container").state.pid;
    format!("/proc/{pid}/root/dev/shm/note")
}

fn gone(host: &Host, engine: &Engine, names: &[&str]) {
    for name in names {
        engine.remove(name, true).expect("a removal");
    }
    assert_eq!(traces(&data(host)), Vec::<String>::new());
}

kernel_test! {
    fn a_container_has_those_namespaces_of_another_that_were_asked_for(host) {
        command(host, |engine| {
            started(engine, &with(named("one", LONG), |host| host.ipc_mode = "shareable".into()));
            started(engine, &with(named("two", LONG), |host| {
                host.ipc_mode = "container:one".into();
                host.pid_mode = "container:one".into();
                host.network_mode = "container:one".into();
            }));
        });
        let engine = another(host);
        for kind in ["ipc", "pid", "net"] {
            assert_eq!(namespace(&engine, "one", kind), namespace(&engine, "two", kind), "{kind}");
        }
        for kind in ["mnt", "uts", "cgroup"] {
            assert_ne!(namespace(&engine, "one", kind), namespace(&engine, "two", kind), "{kind}");
        }
        fs::write(memory(&engine, "one"), "seen").expect("shared memory");
        assert_eq!(fs::read_to_string(memory(&engine, "two")).expect("the same memory"), "seen");
        // Its processes end with the other's first, and it is recorded as any other end.
        engine.stop("one", "KILL", Some(0)).expect("a stop");
        assert_eq!(engine.wait("two").expect("an end"), 137);
        gone(host, &engine, &["one", "two"]);
    }

    fn each_start_looks_for_the_other_anew(host) {
        command(host, |engine| {
            started(engine, &named("one", LONG));
            started(engine, &with(named("two", LONG), |host| host.network_mode = "container:one".into()));
            let before = namespace(engine, "two", "net");
            // While it is held, its number is not given to another.
            let pid = engine.find("two").expect("a container").state.pid;
            let _held = fs::File::open(format!("/proc/{pid}/ns/net")).expect("a namespace");
            engine.stop("one", "KILL", Some(0)).expect("a stop");
            assert_eq!(status(engine, "two"), Status::Running, "a network outlives who made it");
            let refused = engine.restart("two", "KILL", Some(0)).expect_err("nobody to have it of").message;
            assert!(refused.ends_with("container one is exited"), "{refused}");
            engine.start("one").expect("a start");
            engine.start("two").expect("a start");
            assert_eq!(namespace(engine, "one", "net"), namespace(engine, "two", "net"));
            assert_ne!(namespace(engine, "two", "net"), before);
            gone(host, engine, &["one", "two"]);
        });
    }

    fn after_a_boot_who_has_a_network_comes_after_whose_it_is(host) {
        let always = |host: &mut engine::create::HostConfig| host.restart_policy.name = "always".into();
        command(host, |engine| {
            // Made first, and named before there is one of that name.
            engine.create(&with(named("guest", LONG), |host| {
                always(host);
                host.network_mode = "container:owner".into();
            })).expect("a container");
            engine.create(&with(named("owner", LONG), always)).expect("a container");
            for name in ["owner", "guest"] {
                engine.start(name).expect("a start");
            }
            for name in ["guest", "owner"] {
                engine.kill(name, "KILL").expect("a kill");
                engine.wait(name).expect("an end");
                let id = engine.find(name).expect("a container").saved.id;
                let path = data(host).join("containers").join(id).join("state.json");
                let mut state: serde_json::Value =
                    serde_json::from_slice(&fs::read(&path).expect("a state")).expect("JSON");
                state["boot"] = "another".into();
                fs::write(&path, state.to_string()).expect("a state");
            }
        });
        command(host, |engine| {
            let restored = engine.restore().expect("a list");
            let names: Vec<&str> = restored.iter().map(|one| one.name.as_str()).collect();
            assert_eq!(names, ["owner", "guest"]);
            assert!(restored.iter().all(|one| one.result.is_ok()), "{restored:?}");
            assert_eq!(namespace(engine, "owner", "net"), namespace(engine, "guest", "net"));
            gone(host, engine, &["guest", "owner"]);
        });
    }

    /// A process of ours that stays inside, unconfined, is not for one who may trace.
    fn where_somebody_may_trace_nobody_waits_inside_for_an_exec(host) {
        let parents = "echo $PPID >/parent";
        let parent = |engine: &Engine| {
            let wish = ExecWish { args: ["sh", "-c", parents].map(Into::into).into(), ..ExecWish::default() };
            assert_eq!(engine.exec("one", &wish, "").expect("an end").code(), 0);
            let pid = engine.find("one").expect("it").state.pid;
            fs::read_to_string(format!("/proc/{pid}/root/parent")).expect("what it saw")
        };
        command(host, |engine| {
            started(engine, &named("one", LONG));
            assert_ne!(parent(engine), "0\n", "who waits is inside");
            started(engine, &with(named("tracer", LONG), |host| {
                host.pid_mode = "container:one".into();
                host.cap_add = vec!["SYS_PTRACE".into()];
            }));
            assert_eq!(parent(engine), "0\n");
            engine.restart("one", "KILL", Some(0)).expect("another life");
            assert_ne!(parent(engine), "0\n", "he is gone");
            engine.wait("tracer").expect("an end");
            gone(host, engine, &["one", "tracer"]);
        });
    }

    fn a_container_of_two_user_namespaces_is_not_made(host) {
        command(host, |engine| {
            engine.create(&named("one", LONG)).expect("a container");
            let both = with(named("two", LONG), |host| {
                host.pid_mode = "container:one".into();
                host.userns_mode = "private".into();
            });
            let refused = engine.create(&both).expect_err("what is another's belongs to another's users").message;
            assert!(refused.starts_with("conflicting options"), "{refused}");
            gone(host, engine, &["one"]);
        });
    }
}
