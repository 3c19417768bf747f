//! The numbers of a tar header: octal digits between blanks, or binary ones where the first bit says so.
//!
//! The rules are those of Go's archive/tar, so that an archive means to us what it means to docker. An empty field is
//! zero: some writers leave blank what does not apply to an entry.

/// The number in `field`, or `None` if there is none in it.
pub(crate) fn number(field: &[u8]) -> Option<i64> {
    match field.first() {
        Some(first) if first & 0x80 != 0 => binary(field),
        _ => octal(field),
    }
}

fn octal(field: &[u8]) -> Option<i64> {
    let blank = |byte: &u8| matches!(byte, b' ' | 0);
    let Some(start) = field.iter().position(|byte| !blank(byte)) else { return Some(0) };
    let end = field.iter().rposition(|byte| !blank(byte))?;
    // Behind a zero byte is what was there before.
    let digits = field[start..=end].split(|&byte| byte == 0).next()?;
    let digits = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    i64::from_str_radix(digits, 8).ok()
}

/// Two's complement, most significant byte first. The first bit is a mark, the second the sign.
fn binary(field: &[u8]) -> Option<i64> {
    let (first, rest) = field.split_first()?;
    let start = if first & 0x40 == 0 { i64::from(first & 0x3f) } else { i64::from(first.cast_signed()) };
    rest.iter().try_fold(start, |number, &byte| number.checked_mul(256)?.checked_add(byte.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_numbers_stand_between_blanks() {
        for (field, expected) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b"644 \0   ", Some(0o644)),
            (b"   644\0 ", Some(0o644)),
            (b"\0 644 \0\0", Some(0o644)),
            (b"12\0garb\0", Some(0o12)),
            (b"77777777777", Some(0o777_7777_7777)),
            (b"        ", Some(0)),
            (b"\0\0\0\0\0\0\0\0", Some(0)),
            (b"", Some(0)),
            (b"8\0", None),
            (b"-1\0", None),
            (b"+1\0", None),
            (b"0x10", None),
            (b"1 2\0", None),
            (b"7777777777777777777777", None),
        ] {
            assert_eq!(number(field), expected, "{:?}", String::from_utf8_lossy(field));
        }
    }

    #[test]
    fn binary_numbers_have_a_sign() {
        for (field, expected) in [
            (&[0x80, 0, 0, 0, 0, 0, 1, 0][..], Some(256)),
            (&[0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Some(i64::MAX)),
            (&[0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0], None),
            (&[0xff; 12], Some(-1)),
            (&[0xff, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0], Some(i64::MIN)),
            (&[0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0, 0, 0, 0], None),
            (&[0xbf, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], None),
        ] {
            assert_eq!(number(field), expected, "{field:?}");
        }
    }
}
