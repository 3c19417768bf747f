//! `/etc/subuid` and `/etc/subgid`: the ids that a user may hand to containers (`subuid(5)`).

use std::fs;
use std::io;

use process::{Diagnose, FailureKind};

use crate::idmap::{IdMap, IdMapError, IdRange};

/// No subordinate ids.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubidError {
    /// The file cannot be read.
    #[error("read {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// The reason.
        source: io::Error,
    },
    /// A line is not `USER:FIRST:COUNT`.
    #[error("{path}, line {line}: {text:?} is not USER:FIRST:COUNT")]
    Syntax {
        /// The file.
        path: String,
        /// Counted from 1.
        line: usize,
        /// The line.
        text: String,
    },
    /// No line is about the user.
    #[error("{path} grants no ids to user {user}")]
    NoRange {
        /// The file.
        path: String,
        /// The user.
        user: String,
    },
    /// The ranges make no map.
    #[error("{path}: {source}")]
    Map {
        /// The file.
        path: String,
        /// What is wrong.
        source: IdMapError,
    },
}

impl Diagnose for SubidError {
    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Syntax { .. } | Self::Map { .. } => FailureKind::Invalid,
            Self::NoRange { .. } => FailureKind::Denied,
            _ => return None,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoRange { user, .. } => {
                Some(format!("grant some: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}"))
            }
            _ => None,
        }
    }
}

/// The map that gives a container of `user` all the ids that `path` (`/etc/subuid` or `/etc/subgid`) grants it: 0 inside
/// is the first of them.
///
/// `user` is a name; lines that carry the number `uid` instead count too. An owner that is written in digits is a number,
/// whoever is called so.
///
/// # Errors
/// [`SubidError`].
pub fn subordinate_ids(path: &str, user: &str, uid: Option<u32>) -> Result<IdMap, SubidError> {
    let text = fs::read_to_string(path).map_err(|source| SubidError::Read { path: path.into(), source })?;
    granted(&text, path, user, uid)
}

fn granted(text: &str, path: &str, user: &str, uid: Option<u32>) -> Result<IdMap, SubidError> {
    let mut ranges = Vec::new();
    let mut inside = 0;
    for (index, line) in
        text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
    {
        let (owner, outside, count) = parse_line(line).ok_or_else(|| SubidError::Syntax {
            path: path.into(),
            line: index + 1,
            text: line.into(),
        })?;
        let is_number = owner.bytes().all(|byte| byte.is_ascii_digit());
        let is_theirs = if is_number { uid.is_some() && owner.parse().ok() == uid } else { owner == user };
        if is_theirs {
            ranges.push(IdRange { inside, outside, count });
            inside = inside.saturating_add(count);
        }
    }
    if ranges.is_empty() {
        return Err(SubidError::NoRange { path: path.into(), user: user.into() });
    }
    IdMap::new(ranges).map_err(|source| SubidError::Map { path: path.into(), source })
}

fn parse_line(line: &str) -> Option<(&str, u32, u32)> {
    let mut fields = line.split(':');
    let parsed = (fields.next()?, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    fields.next().is_none().then_some(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# ids\nalice:100000:65536\nbob:165536:65536\n\n1000:500000:10\n";

    fn ids(text: &str, user: &str, uid: u32) -> String {
        match granted(text, "/etc/subuid", user, Some(uid)) {
            Ok(map) => map.to_string(),
            Err(error) => format!("{error}\n{}", error.hint().unwrap_or_default()),
        }
    }

    #[test]
    fn the_ranges_of_a_user_follow_each_other_inside() {
        assert_eq!(ids(FILE, "alice", 1000), "0:100000:65536,65536:500000:10");
        assert_eq!(ids(FILE, "bob", 1001), "0:165536:65536");
    }

    #[test]
    fn digits_are_a_number_and_never_a_name() {
        let map = granted(FILE, "/etc/subuid", "1000", Some(0));
        assert!(matches!(map, Err(SubidError::NoRange { .. })), "{map:?}");
        let map = granted("4294967295:1:1\n", "/etc/subuid", "alice", None);
        assert!(matches!(map, Err(SubidError::NoRange { .. })), "{map:?}");
    }

    #[test]
    fn a_user_without_a_line_is_told_how_to_get_one() {
        insta::assert_snapshot!(ids(FILE, "carol", 1002), @r"
        /etc/subuid grants no ids to user carol
        grant some: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 carol
        ");
    }

    #[test]
    fn a_broken_line_is_named() {
        insta::assert_snapshot!(ids("alice:100000\n", "alice", 1000), @r#"/etc/subuid, line 1: "alice:100000" is not USER:FIRST:COUNT"#);
        insta::assert_snapshot!(ids("alice:1:2:3\n", "alice", 1000), @r#"/etc/subuid, line 1: "alice:1:2:3" is not USER:FIRST:COUNT"#);
        insta::assert_snapshot!(ids("alice:5:0\n", "alice", 1000), @"/etc/subuid: id range 0:5:0 maps nothing");
    }
}
