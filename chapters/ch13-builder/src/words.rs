//! Words of an instruction: separated by blanks, kept together by quotes, with variables in them.

use crate::error::InstructionError;

/// What a variable stands for.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The words, still with their quotes.
pub(crate) fn split(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut quote, mut escaped) = (None, None, false);
    for (at, letter) in text.char_indices() {
        if start.is_none() && !letter.is_whitespace() {
            start = Some(at);
        }
        match (quote, letter) {
            _ if escaped => escaped = false,
            (None | Some('"'), '\\') => escaped = true,
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), _) if letter == open => quote = None,
            (None, _) if letter.is_whitespace() => words.extend(start.take().map(|start| &text[start..at])),
            _ => {}
        }
    }
    words.extend(start.map(|start| &text[start..]));
    words
}

/// A word without its quotes, and with what its variables stand for.
///
/// # Errors
/// [`InstructionError::Quote`], [`InstructionError::Variable`].
pub(crate) fn expand(word: &str, lookup: Lookup) -> Result<String, InstructionError> {
    let mut out = String::new();
    let mut letters = word.chars().peekable();
    let mut quote = None;
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), _) if letter == open => quote = None,
            (Some('\''), _) => out.push(letter),
            (None, '\\') => out.extend(letters.next()),
            (Some(_), '\\') => match letters.next() {
                Some(next @ ('"' | '$' | '\\')) => out.push(next),
                next => out.extend(Some('\\').into_iter().chain(next)),
            },
            (_, '$') => out.push_str(&variable(&mut letters, word, lookup)?),
            _ => out.push(letter),
        }
    }
    match quote {
        None => Ok(out),
        Some('"') => Err(InstructionError::Quote(word_from(word, '"'), "double")),
        Some(_) => Err(InstructionError::Quote(word_from(word, '\''), "single")),
    }
}

fn word_from(word: &str, quote: char) -> String {
    word.find(quote).map_or(word, |at| &word[at..]).into()
}

/// `$NAME`, `${NAME}`, `${NAME:-else}`, `${NAME:+instead}`.
fn variable(
    letters: &mut std::iter::Peekable<std::str::Chars>,
    word: &str,
    lookup: Lookup,
) -> Result<String, InstructionError> {
    let is_name = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '_';
    if letters.next_if_eq(&'{').is_none() {
        let name: String = std::iter::from_fn(|| letters.next_if(is_name)).collect();
        return Ok(if name.is_empty() { "$".into() } else { lookup(&name).unwrap_or_default() });
    }
    let wrong = |reason| InstructionError::Variable(word.into(), reason);
    let name: String = std::iter::from_fn(|| letters.next_if(is_name)).collect();
    if name.is_empty() {
        return Err(wrong("bad substitution"));
    }
    let (mut rest, mut depth) = (String::new(), 1);
    for letter in letters.by_ref() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        rest.push(letter);
    }
    if depth > 0 {
        return Err(wrong("syntax error: missing '}'"));
    }
    let value = lookup(&name);
    let set = value.as_ref().is_some_and(|value| !value.is_empty());
    match (rest.split_at_checked(2), rest.as_str()) {
        (_, "") => Ok(value.unwrap_or_default()),
        (Some((":-", other)), _) => {
            if set {
                Ok(value.unwrap_or_default())
            } else {
                expand(other, lookup)
            }
        }
        (Some((":+", other)), _) => {
            if set {
                expand(other, lookup)
            } else {
                Ok(String::new())
            }
        }
        _ => Err(wrong("unsupported modifier in substitution")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(word: &str) -> String {
        let lookup = |name: &str| (name == "A").then(|| "value".to_owned());
        expand(word, &lookup).expect("a word")
    }

    #[test]
    fn quotes_keep_words_together() {
        assert_eq!(split(r#"a="b c" 'd e'=f  g\ h"#), [r#"a="b c""#, "'d e'=f", r"g\ h"]);
        assert_eq!(expanded(r#"a="b c"'d'\ e"#), "a=b cd e");
    }

    #[test]
    fn variables_stand_for_something_or_nothing() {
        let words = ["$A", "${A}x", "'$A'", r"\$A", "$B", "${B:-$A}", "${A:+x}", "${B:+x}", "$", "a$", r#""$A""#];
        let expected = ["value", "valuex", "$A", "$A", "", "value", "x", "", "$", "a$", "value"];
        assert_eq!(words.map(expanded), expected);
    }

    #[test]
    fn what_does_not_end_is_an_error() {
        for word in [r#"a="b"#, "'", "${A", "${", "${A?x}", "${}"] {
            assert!(expand(word, &|_| None).is_err(), "{word}");
        }
    }
}
