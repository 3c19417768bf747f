//! Against pflag: what docker's client makes of the same words.

use super::*;
use crate::cli;

fn words(line: &str) -> Vec<OsString> {
    ["mini-docker"].into_iter().chain(line.split(' ').filter(|word| !word.is_empty())).map(OsString::from).collect()
}

/// The container that `run` would make, in short.
fn parsed(line: &str) -> Result<ArgMatches, String> {
    match read(cli::tree(), words(line)) {
        Ok(Wish::Command { matches, .. }) => Ok(*matches),
        Ok(other) => Err(format!("{other:?}")),
        Err(error) => Err(error.text().lines().next().unwrap_or_default().to_owned()),
    }
}

fn value(line: &str, flag: &str) -> Option<String> {
    parsed(line)
        .expect(line)
        .get_raw(flag)
        .and_then(|mut values| values.next_back())
        .map(|value| value.display().to_string())
}

fn list(line: &str, flag: &str) -> Vec<String> {
    let values = parsed(line).expect(line);
    values.get_raw(flag).into_iter().flatten().map(|value| value.display().to_string()).collect()
}

#[test]
fn flags_end_at_the_image() {
    for (line, expected) in [
        ("run busybox --privileged -it", "busybox --privileged -it"),
        ("run --rm busybox -- --rm", "busybox -- --rm"),
        ("run -- busybox echo --", "busybox echo --"),
        ("run --rm -- busybox", "busybox"),
        ("run busybox --help", "busybox --help"),
        ("run busybox --root /x -e", "busybox --root /x -e"),
        ("run - x", "- x"),
    ] {
        assert_eq!(list(line, "words").join(" "), expected, "{line}");
    }
    assert!(!parsed("run busybox --privileged").expect("a line").get_flag("privileged"));
}

#[test]
fn booleans_take_a_value_after_the_sign_only() {
    for (line, flag, expected) in [
        ("run --read-only x", "read_only", true),
        ("run --read-only=true x", "read_only", true),
        ("run --read-only=false x", "read_only", false),
        ("run --read-only --read-only=F x", "read_only", false),
        ("run --read-only=0 --read-only=T x", "read_only", true),
        ("run -i=true x", "interactive", true),
        ("run -it=false x", "tty", false),
        ("run -it=false x", "interactive", true),
        ("run -ti x", "interactive", true),
        ("run --sig-proxy=false x", "sig_proxy", false),
        ("run --sig-proxy x", "sig_proxy", true),
        ("run x", "sig_proxy", true),
    ] {
        assert_eq!(parsed(line).expect(line).get_flag(flag), expected, "{line}: {flag}");
    }
    assert_eq!(list("run --read-only false x", "words"), ["false", "x"]);
}

#[test]
fn values_stand_behind_a_blank_or_a_sign_and_may_begin_with_anything() {
    for (line, flag, expected) in [
        ("run --name web x", "name", "web"),
        ("run --name=web x", "name", "web"),
        ("run --name=a=b x", "name", "a=b"),
        ("run --name= x", "name", ""),
        ("run --name --rm x", "name", "--rm"),
        ("run --name -- x", "name", "--"),
        ("run -h -x x", "hostname", "-x"),
        ("run -w/tmp x", "workdir", "/tmp"),
        ("run -w=/tmp x", "workdir", "/tmp"),
        ("run -itw /tmp x", "workdir", "/tmp"),
        ("run -m64m x", "memory", "64m"),
        ("run --memory 64m --memory 128m x", "memory", "128m"),
        ("run -w /a -w /tmp x", "workdir", "/tmp"),
        ("run --net host x", "network", "host"),
        ("run --pids-limit -1 x", "pids_limit", "-1"),
        ("run --cpu-shares 0x10 x", "cpu_shares", "0x10"),
    ] {
        assert_eq!(value(line, flag).as_deref(), Some(expected), "{line}");
    }
    assert_eq!(list("run -e A=1 -eB=2 -e=C=3 --env D= x", "env"), ["A=1", "B=2", "C=3", "D="]);
    assert_eq!(list("images -q web --no-trunc", "name"), ["web"], "elsewhere flags may follow arguments");
}

#[test]
fn what_is_not_unicode_passes() {
    let mut line = words("run -e");
    line.extend([&b"A=\xff"[..], b"busybox", b"\xfe"].map(|bytes| OsString::from_vec(bytes.into())));
    let Ok(Wish::Command { matches, .. }) = read(cli::tree(), line) else { panic!("a command") };
    let raw = |flag| matches.get_raw(flag).and_then(|mut values| values.next_back()).map(OsStr::as_bytes);
    assert_eq!((raw("env"), raw("words")), (Some(&b"A=\xff"[..]), Some(&b"\xfe"[..])));
}

#[test]
fn globals_stand_anywhere_before_a_program() {
    for line in ["--root /x images", "images --root=/x", "image --root /x ls", "--root /y images --root /x"] {
        let Ok(Wish::Command { globals, .. }) = read(cli::tree(), words(line)) else { panic!("{line}") };
        assert_eq!(
            globals.get_one::<std::path::PathBuf>("root").map(|root| root.display().to_string()).as_deref(),
            Some("/x")
        );
    }
}

#[test]
fn help_is_found_wherever_it_is_asked_for() {
    for line in [
        "--help",
        "run --help",
        "image ls --help",
        "images -h",
        "help run",
        "help image ls",
        "run --help x",
        "image --help",
    ] {
        let wish = read(cli::tree(), words(line)).expect(line);
        assert!(
            matches!(&wish, Wish::Help { text, asked: true, .. } if text.starts_with("Usage:  mini-docker")),
            "{line}: {wish:?}"
        );
    }
    for line in ["", "image", "image bootstrap"] {
        assert!(matches!(read(cli::tree(), words(line)), Ok(Wish::Help { asked: false, .. })), "{line}");
    }
}

/// The left column was typed into docker 28.5, with these answers.
#[test]
fn complaints_are_dockers() {
    for (line, answer) in [
        ("run --foo busybox", "unknown flag: --foo"),
        ("run --foo=x busybox", "unknown flag: --foo"),
        ("run --help --foo", "unknown flag: --foo"),
        ("run -xyz busybox", "unknown shorthand flag: 'x' in -xyz"),
        ("run -ix busybox", "unknown shorthand flag: 'x' in -ix"),
        ("run ---x busybox", "bad flag syntax: ---x"),
        ("run --=x busybox", "bad flag syntax: --=x"),
        ("run --name", "flag needs an argument: --name"),
        ("run -e", "flag needs an argument: 'e' in -e"),
        ("run -h", "flag needs an argument: 'h' in -h"),
        (
            "run --read-only=maybe busybox",
            r#"invalid argument "maybe" for "--read-only" flag: strconv.ParseBool: parsing "maybe": invalid syntax"#,
        ),
        (
            "run --cpu-shares x busybox",
            r#"invalid argument "x" for "-c, --cpu-shares" flag: strconv.ParseInt: parsing "x": invalid syntax"#,
        ),
        ("run --memory 6q busybox", r#"invalid argument "6q" for "-m, --memory" flag: invalid suffix: 'q'"#),
        (
            "run --memory 6q --memory 6m busybox",
            r#"invalid argument "6q" for "-m, --memory" flag: invalid suffix: 'q'"#,
        ),
        ("run --memory -5 busybox", r#"invalid argument "-5" for "-m, --memory" flag: invalid size: '-5'"#),
        ("run --memory= busybox", r#"invalid argument "" for "-m, --memory" flag: invalid size: ''"#),
        ("run --memory-swap -2 busybox", r#"invalid argument "-2" for "--memory-swap" flag: invalid size: '-2'"#),
        (
            "run --cpus many busybox",
            r#"invalid argument "many" for "--cpus" flag: failed to parse many as a rational number"#,
        ),
        (
            "run --blkio-weight 70000 busybox",
            r#"invalid argument "70000" for "--blkio-weight" flag: strconv.ParseUint: parsing "70000": value out of range"#,
        ),
        (
            "run --ulimit files=1 busybox",
            r#"invalid argument "files=1" for "--ulimit" flag: invalid ulimit type: files"#,
        ),
        (
            "run --ulimit nofile=2:1 busybox",
            r#"invalid argument "nofile=2:1" for "--ulimit" flag: ulimit soft limit must be less than or equal to hard limit: 2 > 1"#,
        ),
        ("run --sysctl foo busybox", r#"invalid argument "foo" for "--sysctl" flag: sysctl 'foo' is not allowed"#),
        ("run --label =x busybox", r#"invalid argument "=x" for "-l, --label" flag: invalid label '=x': empty name"#),
        ("run -e = busybox", r#"invalid argument "=" for "-e, --env" flag: invalid environment variable: ="#),
        ("run --add-host a busybox", r#"invalid argument "a" for "--add-host" flag: bad format for add-host: "a""#),
        (
            "run --add-host a:b busybox",
            r#"invalid argument "a:b" for "--add-host" flag: invalid IP address in add-host: "b""#,
        ),
        ("run --dns x busybox", r#"invalid argument "x" for "--dns" flag: IP address is not correctly formatted: x"#),
        ("run --device-read-bps x busybox", r#"invalid argument "x" for "--device-read-bps" flag: bad format: x"#),
        (
            "run --device-read-iops sda:1 busybox",
            r#"invalid argument "sda:1" for "--device-read-iops" flag: bad format for device path: sda:1"#,
        ),
        (
            "run --blkio-weight-device /dev/sda:5 busybox",
            r#"invalid argument "/dev/sda:5" for "--blkio-weight-device" flag: invalid weight for device: /dev/sda:5"#,
        ),
        (
            "run --device-cgroup-rule x busybox",
            r#"invalid argument "x" for "--device-cgroup-rule" flag: invalid device cgroup format 'x'"#,
        ),
        ("run --shm-size x busybox", r#"invalid argument "x" for "--shm-size" flag: invalid size: 'x'"#),
        (
            "run --attach foo busybox",
            r#"invalid argument "foo" for "-a, --attach" flag: valid streams are STDIN, STDOUT and STDERR"#,
        ),
        ("images --foo", "unknown flag: --foo"),
        ("--foo", "unknown flag: --foo"),
        ("-x", "unknown shorthand flag: 'x' in -x"),
        ("run", "mini-docker: 'mini-docker run' requires at least 1 argument"),
        ("images a b", "mini-docker: 'mini-docker images' requires at most 1 argument"),
        ("info x", "mini-docker: 'mini-docker info' accepts no arguments"),
        ("nosuch", "mini-docker: unknown command: mini-docker nosuch"),
        ("image nosuch", "mini-docker: unknown command: mini-docker image nosuch"),
        ("help nosuch", "unknown help topic: nosuch"),
    ] {
        assert_eq!(parsed(line).expect_err(line), answer, "{line}");
    }
}

#[test]
fn a_command_that_looks_alike_is_named() {
    for (word, near) in [("rnu", "run"), ("imags", "images"), ("versoin", "version")] {
        let error = read(cli::tree(), words(word)).expect_err(word);
        assert!(
            error.text().contains("Did you mean this?") && error.text().contains(&format!("\t{near}\n")),
            "{}",
            error.text()
        );
    }
}
