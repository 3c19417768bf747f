//! `Link` (RFC 8288): where a list that is too long for one answer goes on.

/// The address of what comes next, as it is written.
pub fn parse_next(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (address, after) = after.split_once('>')?;
        // Up to the next link; an address cannot have a '<'.
        let parameters = after.split('<').next().unwrap_or_default();
        let next = parameters.split([';', ',']).any(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = value.trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("rel") && value.split(' ').any(|word| word.eq_ignore_ascii_case("next"))
        });
        if next {
            return Some(address.trim());
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_next_is_found() {
        let cases = [
            (r#"</v2/_catalog?last=b&n=2>; rel="next""#, Some("/v2/_catalog?last=b&n=2")),
            ("</a>; rel=prev, </b,c;d>; title=x; REL=\"last next\"", Some("/b,c;d")),
            ("<https://x/y>;rel=next", Some("https://x/y")),
            ("</a>; rel=\"prev\"", None),
            ("</a>", None),
            ("<", None),
            ("rel=next", None),
            ("<>; rel=next", Some("")),
            ("", None),
        ];
        for (header, expected) in cases {
            assert_eq!(parse_next(header), expected, "{header}");
        }
    }
}
