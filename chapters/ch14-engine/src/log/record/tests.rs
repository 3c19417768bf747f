use super::*;

fn record(line: &[u8], newline: bool, attributes_of: &[(&str, &str)]) -> String {
    let map = attributes_of.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let time: Timestamp = "2026-11-27T00:10:31.10342259Z".parse().expect("a time");
    let (mut out, mut end) = (Vec::new(), Vec::new());
    ending(&mut end, Stream::Stdout, &attributes(&map), time);
    append(&mut out, line, newline, &end);
    String::from_utf8(out).expect("JSON is UTF-8")
}

/// What docker 28.5 wrote when a container printed the same.
#[test]
fn records_are_dockers_byte_for_byte() {
    let line = b"a<b>&c\"\\/\t\r\x08\x0c\x0b\x01\xff\xe2\x82";
    assert_eq!(
        record(line, true, &[("FOO", "bar"), ("com.x", "1"), ("tag", "a1/3a9d60ad1202")]),
        concat!(
            r#"{"log":"a\u003cb\u003e\u0026c\"\\/\u0009\r\u0008\u000c\u000b\u0001\ufffd\ufffd\ufffd\n","stream":"stdout","#,
            r#""attrs":{"FOO":"bar","com.x":"1","tag":"a1/3a9d60ad1202"},"time":"2026-11-27T00:10:31.10342259Z"}"#,
            "\n"
        )
    );
    let line = "\u{2028} \u{2029} é 😀 ".as_bytes();
    let line = [line, b"\xed\xa0\x80 \xc0\x80"].concat();
    assert_eq!(
        record(&line, true, &[]),
        concat!(
            r#"{"log":"\u2028 \u2029 é 😀 \ufffd\ufffd\ufffd \ufffd\ufffd\n","stream":"stdout","#,
            r#""time":"2026-11-27T00:10:31.10342259Z"}"#,
            "\n"
        )
    );
    assert_eq!(
        record(b"end", false, &[]),
        concat!(r#"{"log":"end","stream":"stdout","time":"2026-11-27T00:10:31.10342259Z"}"#, "\n")
    );
}

#[test]
fn whatever_is_printed_a_json_reader_gets_it_back() {
    // Each byte at each place of a block and of what is left behind the last.
    for length in [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5] {
        for byte in 0..=u8::MAX {
            for place in [0, length / 2, length - 1] {
                let mut line = vec![b'x'; length];
                line[place] = byte;
                let parsed: serde_json::Value = serde_json::from_str(&record(&line, true, &[])).expect("JSON");
                let text = format!("{}\n", String::from_utf8_lossy(&line));
                assert_eq!(parsed["log"], text, "{byte} at {place} of {length}");
            }
        }
    }
}

#[test]
fn times_have_no_zeros_at_the_end() {
    let mut out = Vec::new();
    ending(&mut out, Stream::Stderr, &[], Timestamp::from_second(1_700_000_000).expect("a time"));
    assert_eq!(out, b"\",\"stream\":\"stderr\",\"time\":\"2023-11-14T22:13:20Z\"}\n");
}
