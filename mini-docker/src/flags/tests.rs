//! From a whole command line to docker's JSON.

use clap::{Args, Command, FromArgMatches};
use process::FailureKind;
use serde_json::Value;

use super::*;
use crate::command_line::{self, Wish};

/// What `run` makes of its words.
fn wished(words: &[&str]) -> Result<Create, Failure> {
    let line = ["mini-docker", "run"].iter().chain(words).map(OsString::from);
    let Ok(Wish::Command { matches, .. }) = command_line::read(crate::cli::tree(), line) else { panic!("{words:?}") };
    refused::check(&matches, refused::RUN)?;
    ContainerFlags::from_arg_matches(&matches).expect("flags").create(false, &ConfigFile::default())
}

/// One of each, some twice.
const WHOLE: &str = "
    -it --rm --name web -h ship --domainname example -u alice:staff --group-add 5 -w /srv -e A=1 -eB=2
    --entrypoint /bin/server -l a=b --label c --stop-signal TERM --stop-timeout 3 --no-healthcheck
    --read-only --tmpfs /run:size=1m --tmpfs /tmp --tmpfs /tmp:ro --shm-size 1g
    --memory 64m --memory 128m --memory-swap -1 --memory-reservation 32m --memory-swappiness 10
    --oom-kill-disable --oom-score-adj -5 --cpus 1.5 -c 512 --cpuset-cpus 0-1 --cpuset-mems 0 --pids-limit 100
    --blkio-weight 300 --blkio-weight-device /dev/a:100 --device-read-bps /dev/a:1mb --device-write-bps /dev/a:2kb
    --device-read-iops /dev/a:3 --device-write-iops /dev/a:4 --device /dev/x:/dev/y:r
    --ulimit nofile=1:2 --ulimit core=-1 --ulimit nofile=3:4 --cap-add NET_ADMIN --cap-drop ALL
    --security-opt no-new-privileges --privileged=false --init --pid host --ipc shareable --uts= --userns host
    --cgroupns private --network none --add-host db:10.0.0.2 --dns 1.1.1.1 --dns-search example --dns-opt ndots:2
    --sysctl net.ipv4.ip_forward=1 --annotation tool=x --cidfile id --restart no -a STDOUT -a stdin
";

#[test]
fn a_whole_command_line_is_dockers_json() {
    let mut words: Vec<&str> = WHOLE.split_whitespace().collect();
    words.extend(["--device-cgroup-rule", "c 10:* rwm", "busybox", "--flag", "-x"]);
    let create = wished(&words).expect("a wish");
    let json = serde_json::to_value(&create).expect("JSON");
    assert_eq!(create.name, "web", "the name is no part of the JSON");
    let again = Create::from_json(json.to_string().as_bytes()).expect("our own JSON");
    assert_eq!(Create { name: "web".into(), ..again }, create);
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).expect("JSON"));
}

#[test]
fn an_empty_value_asks_for_nothing() {
    let plain = wished(&["busybox"]).expect("a wish");
    let empty = wished(&[
        "-w",
        "",
        "-h",
        "",
        "--name",
        "",
        "-u",
        "",
        "--uts",
        "",
        "--pid",
        "",
        "--ipc",
        "",
        "--userns",
        "",
        "--cgroupns",
        "",
        "--cidfile",
        "",
        "--cpuset-cpus",
        "",
        "--cpuset-mems",
        "",
        "--network",
        "",
        "--stop-signal",
        "",
        "--memory",
        "0",
        "--cpus",
        "0",
        "--memory-swappiness",
        "-1",
        "busybox",
    ]);
    assert_eq!(empty.expect("a wish"), plain);
}

#[test]
fn every_flag_that_is_refused_says_so_by_its_name_and_takes_its_neutral_value() {
    let command = refused::augment(Command::new("run"), refused::RUN);
    let mut told = Vec::new();
    for arg in command.get_arguments() {
        let long = arg.get_long().expect("a name");
        let switch = arg.get_num_args().is_some_and(|range| range.min_values() == 0);
        let other = if long == "disable-content-trust" { "false" } else { "true" };
        let flag = format!("--{long}={}", if switch { other } else { "x" });
        let failure = wished(&[&flag, "busybox"]).expect_err(&flag);
        assert_eq!(failure.kind, FailureKind::Unsupported);
        told.push(failure.message);
    }
    insta::assert_snapshot!(told.join("\n"));
    for line in ["--publish-all=false", "--gpus=", "--runtime=", "--log-driver=", "--isolation=default", "--ip="] {
        assert!(wished(&[line, "busybox"]).is_ok(), "{line}");
    }
    assert_eq!(wished(&["-ip", "80:80", "busybox"]).expect_err("a port").message.split(' ').next(), Some("--publish"));
}

#[test]
fn what_dockers_client_refuses_itself_is_refused_here() {
    let lines: [&[&str]; 11] = [
        &["--pid", "private", "busybox"],
        &["--uts", "private", "busybox"],
        &["--userns", "x", "busybox"],
        &["--cgroupns", "x", "busybox"],
        &["--memory-swappiness", "101", "busybox"],
        &["--stop-signal", "FOO", "busybox"],
        &["--security-opt", "x", "busybox"],
        &["--security-opt", "seccomp=", "busybox"],
        &["--security-opt", "seccomp=/dev/null", "busybox"],
        &["--restart", "always", "--rm", "busybox"],
        &["--env-file", "/no/such/file", "busybox"],
    ];
    let told = lines.map(|line| wished(line).expect_err(line[0]).message);
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn the_reference_names_every_flag_that_works() {
    let command = ContainerFlags::augment_args(Command::new("run"));
    let undocumented: Vec<&str> = command
        .get_arguments()
        .filter(|arg| !arg.is_positional() && arg.get_help().is_none())
        .filter_map(clap::Arg::get_long)
        .collect();
    assert_eq!(undocumented, Vec::<&str>::new());
    assert_eq!(serde_json::to_value(wished(&["x"]).expect("a wish")).expect("JSON")["Image"], Value::from("x"));
}
