//! Go's spans of time: `1h30m`, `1.5s`, `100ms`.

use crate::error::InstructionError;

const UNITS: [(&str, f64); 7] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];

/// Nanoseconds.
///
/// # Errors
/// [`InstructionError::Duration`].
pub(crate) fn parse(text: &str) -> Result<i64, InstructionError> {
    let invalid = || InstructionError::Duration(format!("invalid duration {text:?}"));
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().map_err(|_| invalid())?;
        rest = &rest[digits..];
        let letters = rest.find(|letter: char| letter.is_ascii_digit() || letter == '.').unwrap_or(rest.len());
        let unit = &rest[..letters];
        if unit.is_empty() {
            return Err(InstructionError::Duration(format!("missing unit in duration {text:?}")));
        }
        let known = UNITS.iter().find(|(name, _)| *name == unit);
        let unknown = || InstructionError::Duration(format!("unknown unit {unit:?} in duration {text:?}"));
        total += number * known.ok_or_else(unknown)?.1;
        rest = &rest[letters..];
    }
    // What is more than 292 years is too long for Go, too.
    if total > 9.2e18 {
        return Err(invalid());
    }
    #[expect(clippy::cast_possible_truncation, reason = "it has just been compared")]
    Ok((sign * total).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_gos() {
        let parsed = ["0", "1h30m", "1.5s", "100ms", "-2s", "3us"].map(|text| parse(text).expect(text));
        assert_eq!(parsed, [0, 5_400_000_000_000, 1_500_000_000, 100_000_000, -2_000_000_000, 3000]);
        for text in ["", "-", "1", "s", "1x", "1.2.3s", "99999999h"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
