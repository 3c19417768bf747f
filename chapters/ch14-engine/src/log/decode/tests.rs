use proptest::prelude::*;

use super::*;
use crate::log::record;

const ALL: Wanted = Wanted { time: true, attributes: true };

fn read(line: &str) -> Option<(String, Stream, String, usize)> {
    let mut record = Record::default();
    record.read(line.as_bytes(), ALL)?;
    let text = String::from_utf8(record.text).expect("UTF-8");
    Some((text, record.stream, record.time.to_string(), record.attributes.len()))
}

#[test]
fn records_of_others_are_read_too() {
    let time = "2026-11-27T00:10:31.5Z";
    let expected = Some(("a\"b\n".to_owned(), Stream::Stderr, time.to_owned(), 1));
    for line in [
        r#"{"log":"a\"b\n","stream":"stderr","attrs":{"x":"1"},"time":"2026-11-27T00:10:31.5Z"}"#,
        r#"{"time":"2026-11-27T00:10:31.5Z","attrs":{"x":"1"},"stream":"stderr","log":"a\u0022b\n"}"#,
        r#" { "log" : "a\"b\n", "stream": "stderr", "attrs": {"x":"1"}, "time": "2026-11-27T02:10:31.5+02:00" } "#,
        "\0\0\0{\"log\":\"a\\\"b\\n\",\"stream\":\"stderr\",\"attrs\":{\"x\":\"1\"},\"time\":\"2026-11-27T00:10:31.5Z\"}",
    ] {
        assert_eq!(read(line), expected, "{line}");
    }
    let pair = r#"{"log":"\ud83d\ude00\b","stream":"stdout","time":"2026-11-27T00:10:31.5Z"}"#;
    assert_eq!(read(pair), Some(("😀\u{8}".into(), Stream::Stdout, time.into(), 0)));
}

#[test]
fn what_is_no_record_is_none() {
    for line in [
        "",
        "\0\0",
        "x",
        "{}",
        "null",
        r#"{"log":"cut o"#,
        r#"{"log":"cut off\"#,
        r#"{"log":"\u00"#,
        r#"{"log":"\ud83d","stream":"stdout","time":"2026-11-27T00:10:31.5Z"}"#,
        r#"{"log":"x","stream":"stdout"}"#,
        r#"{"log":"x","stream":"stdout","time":"yesterday"}"#,
        r#"{"log":"x","stream":"stdout","attrs":{"a":1},"time":"2026-11-27T00:10:31.5Z"}"#,
        r#"{"log":"x","stream":"std{"log":"y","stream":"stdout","time":"2026-11-27T00:10:31.5Z"}"#,
    ] {
        assert_eq!(read(line), None, "{line}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        text in proptest::collection::vec(any::<u8>(), 0..200),
        newline: bool,
        nanos in 0..i64::MAX,
        attributes in proptest::collection::btree_map(".*", ".*", 0..3),
    ) {
        let time = Timestamp::from_nanosecond(nanos.into()).expect("a time");
        let (mut line, mut ending) = (Vec::new(), Vec::new());
        record::ending(&mut ending, Stream::Stderr, &record::attributes(&attributes), time);
        record::append(&mut line, &text, newline, &ending);
        let mut record = Record::default();
        record.read(line.strip_suffix(b"\n").expect("a line"), ALL).expect("a record");
        let mut expected = String::new();
        for chunk in text.utf8_chunks() {
            expected.push_str(chunk.valid());
            expected.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
        }
        if newline {
            expected.push('\n');
        }
        prop_assert_eq!(record.text, expected.into_bytes());
        prop_assert_eq!(record.time, time);
        prop_assert_eq!(record.stream, Stream::Stderr);
        prop_assert_eq!(record.attributes, attributes);
    }
}
