//! What a container has chosen (names of files, command lines) is shown, and not obeyed: a terminal takes some characters for
//! orders.

use std::fmt::Write;

/// The text with everything escaped that could move a cursor, change colours, end a line, or turn the direction of writing.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        // Writing to memory does not fail.
        let _ = match character {
            '\n' => shown.write_str("\\n"),
            '\t' => shown.write_str("\\t"),
            '\r' => shown.write_str("\\r"),
            character if character.is_ascii_control() => write!(shown, "\\x{:02x}", u32::from(character)),
            character if is_order(character) => write!(shown, "\\u{{{:x}}}", u32::from(character)),
            character => shown.write_char(character),
        };
    }
    shown
}

/// The same for what has several lines, and may have columns.
pub(crate) fn visible_lines(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for line in text.split_inclusive(['\n', '\t']) {
        let plain = line.trim_end_matches(['\n', '\t']);
        shown.push_str(&visible(plain));
        shown.push_str(&line[plain.len()..]);
    }
    shown
}

/// The same for JSON, which has its own way of escaping, and leaves some of these as they are. They stand in strings only.
pub(crate) fn visible_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        if character == '\u{7f}' || is_order(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Beyond ASCII: the second set of control characters (U+009B begins a sequence as escape and a bracket do), marks that turn
/// the direction of writing, ends of lines, what has no width, and tags.
pub(crate) fn is_order(character: char) -> bool {
    matches!(character,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_to_a_terminal_are_letters() {
        assert_eq!(
            visible("a\x1b[2J\x07\r\n\t\x7f\u{9b}1m\u{202e}b é 漢"),
            r"a\x1b[2J\x07\r\n\t\x7f\u{9b}1m\u{202e}b é 漢"
        );
    }

    #[test]
    fn lines_and_columns_stay() {
        assert_eq!(visible_lines("a\x1b[2J\n\n\tb\u{9b}\tc\r\n"), "a\\x1b[2J\n\n\tb\\u{9b}\tc\\r\n");
    }

    #[test]
    fn json_stays_what_it_says() {
        let value = serde_json::json!({ "a\u{9b}": "\u{7f}\u{202e}\u{e0041}\x1b é" });
        let shown = visible_json(&value.to_string());
        assert_eq!(shown, r#"{"a\u009b":"\u007f\u202e\udb40\udc41\u001b é"}"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).expect("JSON"), value);
    }
}
