//! `--user`: from names to numbers, by the files of the container's root.
//!
//! The files belong to the image, so they are hostile: read through [`RootDir`], never by the host's libc.

use std::io;
use std::iter;

use process::Diagnose;
use rootfs::RootDir;
use runtime::spec::User;
use thiserror::Error;

/// More than any honest `/etc/passwd`; less than hurts.
const LONGEST_FILE: u64 = 10 << 20;

/// Why a user could not be found.
#[derive(Debug, Error)]
pub enum UserError {
    /// Not in the form `user[:group]`.
    #[error("invalid user {0:?}: expected a name or number, and perhaps :group")]
    Format(String),
    /// A number that no id has.
    #[error("invalid id {0:?}: uids and gids must be in range 0-2147483647")]
    Range(String),
    /// No such user.
    #[error("unable to find user {0}: no matching entries in passwd file")]
    NoUser(String),
    /// No such group.
    #[error("unable to find group {0}: no matching entries in group file")]
    NoGroup(String),
    /// The file is there and cannot be read.
    #[error("read {file} of the image: {source}")]
    Unreadable {
        /// `/etc/passwd` or `/etc/group`.
        file: &'static str,
        /// The reason.
        source: io::Error,
    },
}

impl Diagnose for UserError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoUser(_) => Some("names are looked up in the image's /etc/passwd; a number needs no entry".into()),
            Self::NoGroup(_) => Some("names are looked up in the image's /etc/group; a number needs no entry".into()),
            Self::Unreadable { .. } => Some("the image may be damaged, or hostile".into()),
            _ => None,
        }
    }
}

/// A user as the runtime needs it, and where it is at home.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// Numbers.
    pub user: User,
    /// `/` without an entry, as in docker.
    pub home: String,
}

/// What one line of `passwd(5)` says.
struct Entry<'text> {
    name: &'text str,
    uid: u32,
    gid: u32,
    home: &'text str,
}

/// Looks `text` (`user[:group]`, empty for root) up in the files of `root`.
///
/// # Errors
/// [`UserError`].
pub(crate) fn resolve(text: &str, root: &RootDir) -> Result<Resolved, UserError> {
    let passwd = read(root, "/etc/passwd")?;
    let group = read(root, "/etc/group")?;
    resolve_in(text, &passwd, &group)
}

fn resolve_in(text: &str, passwd: &str, group: &str) -> Result<Resolved, UserError> {
    let (who, of) = match text.split_once(':') {
        Some((who, of)) if !of.is_empty() && !of.contains(':') => (who, Some(of)),
        Some(_) => return Err(UserError::Format(text.into())),
        None => (text, None),
    };
    let who = if who.is_empty() { "0" } else { who };
    let number = as_id(who)?;
    let entry = entries(passwd).find(|entry| entry.name == who || Some(entry.uid) == number);
    let (uid, gid, home) = match (&entry, number) {
        (Some(entry), _) => (entry.uid, entry.gid, entry.home),
        (None, Some(uid)) => (uid, 0, "/"),
        (None, None) => return Err(UserError::NoUser(who.into())),
    };
    let (gid, others) = match of {
        // An explicit group replaces the supplementary ones, too.
        Some(name) => (group_id(name, group)?, Vec::new()),
        None => (gid, entry.map_or_else(Vec::new, |entry| groups_of(entry.name, group))),
    };
    // The primary group is a supplementary one besides: a setgid program changes the primary one alone, and what is
    // denied to the group would be allowed (CVE-2022-36109).
    let others = others.into_iter().filter(|other| *other != gid);
    let additional_gids = iter::once(gid).chain(others).collect();
    Ok(Resolved { user: User { uid, gid, additional_gids, ..User::default() }, home: home.into() })
}

/// `None` for a name; an error for a number out of range. A sign or a blank makes it a name, which no entry has.
fn as_id(text: &str) -> Result<Option<u32>, UserError> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    let id: Option<i32> = text.parse().ok();
    id.map(|id| Some(id.unsigned_abs())).ok_or_else(|| UserError::Range(text.into()))
}

fn entries(passwd: &str) -> impl Iterator<Item = Entry<'_>> {
    passwd.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, gid, _, home, ..] = fields[..] else { return None };
        Some(Entry { name, uid: uid.parse().ok()?, gid: gid.parse().ok()?, home })
    })
}

/// `(name, gid, members)` of each line of `group(5)`.
fn groups(group: &str) -> impl Iterator<Item = (&str, u32, &str)> {
    group.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, gid, members, ..] = fields[..] else { return None };
        Some((name, gid.parse().ok()?, members))
    })
}

fn group_id(text: &str, group: &str) -> Result<u32, UserError> {
    let number = as_id(text)?;
    groups(group)
        .find(|(name, gid, _)| *name == text || Some(*gid) == number)
        .map(|(_, gid, _)| gid)
        .or(number)
        .ok_or_else(|| UserError::NoGroup(text.into()))
}

fn groups_of(user: &str, group: &str) -> Vec<u32> {
    groups(group)
        .filter(|(_, _, members)| members.split(',').any(|member| member == user))
        .map(|(_, gid, _)| gid)
        .collect()
}

/// An image without the file is fine: numbers still work.
fn read(root: &RootDir, file: &'static str) -> Result<String, UserError> {
    match root.read_file(file, LONGEST_FILE) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.is_not_found() => Ok(String::new()),
        Err(error) => Err(UserError::Unreadable { file, source: io::Error::other(error) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:100:A:/home/alice:/bin/sh\nbroken\n1234:x:7:7::/odd:\n";
    const GROUP: &str = "root:x:0:\nusers:x:100:\nstaff:x:50:alice,bob\nwheel:x:10:alice\n";

    fn resolve(text: &str) -> Result<Resolved, UserError> {
        resolve_in(text, PASSWD, GROUP)
    }

    fn ids(text: &str) -> (u32, u32, Vec<u32>, String) {
        let Resolved { user, home } = resolve(text).expect(text);
        (user.uid, user.gid, user.additional_gids, home)
    }

    #[test]
    fn every_form_that_docker_takes() {
        assert_eq!(ids(""), (0, 0, vec![0], "/root".into()));
        assert_eq!(ids("alice"), (1000, 100, vec![100, 50, 10], "/home/alice".into()));
        assert_eq!(ids("1000"), (1000, 100, vec![100, 50, 10], "/home/alice".into()));
        assert_eq!(ids("4242"), (4242, 0, vec![0], "/".into()));
        assert_eq!(ids("alice:staff"), (1000, 50, vec![50], "/home/alice".into()));
        assert_eq!(ids("4242:4343"), (4242, 4343, vec![4343], "/".into()));
    }

    #[test]
    fn what_is_no_user_is_refused_with_its_name() {
        let errors: Vec<String> = ["bob", "alice:nobody", "2147483648", "-1", "+1", " 1", "1:", "a:b:c", "1:-1"]
            .map(|text| resolve(text).expect_err(text).to_string())
            .into();
        insta::assert_snapshot!(errors.join("\n"), @r#"
        unable to find user bob: no matching entries in passwd file
        unable to find group nobody: no matching entries in group file
        invalid id "2147483648": uids and gids must be in range 0-2147483647
        unable to find user -1: no matching entries in passwd file
        unable to find user +1: no matching entries in passwd file
        unable to find user  1: no matching entries in passwd file
        invalid user "1:": expected a name or number, and perhaps :group
        invalid user "a:b:c": expected a name or number, and perhaps :group
        unable to find group -1: no matching entries in group file
        "#);
    }
}
