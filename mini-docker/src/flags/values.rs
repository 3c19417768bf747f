//! Values of flags: what docker's client takes, and its words for what it does not.

use std::path::Path;
use std::str::FromStr;

use confinement::Rlimit;
use engine::create::{DeviceMapping, ThrottleDevice, Ulimit, WeightDevice};
use engine::filters::{Filter, FilterError};
use engine::moment::go_duration;
use engine::{Bytes, NanoCpus, RestartPolicy};
use thiserror::Error;

/// Docker's words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub(crate) struct Wrong(String);

fn wrong(text: impl Into<String>) -> Wrong {
    Wrong(text.into())
}

/// A whole number as Go reads it: with a sign, in base 2, 8, 10 or 16, with `_` between digits.
fn go_integer(function: &str, text: &str, least: i128, most: i128) -> Result<i128, Wrong> {
    let syntax = || wrong(format!("strconv.{function}: parsing {text:?}: invalid syntax"));
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &lower[..]),
    };
    let based = radix != 10;
    let separated = !digits.ends_with('_') && !digits.contains("__") && (based || !digits.contains('_'));
    let plain = digits.replace('_', "");
    if plain.is_empty() || !separated || !plain.chars().all(|digit| digit.is_digit(radix)) {
        return Err(syntax());
    }
    if negative && function == "ParseUint" {
        return Err(syntax());
    }
    let number = i128::from_str_radix(&plain, radix).map(|number| if negative { -number } else { number });
    number
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| wrong(format!("strconv.{function}: parsing {text:?}: value out of range")))
}

/// pflag's `int64` and `int`.
pub(crate) fn int64(text: &str) -> Result<i64, Wrong> {
    let number = go_integer("ParseInt", text, i64::MIN.into(), i64::MAX.into())?;
    i64::try_from(number).map_err(|error| wrong(error.to_string()))
}

/// pflag's `uint16`.
pub(crate) fn uint16(text: &str) -> Result<u16, Wrong> {
    let number = go_integer("ParseUint", text, 0, u16::MAX.into())?;
    u16::try_from(number).map_err(|error| wrong(error.to_string()))
}

/// Bytes: `64m`.
pub(crate) fn bytes(text: &str) -> Result<i64, Wrong> {
    text.parse::<Bytes>().map(|Bytes(bytes)| bytes).map_err(|error| wrong(error.to_string()))
}

/// A span as Go writes it, in nanoseconds.
pub(crate) fn span(text: &str) -> Result<i64, Wrong> {
    go_duration(text).map_err(|error| wrong(error.to_string()))
}

/// The same, or -1 for no limit.
pub(crate) fn swap(text: &str) -> Result<i64, Wrong> {
    if text == "-1" { Ok(-1) } else { bytes(text) }
}

/// Processors, in billionths.
pub(crate) fn cpus(text: &str) -> Result<i64, Wrong> {
    text.parse::<NanoCpus>().map(|NanoCpus(nanos)| nanos).map_err(|error| wrong(error.to_string()))
}

/// `nofile=1024:2048`.
pub(crate) fn ulimit(text: &str) -> Result<Ulimit, Wrong> {
    text.parse::<Rlimit>().map(Ulimit::from).map_err(|error| wrong(error.to_string()))
}

/// `NAME` or `NAME=VALUE`.
pub(crate) fn label(text: &str) -> Result<(String, String), Wrong> {
    match pair(text) {
        (name, _) if name.is_empty() => Err(wrong(format!("invalid label '{text}': empty name"))),
        pair => Ok(pair),
    }
}

/// Any `NAME=VALUE`.
pub(crate) fn pair(text: &str) -> (String, String) {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    (name.into(), value.into())
}

/// A kernel parameter that belongs to a namespace of a container.
pub(crate) fn sysctl(text: &str) -> Result<(String, String), Wrong> {
    const IPC: [&str; 8] = ["msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced"];
    let allowed = |name: &str| {
        name.starts_with("net.")
            || name.starts_with("fs.mqueue.")
            || name.strip_prefix("kernel.").is_some_and(|name| IPC.contains(&name))
    };
    match text.split_once('=') {
        Some((name, value)) if allowed(name) => Ok((name.into(), value.into())),
        _ => Err(wrong(format!("sysctl '{text}' is not allowed"))),
    }
}

/// `name:address` or `name=address`, an IPv6 address perhaps in brackets.
pub(crate) fn extra_host(text: &str) -> Result<String, Wrong> {
    let bad = || wrong(format!("bad format for add-host: {text:?}"));
    let separator = if text.contains('=') { '=' } else { ':' };
    let (name, address) = text.split_once(separator).ok_or_else(bad)?;
    if name.is_empty() {
        return Err(bad());
    }
    let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
    if bare != "host-gateway" && bare.parse::<std::net::IpAddr>().is_err() {
        return Err(wrong(format!("invalid IP address in add-host: {address:?}")));
    }
    Ok(format!("{name}:{bare}"))
}

/// The address of a name server.
pub(crate) fn address(text: &str) -> Result<String, Wrong> {
    let trimmed = text.trim();
    match trimmed.parse::<std::net::IpAddr>() {
        Ok(address) => Ok(address.to_string()),
        Err(_) => Err(wrong(format!("IP address is not correctly formatted: {text}"))),
    }
}

/// A domain to search.
pub(crate) fn domain(text: &str) -> Result<String, Wrong> {
    let trimmed = text.trim();
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if trimmed == "." || (trimmed.len() < 255 && trimmed.strip_suffix('.').unwrap_or(trimmed).split('.').all(label)) {
        Ok(trimmed.into())
    } else {
        Err(wrong(format!("{text} is not a valid domain")))
    }
}

/// `/dev/x:1mb`.
pub(crate) fn rate_of_bytes(text: &str) -> Result<ThrottleDevice, Wrong> {
    let (path, rate) = disk(text)?;
    let rate = rate.parse::<Bytes>().ok().and_then(|Bytes(bytes)| u64::try_from(bytes).ok());
    let rate = rate.ok_or_else(|| {
        wrong(format!(
            "invalid rate for device: {text}. The correct format is <device-path>:<number>[<unit>]. Number must be a \
             positive integer. Unit is optional and can be kb, mb, or gb"
        ))
    })?;
    Ok(ThrottleDevice { path: path.into(), rate })
}

/// `/dev/x:100`.
pub(crate) fn rate_of_operations(text: &str) -> Result<ThrottleDevice, Wrong> {
    let (path, rate) = disk(text)?;
    let rate = u64::from_str(rate).map_err(|_| {
        wrong(format!(
            "invalid rate for device: {text}. The correct format is <device-path>:<number>. Number must be a positive integer"
        ))
    })?;
    Ok(ThrottleDevice { path: path.into(), rate })
}

/// `/dev/x:300`.
pub(crate) fn weight(text: &str) -> Result<WeightDevice, Wrong> {
    let (path, weight) = disk(text)?;
    let weight = weight.parse().ok().filter(|weight| matches!(weight, 0 | 10..=1000));
    let weight = weight.ok_or_else(|| wrong(format!("invalid weight for device: {text}")))?;
    Ok(WeightDevice { path: path.into(), weight })
}

fn disk(text: &str) -> Result<(&str, &str), Wrong> {
    let (path, rest) = text
        .split_once(':')
        .filter(|(path, _)| !path.is_empty())
        .ok_or_else(|| wrong(format!("bad format: {text}")))?;
    if path.starts_with("/dev/") { Ok((path, rest)) } else { Err(wrong(format!("bad format for device path: {text}"))) }
}

/// `c 10:* rwm`.
pub(crate) fn device_rule(text: &str) -> Result<String, Wrong> {
    match engine::parse_device_rule(text) {
        Ok(_) => Ok(text.into()),
        Err(_) => Err(wrong(format!("invalid device cgroup format '{text}'"))),
    }
}

/// `/dev/x[:/dev/y][:rwm]`. Docker asks its server first, and so complains as the server does.
pub(crate) fn device(text: &str) -> Result<DeviceMapping, Wrong> {
    let is_access = |text: &str| {
        let once = |letter| text.matches(letter).count() <= 1;
        !text.is_empty() && text.bytes().all(|byte| b"rwm".contains(&byte)) && ['r', 'w', 'm'].into_iter().all(once)
    };
    let parts: Vec<&str> = text.split(':').collect();
    let (host, inside, access) = match parts[..] {
        ["", ..] | [_, _, _, _, ..] => return Err(wrong(format!("bad format for path: {text}"))),
        [host, access] if is_access(access) => (host, host, access),
        [host, inside] => (host, inside, "rwm"),
        [host, inside, access] if is_access(access) => (host, inside, access),
        [_, _, access] => return Err(wrong(format!("bad mode specified: {access}"))),
        _ => (text, text, "rwm"),
    };
    if !Path::new(inside).is_absolute() {
        return Err(wrong(format!("{inside} is not an absolute path")));
    }
    Ok(DeviceMapping { path_on_host: host.into(), path_in_container: inside.into(), cgroup_permissions: access.into() })
}

/// When a container comes back by itself.
pub(crate) fn restart_policy(text: &str) -> Result<RestartPolicy, Wrong> {
    let (name, count) = text.split_once(':').unwrap_or((text, ""));
    if name.is_empty() && text.contains(':') {
        return Err(wrong("invalid restart policy format: no policy provided before colon"));
    }
    let maximum_retry_count = match count {
        "" => 0,
        count => {
            count.parse().map_err(|_| wrong("invalid restart policy format: maximum retry count must be an integer"))?
        }
    };
    Ok(RestartPolicy { name: name.into(), maximum_retry_count })
}

/// `NAME=VALUE` of `--filter`.
pub(crate) fn filter(text: &str) -> Result<Filter, Wrong> {
    text.parse().map_err(|error: FilterError| wrong(error.to_string()))
}

/// A stream to attach to.
pub(crate) fn stream(text: &str) -> Result<String, Wrong> {
    let lower = text.to_ascii_lowercase();
    if ["stdin", "stdout", "stderr"].contains(&lower.as_str()) {
        Ok(lower)
    } else {
        Err(wrong("valid streams are STDIN, STDOUT and STDERR"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_gos() {
        for (text, number) in [("5", 5), ("-5", -5), ("+5", 5), ("0x10", 16), ("0b11", 3), ("010", 8), ("0x1_0", 16)] {
            assert_eq!(int64(text), Ok(number), "{text}");
        }
        for text in ["", "x", "1.5", " 1", "1_0", "0x", "08", "--1"] {
            assert_eq!(int64(text), Err(Wrong(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))));
        }
        let range = "strconv.ParseUint: parsing \"70000\": value out of range";
        assert_eq!(uint16("70000"), Err(Wrong(range.into())));
        assert_eq!(uint16("-1"), Err(Wrong("strconv.ParseUint: parsing \"-1\": invalid syntax".into())));
    }

    #[test]
    fn hosts_have_an_address() {
        for (text, expected) in
            [("a:1.2.3.4", "a:1.2.3.4"), ("a=::1", "a:::1"), ("a:[::1]", "a:::1"), ("g:host-gateway", "g:host-gateway")]
        {
            assert_eq!(extra_host(text).as_deref(), Ok(expected));
        }
        for text in ["a", ":1.2.3.4", "a:b", "a:"] {
            assert!(extra_host(text).is_err(), "{text}");
        }
    }

    #[test]
    fn devices_are_taken_as_docker_takes_them() {
        for text in ["/dev/x", "/dev/x:/dev/y", "/dev/x:rw", "/dev/x:/y:m"] {
            assert!(device(text).is_ok(), "{text}");
        }
        let errors = ["", ":/x", "x", "/dev/x:", "/dev/x:y", "/dev/x:/y:q", "/dev/x:/y:rr", "/a:/b:r:w"]
            .map(|text| device(text).expect_err(text).to_string());
        insta::assert_snapshot!(errors.join("\n"));
    }
}
