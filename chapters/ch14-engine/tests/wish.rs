//! A wish in docker's JSON becomes a container, and nothing of it stays: through the library, without a command line.

use std::fs;
use std::path::Path;

use engine::{Create, Engine, Foreground, Streams};
use process::DetachKeys;
use process::signals::Proxy;
use testkit::{Host, Inmate, Need, kernel_test, require};

/// An engine with a busybox image.
fn engine(host: &Host) -> Engine {
    let engine = Engine::open(&host.dir().join("data")).expect("an engine");
    engine.bootstrap_busybox(&"busybox".parse().expect("a name")).expect("an image");
    engine
}

/// Nobody at any stream.
fn alone() -> Foreground {
    Foreground { streams: Streams::default(), proxy: Proxy::Never, detach_keys: DetachKeys::default() }
}

/// Runs `json`, whose program tells by its exit status what it saw.
fn status(engine: &Engine, json: &str) -> u8 {
    let create = Create::from_json(json.as_bytes()).expect("a wish");
    engine.run(&create, &alone()).unwrap_or_else(|error| panic!("{error}")).code()
}

/// In a process that ends: only then is removed what a container leaves.
fn command(host: &Host, work: impl FnOnce(&Engine)) {
    require(Need::Busybox);
    require(Need::Overlay);
    drop(Inmate::new(|| {
        work(&engine(host));
        String::new()
    }));
}

fn containers(data: &Path) -> usize {
    fs::read_dir(data.join("containers")).map_or(0, Iterator::count)
}

kernel_test! {
    fn the_program_sees_what_was_wished_for(host) {
        let json = r#"{
            "Image": "busybox",
            "Hostname": "ship",
            "User": "1000:50",
            "WorkingDir": "/tmp/../srv",
            "Env": ["A=1", "PATH"],
            "Cmd": ["/bin/sh", "-c", "test $(/bin/hostname) = ship && test $(/bin/id -u) = 1000 && test $(/bin/id -g) = 50 && test $PWD = /srv && test $A = 1 && ! /bin/touch /tmp/x && exit 7"],
            "HostConfig": { "NetworkMode": "none", "ReadonlyRootfs": true, "GroupAdd": ["5"], "AutoRemove": true }
        }"#;
        command(host, |engine| {
            assert_eq!(status(engine, json), 7);
            assert_eq!(containers(&host.dir().join("data")), 0);
        });
    }

    fn what_cannot_be_is_refused_before_anything_is_made(host) {
        command(host, |engine| {
            for json in [
                r#"{ "Image": "nosuch" }"#,
                r#"{ "Image": "busybox", "HostConfig": { "Memory": 1 } }"#,
                r#"{ "Image": "busybox", "HostConfig": { "Binds": ["/:/host"] } }"#,
                r#"{ "Image": "busybox", "User": "4294967295" }"#,
            ] {
                let create = Create::from_json(json.as_bytes()).expect("a wish");
                assert!(engine.run(&create, &alone()).is_err(), "{json}");
                assert_eq!(containers(&host.dir().join("data")), 0, "{json}");
            }
        });
    }
}
