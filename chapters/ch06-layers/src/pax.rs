//! PAX records: `LENGTH key=value\n`, what a ustar header has no room for.
//!
//! Values may contain any byte, newlines too (file capabilities do): only the length says where a record ends.

/// The beginning of the key of an extended attribute, as GNU tar, docker and all others write it.
pub(crate) const XATTR: &[u8] = b"SCHILY.xattr.";

/// A key and its value.
type Record<'a> = (&'a [u8], &'a [u8]);

/// The records of one extension header, keys and values; `None` in the place of one that is malformed, and after it.
pub(crate) fn records(mut bytes: &[u8]) -> impl Iterator<Item = Option<Record<'_>>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let record = first(bytes);
        bytes = record.map_or(bytes, |(_, rest)| rest);
        Some(record.map(|(record, _)| record))
    })
}

/// `None` for a header that cannot be read.
pub(crate) fn well_formed(bytes: &[u8]) -> Option<()> {
    records(bytes).all(|record| record.is_some()).then_some(())
}

/// The first record, and what follows it.
fn first(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let space = bytes.iter().position(|&byte| byte == b' ')?;
    let length: usize = number(&bytes[..space])?.try_into().ok()?;
    let record = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|&byte| byte == b'=')?;
    Some(((&record[..equals], &record[equals + 1..]), &bytes[length..]))
}

/// Adds a record. Its length counts its own digits.
pub(crate) fn push(records: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(length.to_string().as_bytes());
    records.push(b' ');
    records.extend_from_slice(key);
    records.push(b'=');
    records.extend_from_slice(value);
    records.push(b'\n');
}

/// A decimal number, of digits only.
pub(crate) fn number(text: &[u8]) -> Option<i64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

/// Seconds and nanoseconds: `-1.5`, `1700000000.123456789`.
pub(crate) fn time(text: &[u8]) -> Option<(i64, i64)> {
    let text = std::str::from_utf8(text).ok()?;
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let negative = seconds.starts_with('-');
    let seconds: i64 = seconds.parse().ok()?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanoseconds: i64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    // The kernel's nanoseconds count forwards, also before 1970.
    match (negative, nanoseconds) {
        (true, 1..) => Some((seconds.checked_sub(1)?, 1_000_000_000 - nanoseconds)),
        _ => Some((seconds, nanoseconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_its_own_length() {
        for length in [1, 5, 88, 89, 90, 91, 92, 93, 987, 988, 989, 990, 991, 992] {
            let value = vec![b'x'; length];
            let mut bytes = Vec::new();
            push(&mut bytes, b"path", &value);
            push(&mut bytes, b"k", b"a\nb=c\0");
            let all: Option<Vec<_>> = records(&bytes).collect();
            assert_eq!(all, Some(vec![(&b"path"[..], &value[..]), (&b"k"[..], &b"a\nb=c\0"[..])]));
        }
    }

    #[test]
    fn malformed_records_are_none() {
        for bytes in
            ["5", "0 \n", "1 a=b\n", "6 a=b", "9 a=b\n", "6 a:bc\n", "-1 a=b\n", "18446744073709551616 a=b\n", " a"]
        {
            assert_eq!(records(bytes.as_bytes()).next(), Some(None), "{bytes:?}");
        }
    }

    #[test]
    fn times_before_1970_count_forwards() {
        assert_eq!(time(b"1.5"), Some((1, 500_000_000)));
        assert_eq!(time(b"-1.5"), Some((-2, 500_000_000)));
        assert_eq!(time(b"-3"), Some((-3, 0)));
        assert_eq!(time(b"7.1234567899"), Some((7, 123_456_789)));
        assert_eq!(time(b"1.x"), None);
    }
}
