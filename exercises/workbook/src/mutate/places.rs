//! The text of a hole and where things stand in it.

use std::collections::BTreeSet;
use std::ops::Range;

use syn::spanned::Spanned;

/// How many other names of a kind are tried: those that stand nearest in the alphabet of the file are as good as any.
const MOST_SIBLINGS: usize = 4;

/// Flags that people take for each other, though the file may not name them all.
const CONFUSED: [&[&str]; 5] = [
    &["MsFlags::MS_PRIVATE", "MsFlags::MS_SLAVE", "MsFlags::MS_SHARED"],
    &["CloneFlags::CLONE_NEWUTS", "CloneFlags::CLONE_NEWNS"],
    &["ResolveFlag::RESOLVE_IN_ROOT", "ResolveFlag::RESOLVE_BENEATH"],
    &["MntFlags::MNT_DETACH", "MntFlags::MNT_FORCE"],
    &["Test::Equal", "Test::Greater", "Test::GreaterOrEqual"],
];

/// A text that was parsed.
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    /// Every `Type::NAME` of the file around it.
    paths: BTreeSet<String>,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str, file: &str) -> Self {
        Self { text, paths: paths(file).chain(paths(text)).collect() }
    }

    pub(super) fn of(&self, what: &impl Spanned) -> &'a str {
        &self.text[range(what)]
    }

    pub(super) fn short(&self, range: &Range<usize>) -> String {
        shorten(&self.text[range.clone()])
    }

    /// Other names that could stand in the place of `Type::NAME`.
    pub(super) fn siblings(&self, path: &str) -> Vec<String> {
        let Some((kind, name)) = path.rsplit_once("::") else { return Vec::new() };
        let confused = CONFUSED.iter().filter(|names| names.contains(&path)).flat_map(|names| names.iter());
        let confused = confused.map(|name| (*name).to_owned());
        let is_constant = |name: &str| name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        let in_file = self.paths.iter().filter(|other| {
            // A function is no sibling of a constant.
            other
                .rsplit_once("::")
                .is_some_and(|(other, other_name)| other == kind && is_constant(other_name) == is_constant(name))
        });
        let mut all: Vec<String> = confused.chain(in_file.cloned()).filter(|other| other != path).collect();
        let mut seen = BTreeSet::new();
        all.retain(|name| seen.insert(name.clone()));
        all.truncate(MOST_SIBLINGS);
        all
    }
}

/// The bytes where something stands.
pub(super) fn range(of: &impl Spanned) -> Range<usize> {
    of.span().byte_range()
}

/// One line, and not too long.
pub(super) fn shorten(text: &str) -> String {
    const LONGEST: usize = 48;
    let line = text.trim().lines().next().unwrap_or_default();
    if line.len() == text.trim().len() && line.chars().count() <= LONGEST {
        return format!("`{line}`");
    }
    format!("`{}…`", line.chars().take(LONGEST).collect::<String>().trim_end())
}

/// Every `Type::Name` of a text, where both begin with a capital.
fn paths(text: &str) -> impl Iterator<Item = String> + '_ {
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    words.filter_map(|word| {
        let mut parts = word.rsplit("::");
        let (name, kind) = (parts.next()?, parts.next()?);
        let capital = |word: &str| word.starts_with(|c: char| c.is_ascii_uppercase());
        (capital(name) && capital(kind)).then(|| format!("{kind}::{name}"))
    })
}
