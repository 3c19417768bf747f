//! Sizes and processor counts as docker's command line writes them.

use std::str::FromStr;

use thiserror::Error;

/// Why a text is no quantity. The words are those of docker's client.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum UnitError {
    /// Not a size.
    #[error("invalid size: '{0}'")]
    Size(String),
    /// A unit that there is not.
    #[error("invalid suffix: '{0}'")]
    Suffix(String),
    /// Something in front of the unit that is no number.
    #[error("strconv.ParseFloat: parsing {0:?}: invalid syntax")]
    Float(String),
    /// Not a number of processors.
    #[error("failed to parse {0} as a rational number")]
    Cpus(String),
    /// Not a whole number.
    #[error("strconv.Atoi: parsing {0:?}: invalid syntax")]
    Int(String),
    /// A whole number that is too large.
    #[error("strconv.Atoi: parsing {0:?}: value out of range")]
    IntRange(String),
    /// Neither true nor false.
    #[error("strconv.ParseBool: parsing {0:?}: invalid syntax")]
    Bool(String),
    /// More digits than can be told apart.
    #[error("value is too precise")]
    Precise,
}

/// A number of bytes: `6m`, `1.5g`, `512`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub i64);

impl FromStr for Bytes {
    type Err = UnitError;

    /// Units are powers of 1024, upper or lower case, with or without `b` or `ib` behind, and with a blank before them or
    /// none (docker's `RAMInBytes`).
    fn from_str(text: &str) -> Result<Self, UnitError> {
        Self::in_units_of(1024, text)
    }
}

impl Bytes {
    /// Units are powers of 1000, whatever they are called (docker's `FromHumanSize`).
    pub(crate) fn decimal(text: &str) -> Result<Self, UnitError> {
        Self::in_units_of(1000, text)
    }

    fn in_units_of(base: i64, text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError::Size(text.into());
        let last = text.rfind(|c: char| c.is_ascii_digit() || matches!(c, '.' | ' ')).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(last + 1);
        let number = number.strip_suffix(' ').unwrap_or(number);
        let unit = unit.to_ascii_lowercase();
        let power = match unit.as_str() {
            "" | "b" => 0,
            "k" | "kb" | "kib" => 1,
            "m" | "mb" | "mib" => 2,
            "g" | "gb" | "gib" => 3,
            "t" | "tb" | "tib" => 4,
            "p" | "pb" | "pib" => 5,
            _ => return Err(UnitError::Suffix(unit)),
        };
        let scale = base.pow(power);
        // Whole numbers stay exact; only fractions pass through floating point.
        if number.bytes().all(|byte| byte.is_ascii_digit())
            && let Ok(whole) = number.parse::<i64>()
        {
            return whole.checked_mul(scale).map(Self).ok_or_else(wrong);
        }
        let value = number.parse::<f64>().map_err(|_| UnitError::Float(number.into()))?;
        #[expect(clippy::cast_precision_loss, reason = "powers of 1000 up to this one, and of 1024, are exact")]
        let bytes = value * scale as f64;
        #[expect(clippy::cast_possible_truncation, reason = "checked against the range first")]
        (0.0..9.0e18).contains(&bytes).then_some(Self(bytes as i64)).ok_or_else(wrong)
    }
}

/// A whole number as Go's `strconv.Atoi` reads it.
pub(crate) fn parse_int(text: &str) -> Result<i64, UnitError> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    text.parse().map_err(|error: std::num::ParseIntError| match error.kind() {
        PosOverflow | NegOverflow => UnitError::IntRange(text.into()),
        _ => UnitError::Int(text.into()),
    })
}

/// A truth value as Go's `strconv.ParseBool` reads it.
pub(crate) fn parse_bool(text: &str) -> Result<bool, UnitError> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(UnitError::Bool(text.into())),
    }
}

/// Processors in billionths, as docker's `NanoCPUs`: `1.5` and `3/2` are 1,500,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NanoCpus(pub i64);

impl FromStr for NanoCpus {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        const ONE: i128 = 1_000_000_000;
        let wrong = || UnitError::Cpus(text.into());
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let whole = |text: &str| {
            let plain = !text.is_empty() && text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
            if plain { text.parse::<i128>().map_err(|_| wrong()) } else { Err(wrong()) }
        };
        let (above, below) = if let Some((above, below)) = unsigned.split_once('/') {
            (whole(above)? * ONE, whole(below)?)
        } else {
            let (before, behind) = unsigned.split_once('.').unwrap_or((unsigned, ""));
            let digits = u32::try_from(behind.len()).unwrap_or(u32::MAX);
            if digits > 18 {
                return Err(wrong());
            }
            let before = if before.is_empty() && digits > 0 { 0 } else { whole(before)? };
            let behind = if digits == 0 { 0 } else { whole(behind)? };
            let scale = 10_i128.pow(digits);
            ((before * scale + behind) * ONE, scale)
        };
        if below == 0 {
            return Err(wrong());
        }
        if above % below != 0 {
            return Err(UnitError::Precise);
        }
        let nanos = if negative { -(above / below) } else { above / below };
        i64::try_from(nanos).map(Self).map_err(|_| wrong())
    }
}

/// A size as docker prints it: `4.27MB`, powers of 1000, three significant digits (Go's `%.3g`).
pub fn human_size(bytes: u64) -> String {
    scaled(bytes, 1000.0, 3, ["B", "kB", "MB", "GB", "TB", "PB"])
}

/// The same with four significant digits: `1.984MB`.
pub fn precise_size(bytes: u64) -> String {
    scaled(bytes, 1000.0, 4, ["B", "kB", "MB", "GB", "TB", "PB"])
}

/// Memory as docker prints it: `1.938GiB`, powers of 1024, four significant digits.
pub fn memory_size(bytes: u64) -> String {
    scaled(bytes, 1024.0, 4, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"])
}

fn scaled(bytes: u64, base: f64, digits: usize, units: [&str; 6]) -> String {
    #[expect(clippy::cast_precision_loss, reason = "four digits of it are shown")]
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= base && unit + 1 < units.len() {
        value /= base;
        unit += 1;
    }
    let whole = match value {
        v if v >= 1000.0 => 4,
        v if v >= 100.0 => 3,
        v if v >= 10.0 => 2,
        _ => 1,
    };
    let decimals = digits.saturating_sub(whole);
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{}", units[unit])
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
        let cases = [
            ("6m", 6 << 20),
            ("1.5g", 3 << 29),
            ("512", 512),
            ("1KiB", 1024),
            ("2 GB", 2 << 30),
            ("5b", 5),
            ("0", 0),
            ("5 ", 5),
        ];
        for (text, bytes) in cases {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
        }
        let errors = ["6q", "", "m", "-5", "-1", "1..5", "99999999999999p", "0x10", "5bb", "5ki", " 5"]
            .map(|text| format!("{text:?}: {}", text.parse::<Bytes>().expect_err(text)));
        insta::assert_snapshot!(errors.join("\n"));
    }

    #[test]
    fn processors_are_exact() {
        for (text, nanos) in [
            ("1.5", 1_500_000_000),
            (".01", 10_000_000),
            ("3/2", 1_500_000_000),
            ("1.", 1_000_000_000),
            ("-1", -1_000_000_000),
        ] {
            assert_eq!(text.parse(), Ok(NanoCpus(nanos)), "{text}");
        }
        assert_eq!("1.0000000001".parse::<NanoCpus>(), Err(UnitError::Precise));
        assert_eq!("1/3".parse::<NanoCpus>(), Err(UnitError::Precise));
        for text in ["", "many", ".", "1/0", "1.2.3", "1 "] {
            assert_eq!(text.parse::<NanoCpus>(), Err(UnitError::Cpus(text.into())));
        }
    }

    #[test]
    fn sizes_and_times_are_printed_as_docker_prints_them() {
        let sizes: Vec<String> = [0, 999, 1000, 4_270_000, 77_800_000, 1_234_000_000].map(human_size).into();
        assert_eq!(sizes, ["0B", "999B", "1kB", "4.27MB", "77.8MB", "1.23GB"]);
        let memory: Vec<String> = [0, 512, 1 << 20, 1_234_567, 2_080_374_784, 1023 << 10].map(memory_size).into();
        assert_eq!(memory, ["0B", "512B", "1MiB", "1.177MiB", "1.938GiB", "1023KiB"]);
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
