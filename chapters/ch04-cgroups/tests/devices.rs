//! Devices: what may be opened, read, written, made.

mod common;

use std::fs::OpenOptions;
use std::io::{Error, Write};
use std::path::Path;

use cgroups::{DeviceKind, DeviceRule, Limits};
use common::{Bench, Inmate};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use testkit::kernel_test;

fn limits(devices: Vec<DeviceRule>) -> Limits {
    Limits { devices, ..Limits::default() }
}

fn word<T>(outcome: Result<T, Error>) -> String {
    outcome.map_or_else(|error| format!("{:?}", error.kind()), |_| "ok".into())
}

/// Opens `device` for reading, for writing and for both.
fn attempts(device: &Path) -> String {
    let open = |read, write| word(OpenOptions::new().read(read).write(write).open(device));
    format!("{} {} {}", open(true, false), open(false, true), open(true, true))
}

/// Makes a node for a character device.
fn make(path: &Path, major: u64, minor: u64) -> String {
    word(mknod(path, SFlag::S_IFCHR, Mode::from_bits_truncate(0o600), makedev(major, minor)).map_err(Error::from))
}

/// What a process under `rules` has to say.
fn under(bench: &Bench, rules: Vec<DeviceRule>, inside: impl FnOnce() -> String) -> String {
    let group = bench.group(&limits(rules));
    let line = Inmate::new(&group, |say| writeln!(say, "{}", inside()).expect("a pipe")).line();
    group.kill().expect("kill");
    group.remove().expect("remove");
    line
}

kernel_test! {
    fn dockers_defaults_allow_null_and_no_kernel_log(host) {
        let bench = Bench::new(host, &["devices"]);
        // 1:11 is /dev/kmsg. Nodes of our own, for a container's /dev is as it likes.
        let (null, kernel_log) = (host.dir().join("null"), host.dir().join("kmsg"));
        make(&null, 1, 3);
        make(&kernel_log, 1, 11);
        assert_eq!(attempts(&kernel_log), "ok ok ok", "it can be opened outside");
        let fresh = host.dir().join("fresh");
        let seen = under(&bench, DeviceRule::docker_defaults(), || {
            format!("null {}, kmsg {}, mknod {}", attempts(&null), attempts(&kernel_log), make(&fresh, 1, 11))
        });
        assert_eq!(
            seen,
            "null ok ok ok, kmsg PermissionDenied PermissionDenied PermissionDenied, mknod ok"
        );
    }

    fn letters_are_decided_one_by_one(host) {
        let bench = Bench::new(host, &["devices"]);
        let null = host.dir().join("null");
        make(&null, 1, 3);
        let rule = |access| DeviceRule::new(true, DeviceKind::Char, Some(1), Some(3), access);
        let only_read = under(&bench, vec![DeviceRule::all(false), rule("r")], || attempts(&null));
        assert_eq!(only_read, "ok PermissionDenied PermissionDenied");
        let both = under(&bench, vec![DeviceRule::all(false), rule("r"), rule("w")], || attempts(&null));
        assert_eq!(both, "ok ok ok");
        let other = host.dir().join("other");
        let no_node = under(&bench, vec![DeviceRule::all(false), rule("rw")], || make(&other, 1, 3));
        assert_eq!(no_node, "PermissionDenied");
    }

    fn a_rule_about_both_kinds_does_not_open_everything(host) {
        let bench = Bench::new(host, &["devices"]);
        let kernel_log = host.dir().join("kmsg");
        make(&kernel_log, 1, 11);
        let rules = vec![DeviceRule::all(false), DeviceRule::new(true, DeviceKind::All, None, None, "m")];
        assert_eq!(
            under(&bench, rules, || attempts(&kernel_log)),
            "PermissionDenied PermissionDenied PermissionDenied"
        );
    }

    fn one_denied_device_among_all(host) {
        let bench = Bench::new(host, &["devices"]);
        let (null, zero) = (host.dir().join("null"), host.dir().join("zero"));
        make(&null, 1, 3);
        make(&zero, 1, 5);
        let rules = vec![DeviceRule::all(true), DeviceRule::new(false, DeviceKind::Char, Some(1), Some(3), "w")];
        assert_eq!(
            under(&bench, rules, || format!("{}, {}", attempts(&null), attempts(&zero))),
            "ok PermissionDenied PermissionDenied, ok ok ok"
        );
    }
}
