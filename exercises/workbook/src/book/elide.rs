//! Takes the plumbing of errors out of Rust: which step gives which error is the file's matter, and the page is about the
//! step. Text in, text out.

/// The methods that say what an error is called, and do nothing else.
const PLUMBING: [&str; 3] = ["map_err", "context", "with_context"];

/// `text` without the calls in [`PLUMBING`]. A call whose parentheses do not close is left alone.
pub(crate) fn plumbing(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        if let Some(end) = plumbing_call(text, at) {
            // A call on a line of its own takes its line along, unless a comment ends there.
            let last = kept.trim_end().rsplit('\n').next().unwrap_or_default();
            if !last.contains("//") {
                kept.truncate(kept.trim_end().len());
            }
            at = end;
        } else {
            let end = token(text, at);
            kept.push_str(&text[at..end]);
            at = end;
        }
    }
    kept
}

/// The end of the call that begins at `at`, if it is plumbing.
fn plumbing_call(text: &str, at: usize) -> Option<usize> {
    let rest = text[at..].strip_prefix('.')?;
    let name = PLUMBING.iter().find(|name| rest.strip_prefix(**name).is_some_and(|rest| rest.starts_with('(')))?;
    let mut depth = 0_usize;
    let mut here = at + 1 + name.len();
    while here < text.len() {
        let end = token(text, here);
        match &text[here..end] {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        here = end;
        if depth == 0 {
            return Some(here);
        }
    }
    None
}

/// The end of what begins at `at`: a comment, a literal, or one character.
fn token(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let length = if rest.starts_with("//") {
        rest.find('\n').unwrap_or(rest.len())
    } else if rest.starts_with("/*") {
        rest.find("*/").map_or(rest.len(), |end| end + 2)
    } else if rest.starts_with('"') {
        quoted(rest, '"')
    } else if let Some(length) = raw_string(text, at) {
        length
    } else if rest.starts_with('\'') {
        character(rest)
    } else {
        rest.chars().next().map_or(1, char::len_utf8)
    };
    at + length
}

/// The length of a literal that ends with `mark`, and in which a backslash hides one.
fn quoted(rest: &str, mark: char) -> usize {
    let mut hidden = false;
    for (index, c) in rest.char_indices().skip(1) {
        match c {
            _ if hidden => hidden = false,
            '\\' => hidden = true,
            c if c == mark => return index + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// The length of `r"…"` or `r#"…"#`; an `r` that ends a word begins none.
fn raw_string(text: &str, at: usize) -> Option<usize> {
    let rest = text[at..].strip_prefix('r')?;
    let hashes: String = rest.chars().take_while(|c| *c == '#').collect();
    let body = rest[hashes.len()..].strip_prefix('"')?;
    // `br"…"` and `cr"…"` are such, too.
    let before = text[..at].trim_end_matches(['b', 'c']).chars().next_back();
    if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let end = format!("\"{hashes}");
    Some(1 + hashes.len() + 1 + body.find(&end).map_or(body.len(), |at| at + end.len()))
}

/// The length of `'x'`; of a lifetime, only its mark.
fn character(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), _) => quoted(rest, '\''),
        (Some(_), Some((end, '\''))) => end + 1,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_an_error_is_called_is_left_out() {
        assert_eq!(plumbing("unshare(new).map_err(Error::Unshare)?;"), "unshare(new)?;");
        assert_eq!(plumbing("a().map_err(|e| E { name: f(e), why: (1, 2) })?.b()"), "a()?.b()");
        assert_eq!(plumbing("a()\n        .with_context(|| format!(\"x\"))?;\nb()"), "a()?;\nb()");
        assert_eq!(plumbing("a() // why\n    .context(x)?;"), "a() // why\n    ?;");
    }

    #[test]
    fn parentheses_in_text_close_nothing() {
        assert_eq!(plumbing(r#"a().context(") \" (")?; b"#), "a()?; b");
        assert_eq!(plumbing("a().map_err(|_| x('(', '\\'', b')'))?; b"), "a()?; b");
        assert_eq!(plumbing("a().context(r#\"(\"\"#)?; b"), "a()?; b");
        assert_eq!(plumbing("f::<'a>(x).map_err(/* ( */ g)"), "f::<'a>(x)");
    }

    #[test]
    fn what_only_looks_like_it_stays() {
        for text in
            ["x.context", "x.contexts(1)", "\".map_err(a)\"", "// .map_err(a)", "a.map_err(", "self.context = 1"]
        {
            assert_eq!(plumbing(text), text);
        }
    }

    proptest! {
        #[test]
        fn without_a_call_nothing_changes(text in "[a-z(){}\"'/*#r.\\\\\n é]{0,60}") {
            prop_assume!(!PLUMBING.iter().any(|name| text.contains(name)));
            prop_assert_eq!(plumbing(&text), text);
        }
    }
}
