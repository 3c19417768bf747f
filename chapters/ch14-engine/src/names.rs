//! Names for containers that were given none: an adjective, and somebody who has helped to build what we stand on.

const ADJECTIVES: [&str; 48] = [
    "agile", "amber", "ample", "ardent", "brave", "brisk", "calm", "candid", "clever", "cosy", "crisp", "daring",
    "eager", "early", "fair", "fluent", "frank", "gentle", "glad", "golden", "happy", "hardy", "honest", "jolly",
    "keen", "kind", "lively", "lucid", "merry", "mighty", "modest", "neat", "noble", "patient", "plucky", "polite",
    "proud", "quick", "quiet", "silver", "steady", "stoic", "sunny", "tidy", "vivid", "warm", "wise", "witty",
];

const PEOPLE: [&str; 48] = [
    "allen",
    "babbage",
    "backus",
    "bartik",
    "boole",
    "borg",
    "cerf",
    "church",
    "codd",
    "cray",
    "curie",
    "dijkstra",
    "einstein",
    "engelbart",
    "euler",
    "feynman",
    "floyd",
    "gauss",
    "goldberg",
    "hamilton",
    "hamming",
    "hoare",
    "hopper",
    "johnson",
    "kay",
    "kernighan",
    "knuth",
    "lamarr",
    "lamport",
    "liskov",
    "lovelace",
    "mccarthy",
    "meitner",
    "minsky",
    "naur",
    "neumann",
    "noether",
    "perlman",
    "ritchie",
    "shannon",
    "sinoussi",
    "stallman",
    "tanenbaum",
    "thompson",
    "torvalds",
    "turing",
    "wirth",
    "wozniak",
];

/// A name out of random `bytes`; with another `attempt`, another one. After some attempts a number makes it unique.
pub(crate) fn generate(bytes: [u8; 2], attempt: u32) -> String {
    let (adjective, person) = (usize::from(bytes[0]), usize::from(bytes[1]));
    let step = usize::try_from(attempt).unwrap_or_default();
    let name = format!(
        "{}_{}",
        ADJECTIVES[(adjective + step * 7) % ADJECTIVES.len()],
        PEOPLE[(person + step * 11) % PEOPLE.len()]
    );
    if attempt < 8 { name } else { format!("{name}{attempt}") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_dockers_grammar_and_another_attempt_gives_another() {
        let names: BTreeSet<String> = (0..100).map(|attempt| generate([200, 7], attempt)).collect();
        assert_eq!(names.len(), 100);
        assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')));
    }
}
