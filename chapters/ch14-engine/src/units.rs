//! Sizes and processor counts as docker's command line writes them.

use std::str::FromStr;

use thiserror::Error;

/// Why a text is no quantity.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum UnitError {
    /// Not a size.
    #[error("invalid size: '{0}'")]
    Size(String),
    /// Not a number of processors.
    #[error("invalid number of CPUs: '{0}'")]
    Cpus(String),
}

/// A number of bytes: `6m`, `1.5g`, `512`, and `-1` for "no limit" where that is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub i64);

impl FromStr for Bytes {
    type Err = UnitError;

    /// Units are powers of 1024, upper or lower case, with or without `b` or `ib` behind (docker's `RAMInBytes`).
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError::Size(text.into());
        if text == "-1" {
            return Ok(Self(-1));
        }
        let lower = text.trim().to_ascii_lowercase();
        let end = lower.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(lower.len());
        let (number, unit) = lower.split_at(end);
        let power = match unit.trim_start() {
            "" | "b" => 0,
            "k" | "kb" | "kib" => 1,
            "m" | "mb" | "mib" => 2,
            "g" | "gb" | "gib" => 3,
            "t" | "tb" | "tib" => 4,
            "p" | "pb" | "pib" => 5,
            _ => return Err(wrong()),
        };
        let scale = 1024_i64.pow(power);
        // Whole numbers stay exact; only fractions pass through floating point.
        if let Ok(whole) = number.parse::<i64>() {
            return whole.checked_mul(scale).map(Self).ok_or_else(wrong);
        }
        let value = number.parse::<f64>().map_err(|_| wrong())?;
        #[expect(clippy::cast_precision_loss, reason = "a power of two is exact")]
        let bytes = value * scale as f64;
        #[expect(clippy::cast_possible_truncation, reason = "checked against the range first")]
        (bytes.is_finite() && bytes < 9.0e18).then_some(Self(bytes as i64)).ok_or_else(wrong)
    }
}

/// Processors in billionths, as docker's `NanoCPUs`: `1.5` is 1,500,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NanoCpus(pub u64);

impl FromStr for NanoCpus {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError::Cpus(text.into());
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 9 || (whole.is_empty() && fraction.is_empty()) {
            return Err(wrong());
        }
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| wrong())? };
        let fraction: u64 = format!("{fraction:0<9}").parse().map_err(|_| wrong())?;
        whole.checked_mul(1_000_000_000).and_then(|nanos| nanos.checked_add(fraction)).map(Self).ok_or_else(wrong)
    }
}

/// A size as docker prints it: `4.27MB`, powers of 1000, at most four significant digits (Go's `%.4g`).
pub fn human_size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    #[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = match value {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{}", UNITS[unit])
}

/// How long ago, as docker says it (go-units' `HumanDuration`).
pub fn human_duration(seconds: u64) -> String {
    let (minutes, hours) = (seconds / 60, (seconds + 1800) / 3600);
    match (seconds, minutes, hours) {
        (0, ..) => "Less than a second".into(),
        (1, ..) => "1 second".into(),
        (2..=59, ..) => format!("{seconds} seconds"),
        (_, 1, _) => "About a minute".into(),
        (_, 2..=59, _) => format!("{minutes} minutes"),
        (.., 1) => "About an hour".into(),
        (.., 2..=47) => format!("{hours} hours"),
        (.., 48..=335) => format!("{} days", hours / 24),
        (.., 336..=1439) => format!("{} weeks", hours / 24 / 7),
        (.., 1440..=17519) => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", hours / 24 / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_docker_reads_them() {
        let cases = [("6m", 6 << 20), ("1.5g", 3 << 29), ("512", 512), ("1KiB", 1024), ("2 GB", 2 << 30), ("-1", -1)];
        for (text, bytes) in cases {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
        }
        for text in ["6q", "", "m", "-5", "1..5", "99999999999999p", "0x10"] {
            assert_eq!(text.parse::<Bytes>(), Err(UnitError::Size(text.into())), "{text}");
        }
    }

    #[test]
    fn processors_are_exact() {
        assert_eq!("1.5".parse(), Ok(NanoCpus(1_500_000_000)));
        assert_eq!(".01".parse(), Ok(NanoCpus(10_000_000)));
        assert!("1.0000000001".parse::<NanoCpus>().is_err());
        assert!("-1".parse::<NanoCpus>().is_err());
    }

    #[test]
    fn sizes_and_times_are_printed_as_docker_prints_them() {
        let sizes: Vec<String> = [0, 999, 1000, 4_270_000, 77_800_000, 1_234_000_000].map(human_size).into();
        assert_eq!(sizes, ["0B", "999B", "1kB", "4.27MB", "77.8MB", "1.23GB"]);
        let times: Vec<String> = [0, 1, 59, 61, 150, 3600, 7200, 200_000, 1_500_000].map(human_duration).into();
        assert_eq!(
            times,
            [
                "Less than a second",
                "1 second",
                "59 seconds",
                "About a minute",
                "2 minutes",
                "About an hour",
                "2 hours",
                "2 days",
                "2 weeks"
            ]
        );
    }
}
