//! Spans and moments as docker's command line writes them: Go's durations (`1h30m`), and `--since` and `--until`, which
//! take a duration before now, a date, or seconds since 1970.

use std::time::Duration;

use jiff::{Timestamp, civil, tz::TimeZone};
use process::{Diagnose, FailureKind};
use thiserror::Error;

/// Why a text is no span or moment. The words are Go's, and those of docker's client.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MomentError {
    /// Not a duration, or one of more than 292 years.
    #[error("time: invalid duration {0:?}")]
    Duration(String),
    /// A number alone.
    #[error("time: missing unit in duration {0:?}")]
    MissingUnit(String),
    /// A unit that there is not.
    #[error("time: unknown unit {unit:?} in duration {text:?}")]
    UnknownUnit {
        /// What stands behind the number.
        unit: String,
        /// The whole.
        text: String,
    },
    /// Neither a duration nor a date nor a number.
    #[error("failed to parse value as time or duration: {0:?}")]
    Moment(String),
}

impl Diagnose for MomentError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Invalid)
    }

    fn hint(&self) -> Option<String> {
        matches!(self, Self::Moment(_)).then(|| "write 10m, 2026-01-02T15:04:05Z or seconds since 1970".into())
    }
}

/// Nanoseconds of a Go duration: a sign, and numbers with units, as `-1h2.5m`, `300ms`.
///
/// # Errors
/// [`MomentError`], all but the last.
pub fn go_duration(text: &str) -> Result<i64, MomentError> {
    let wrong = || MomentError::Duration(text.into());
    let (negative, mut rest) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut nanos = 0_i128;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, behind) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
            return Err(wrong());
        }
        let end = behind.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(behind.len());
        let (unit, after) = behind.split_at(end);
        let scale: i128 = match unit {
            "" => return Err(MomentError::MissingUnit(text.into())),
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(MomentError::UnknownUnit { unit: unit.into(), text: text.into() }),
        };
        let digits = |digits: &str| if digits.is_empty() { Ok(0) } else { digits.parse::<i128>().map_err(|_| wrong()) };
        // More than eighteen places are below a nanosecond, whatever the unit.
        let fraction = &fraction[..fraction.len().min(18)];
        let below = digits(fraction)? * scale / 10_i128.pow(u32::try_from(fraction.len()).unwrap_or(18));
        let above = digits(whole)?.checked_mul(scale).ok_or_else(wrong)?;
        nanos = nanos.checked_add(above + below).ok_or_else(wrong)?;
        rest = after;
    }
    i64::try_from(if negative { -nanos } else { nanos }).map_err(|_| wrong())
}

/// A span as Go writes it: `1.5s`, `2m0s`, `1h0m0.25s`, `300ms`.
pub fn go_text(span: Duration) -> String {
    let number = |value: u128, scale: u128| {
        let (whole, below) = (value / scale, value % scale);
        let digits = scale.ilog10() as usize;
        let text = format!("{whole}.{below:0digits$}");
        if below == 0 { whole.to_string() } else { text.trim_end_matches('0').to_owned() }
    };
    let nanos = span.as_nanos();
    match nanos {
        0 => "0s".into(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => format!("{}µs", number(nanos, 1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", number(nanos, 1_000_000)),
        _ => {
            let (minutes, rest) = (nanos / 60_000_000_000, nanos % 60_000_000_000);
            let seconds = format!("{}s", number(rest, 1_000_000_000));
            match (minutes / 60, minutes % 60) {
                (0, 0) => seconds,
                (0, minutes) => format!("{minutes}m{seconds}"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
            }
        }
    }
}

/// The moment that `text` means to somebody who says it at `now`, in the time zone of the machine.
///
/// # Errors
/// [`MomentError::Moment`].
pub fn moment(text: &str, now: Timestamp) -> Result<Timestamp, MomentError> {
    let wrong = || MomentError::Moment(text.into());
    // Docker takes a lone 0 for the beginning of all time.
    if text != "0"
        && let Ok(nanos) = go_duration(text)
    {
        let span = jiff::SignedDuration::from_nanos(nanos);
        return now.checked_sub(span).map_err(|_| wrong());
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    if text.contains('-')
        && let Ok(local) = text.parse::<civil::DateTime>()
    {
        return TimeZone::system().to_timestamp(local).map_err(|_| wrong());
    }
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if seconds.is_empty() || !is_number(seconds) || !is_number(fraction) || fraction.len() > 9 {
        return Err(wrong());
    }
    let nanos = format!("{fraction:0<9}").parse().map_err(|_| wrong())?;
    Timestamp::new(seconds.parse().map_err(|_| wrong())?, nanos).map_err(|_| wrong())
}

/// The time between two moments in whole seconds; none if the clock was set back.
pub fn seconds_between(earlier: Timestamp, later: Timestamp) -> u64 {
    Duration::try_from(later.duration_since(earlier)).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        for (text, nanos) in [
            ("0", 0),
            ("-0", 0),
            ("5s", 5_000_000_000),
            ("-5s", -5_000_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("1h1.5m2s3ms4us5ns", 3_692_003_004_005),
            ("1µs", 1_000),
            ("2562047h47m16.854775807s", i64::MAX),
        ] {
            assert_eq!(go_duration(text), Ok(nanos), "{text}");
        }
        let said = |text: &str| go_duration(text).expect_err(text).to_string();
        for text in ["", "-", "x", "s", "1.2.3s", ".s", "99999999999h", "5s-", "--5s"] {
            let expected = if text == "5s-" {
                "time: unknown unit \"s-\" in duration \"5s-\"".to_owned()
            } else {
                format!("time: invalid duration {text:?}")
            };
            assert_eq!(said(text), expected);
        }
        assert_eq!(said("5"), "time: missing unit in duration \"5\"");
        assert_eq!(said("5q"), "time: unknown unit \"q\" in duration \"5q\"");
    }

    #[test]
    fn spans_are_written_as_go_does() {
        for (nanos, text) in [
            (0, "0s"),
            (7, "7ns"),
            (1_500, "1.5µs"),
            (300_000_000, "300ms"),
            (1_000_000_001, "1.000000001s"),
            (120_000_000_000, "2m0s"),
            (3_600_250_000_000, "1h0m0.25s"),
        ] {
            assert_eq!(go_text(Duration::from_nanos(nanos)), text);
        }
    }

    #[test]
    fn moments_are_spans_dates_or_numbers() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().expect("a moment");
        for (text, expected) in [
            ("1h", "2026-01-02T02:04:05Z"),
            ("-1m", "2026-01-02T03:05:05Z"),
            ("0s", "2026-01-02T03:04:05Z"),
            ("0", "1970-01-01T00:00:00Z"),
            ("1136073600", "2006-01-01T00:00:00Z"),
            ("1136073600.5", "2006-01-01T00:00:00.5Z"),
            ("2013-01-02T13:23:37Z", "2013-01-02T13:23:37Z"),
            ("2013-01-02T13:23:37.25+02:00", "2013-01-02T11:23:37.25Z"),
        ] {
            assert_eq!(moment(text, now).map(|moment| moment.to_string()).as_deref(), Ok(expected), "{text}");
        }
        for text in ["2013-01-02", "2013-01-02T13:23", "2013-01-02T13:23:37", "2013-01-02T13:23:37.25"] {
            assert!(moment(text, now).is_ok(), "{text}");
        }
        for text in ["", "x", "2013-", "2013-13-02", "-5", "1.0000000001", "99999999999999999999"] {
            assert_eq!(moment(text, now), Err(MomentError::Moment(text.into())), "{text}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_time_pass() {
        let (early, late) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(90).expect("a moment"));
        assert_eq!((seconds_between(early, late), seconds_between(late, early)), (90, 0));
    }
}
