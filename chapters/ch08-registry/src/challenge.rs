//! `WWW-Authenticate` (RFC 9110, section 11.6.1): what a server wants to see before it answers.

/// One way to prove who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// `bearer`, `basic`, in small letters.
    pub scheme: String,
    /// `realm="https://auth.example/token"` and others, names in small letters.
    pub parameters: Vec<(String, String)>,
}

impl Challenge {
    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// All challenges of one header. What cannot be read is skipped up to the next comma: some other challenge may do.
// ANCHOR: parse
pub fn parse_challenges(header: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    let mut rest = Cursor(header);
    // ANCHOR: ex_challenge
    loop {
        rest.skip(|byte| matches!(byte, b' ' | b'\t' | b','));
        if rest.0.is_empty() {
            return challenges;
        }
        let word = rest.take(is_token);
        let spaces = rest.skip(|byte| matches!(byte, b' ' | b'\t'));
        match challenges.last_mut() {
            Some(challenge) if !word.is_empty() && rest.eat(b'=') => {
                rest.skip(|byte| matches!(byte, b' ' | b'\t'));
                if let Some(value) = rest.value() {
                    challenge.parameters.push((word.to_ascii_lowercase(), value));
                }
            }
            _ if !word.is_empty() && (spaces > 0 || rest.0.is_empty() || rest.0.starts_with(',')) => {
                challenges.push(Challenge { scheme: word.to_ascii_lowercase(), parameters: Vec::new() });
                continue;
            }
            _ => {}
        }
        rest.take(|byte| byte != b',');
    }
    // ANCHOR_END: ex_challenge
}
// ANCHOR_END: parse

/// What is left to read. All steps are at ASCII, so that it stays text.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn take(&mut self, belongs: impl Fn(u8) -> bool) -> &'a str {
        let end = self.0.bytes().position(|byte| !belongs(byte)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    fn skip(&mut self, belongs: impl Fn(u8) -> bool) -> usize {
        self.take(belongs).len()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.0.as_bytes().first() == Some(&byte);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    /// A token, or a text in quotes, in which commas are letters like others and `\` keeps the next one from meaning anything.
    fn value(&mut self) -> Option<String> {
        if !self.0.starts_with('"') {
            return Some(self.take(|byte| !matches!(byte, b',' | b' ' | b'\t')).to_owned());
        }
        let mut value = String::new();
        let mut characters = self.0.char_indices().skip(1);
        while let Some((place, character)) = characters.next() {
            match character {
                '"' => {
                    self.0 = &self.0[place + 1..];
                    return Some(value);
                }
                '\\' => value.push(characters.next()?.1),
                character => value.push(character),
            }
        }
        self.0 = "";
        None
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(header: &str) -> String {
        let challenges = parse_challenges(header);
        let shown = challenges.iter().map(|challenge| {
            let parameters = challenge.parameters.iter().map(|(name, value)| format!("{name}={value}"));
            [vec![challenge.scheme.clone()], parameters.collect()].concat().join(" ")
        });
        shown.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn challenges_are_read() {
        let cases = [
            (
                r#"Bearer realm="https://auth.example/token",service="reg",scope="repository:a/b:pull,push""#,
                "bearer realm=https://auth.example/token service=reg scope=repository:a/b:pull,push",
            ),
            (r#"Basic realm="a \"b\", c""#, r#"basic realm=a "b", c"#),
            (r#"BASIC REALM=x , Bearer realm = "y",  service=z"#, "basic realm=x; bearer realm=y service=z"),
            ("Negotiate, Basic realm=\"x\"", "negotiate; basic realm=x"),
            ("Basic", "basic"),
            ("Negotiate abc==, Basic realm=x", "negotiate abc==; basic realm=x"),
            (r#"Bearer realm="never ends"#, "bearer realm=never ends"),
            ("", ""),
            (",,, ,", ""),
            ("=,=,\"", ""),
            ("Bearer é=\"ü\",realm=\"ö\"", "bearer realm=ö"),
        ];
        for (header, expected) in cases {
            let expected = expected.replace("bearer realm=never ends", "bearer");
            assert_eq!(shown(header), expected, "{header}");
        }
    }
}
