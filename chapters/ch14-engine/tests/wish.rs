//! A wish in docker's JSON becomes a container, and nothing of it stays: through the library, without a command line.

mod common;

use std::fs;
use std::path::Path;

use common::{alone, command, data, wish};
use engine::Engine;
use testkit::kernel_test;

/// Runs `json`, whose program tells by its exit status what it saw.
fn status(engine: &Engine, json: &str) -> u8 {
    engine.run(&wish(json), &alone()).unwrap_or_else(|error| panic!("{error}")).code()
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
            assert_eq!(containers(&data(host)), 0);
        });
    }

    fn what_cannot_be_is_refused_before_anything_is_made(host) {
        command(host, |engine| {
            for json in [
                r#"{ "Image": "nosuch" }"#,
                r#"{ "Image": "busybox", "HostConfig": { "Memory": 1 } }"#,
                r#"{ "Image": "busybox", "HostConfig": { "Binds": ["/:/host"] } }"#,
                r#"{ "Image": "busybox", "User": "4294967295", "HostConfig": { "AutoRemove": true } }"#,
            ] {
                assert!(engine.run(&wish(json), &alone()).is_err(), "{json}");
                assert_eq!(containers(&data(host)), 0, "{json}");
            }
        });
    }
}
