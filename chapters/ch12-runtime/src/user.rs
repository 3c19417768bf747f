//! `--user`: from names to numbers, by the files of the container's root.
//!
//! The files belong to the image, so they are hostile: read through [`RootDir`], never by the host's libc.

use std::io;
use std::iter;

use process::{Diagnose, FailureKind};
use rootfs::RootDir;

use thiserror::Error;

use crate::spec::User;

/// More than any honest `/etc/passwd`; less than hurts.
const LONGEST_FILE: u64 = 10 << 20;

/// Why a user could not be found.
#[derive(Debug, Error)]
pub enum UserError {
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
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Invalid)
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoUser(_) => Some("names are looked up in the image's /etc/passwd; a number needs no entry".into()),
            Self::NoGroup(_) => Some("names are looked up in the image's /etc/group; a number needs no entry".into()),
            Self::Unreadable { .. } => Some("the image may be damaged, or hostile".into()),
            Self::Range(_) => None,
        }
    }
}

/// A user as the runtime needs it, and where it is at home.
#[derive(Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Numbers.
    pub user: User,
    /// `/` without an entry, as in docker.
    pub home: String,
}

/// What one line of `passwd(5)` says.
struct Entry<'text> {
    name: &'text str,
    uid: &'text str,
    gid: &'text str,
    home: &'text str,
}

/// What one line of `group(5)` says.
struct Group<'text> {
    name: &'text str,
    gid: &'text str,
    members: &'text str,
}

/// Looks `text` (`user[:group]`, empty for root) and `more`, further groups, up in the files of `root`.
///
/// # Errors
/// [`UserError`].
pub fn resolve(text: &str, more: &[String], root: &RootDir) -> Result<Resolved, UserError> {
    let passwd = read(root, "/etc/passwd")?;
    let group = read(root, "/etc/group")?;
    let mut resolved = resolve_in(text, &passwd, &group)?;
    let more = more.iter().map(|name| group_id(name, &group)).collect::<Result<Vec<u32>, UserError>>()?;
    for gid in more {
        if !resolved.user.additional_gids.contains(&gid) {
            resolved.user.additional_gids.push(gid);
        }
    }
    Ok(resolved)
}

/// Where the user with this number is at home; `/` if nobody says so.
pub fn home_of(uid: u32, root: &RootDir) -> String {
    let passwd = read(root, "/etc/passwd").unwrap_or_default();
    entries(&passwd).find(|entry| has_id(entry.uid, uid)).map_or("/", |entry| entry.home).to_owned()
}

/// Either part may be missing: `1000:` and `:50` are docker's, too. A second colon is a letter of the group's name.
fn resolve_in(text: &str, passwd: &str, group: &str) -> Result<Resolved, UserError> {
    let (who, of) = text.split_once(':').unwrap_or((text, ""));
    let who = Some(who).filter(|who| !who.is_empty()).unwrap_or("0");
    let of = Some(of).filter(|of| !of.is_empty());
    let number = as_number(who)?;
    // A name that is written in digits is never looked up: `1000` is a number, whoever else calls himself so.
    let entry = entries(passwd).find(|entry| match number {
        Some(number) => has_id(entry.uid, number),
        None => entry.name == who,
    });
    let (uid, gid) = match (&entry, number) {
        (Some(entry), _) => (field(entry.uid)?, field(entry.gid)?),
        (None, Some(uid)) => (uid, 0),
        (None, None) => return Err(UserError::NoUser(who.into())),
    };
    let (gid, others) = match of {
        // An explicit group replaces the supplementary ones, too.
        Some(of) => (group_id(of, group)?, Vec::new()),
        None => (gid, entry.map_or_else(|| Ok(Vec::new()), |entry| groups_of(entry.name, group))?),
    };
    // The primary group is a supplementary one besides: a setgid program changes the primary one alone, and what is
    // denied to the group would be allowed (CVE-2022-36109).
    let additional_gids = iter::once(gid).chain(others).collect();
    // At home is who has the number, not who has the name: several names may share it.
    let home = entries(passwd).find(|entry| has_id(entry.uid, uid)).map_or("/", |entry| entry.home);
    Ok(Resolved { user: User { uid, gid, additional_gids, ..User::default() }, home: home.into() })
}

/// `None` for a name. A number may have a sign, as for docker, but not a blank; one that no id can have is an error:
/// (2^32)-1, of all numbers, is how `setresuid(2)` is told to change nothing.
fn as_number(text: &str) -> Result<Option<u32>, UserError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    let id = text.parse::<i32>().ok().and_then(|id| u32::try_from(id).ok());
    id.map(Some).ok_or_else(|| UserError::Range(text.into()))
}

/// The id in a field of the file. Docker takes what is no number for 0, and so for root; here it is an error.
fn field(text: &str) -> Result<u32, UserError> {
    as_number(text)?.ok_or_else(|| UserError::Range(text.into()))
}

fn has_id(field: &str, id: u32) -> bool {
    field.parse() == Ok(id)
}

/// Lines may be indented and may end early: what is missing is empty.
fn lines<const N: usize>(file: &str) -> impl Iterator<Item = [&str; N]> {
    file.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| {
        let mut fields = line.split(':');
        std::array::from_fn(|_| fields.next().unwrap_or_default())
    })
}

fn entries(passwd: &str) -> impl Iterator<Item = Entry<'_>> {
    lines(passwd).map(|[name, _, uid, gid, _, home]| Entry { name, uid, gid, home })
}

fn groups(group: &str) -> impl Iterator<Item = Group<'_>> {
    lines(group).map(|[name, _, gid, members]| Group { name, gid, members })
}

fn group_id(text: &str, group: &str) -> Result<u32, UserError> {
    match as_number(text)? {
        Some(number) => Ok(number),
        None => groups(group)
            .find(|group| group.name == text)
            .map_or_else(|| Err(UserError::NoGroup(text.into())), |group| field(group.gid)),
    }
}

fn groups_of(user: &str, group: &str) -> Result<Vec<u32>, UserError> {
    groups(group)
        .filter(|group| group.members.split(',').any(|member| member == user))
        .map(|group| field(group.gid))
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

    const PASSWD: &str = "\
root:x:0:0:root:/root:/bin/sh
# a comment
toor:x:0:0:toor:/toor:/bin/sh
1000:x:0:0:evil:/root:/bin/sh
alice:x:1000:100:A:/home/alice:/bin/sh
alice:x:1001:101:A2:/home/alice2:/bin/sh
short:x:1500:1500
nohome:x:1600:1600:::
  padded:x:1700:1700::/padded:/bin/sh \x20
bad:x:abc:100:bad:/home/bad:/bin/sh
big:x:4294967295:4294967295::/big:/bin/sh
minus:x:-1:100::/minus:/bin/sh
wide:x:7:4294967295::/wide:/bin/sh
name-only
last:x:2000:2000::/last";
    const GROUP: &str = "\
root:x:0:
users:x:100:
  staff:x:50:alice,bob
wheel:x:10: alice
50:x:7:
app:x:1500
dup:x:60:alice
dup:x:61:alice
big:x:4294967295:last";

    fn resolve(text: &str) -> Result<Resolved, UserError> {
        resolve_in(text, PASSWD, GROUP)
    }

    fn ids(text: &str) -> (u32, u32, Vec<u32>, String) {
        let Resolved { user, home } = resolve(text).expect(text);
        (user.uid, user.gid, user.additional_gids, home)
    }

    #[test]
    fn every_form_that_docker_takes() {
        for text in ["", ":", "0", "0:", "root", "root:0", "+0"] {
            assert_eq!(ids(text), (0, 0, vec![0], "/root".into()), "{text:?}");
        }
        for text in ["alice", "1000", "1000:", "+1000"] {
            assert_eq!(ids(text), (1000, 100, vec![100, 50, 60, 61], "/home/alice".into()), "{text:?}");
        }
        assert_eq!(ids("4242"), (4242, 0, vec![0], "/".into()));
        assert_eq!(ids(":staff"), (0, 50, vec![50], "/root".into()));
        assert_eq!(
            ids(":50"),
            (0, 50, vec![50], "/root".into()),
            "a number, although a group of another id is called so"
        );
        assert_eq!(ids("alice:staff"), (1000, 50, vec![50], "/home/alice".into()));
        assert_eq!(ids("alice:50"), (1000, 50, vec![50], "/home/alice".into()));
        assert_eq!(ids("4242:4343"), (4242, 4343, vec![4343], "/".into()));
        assert_eq!(ids("2147483647:2147483647"), (2_147_483_647, 2_147_483_647, vec![2_147_483_647], "/".into()));
        assert_eq!(ids("toor"), (0, 0, vec![0], "/root".into()));
        assert_eq!(ids("padded"), (1700, 1700, vec![1700], "/padded".into()));
    }

    #[test]
    fn a_line_that_ends_early_has_empty_fields() {
        assert_eq!(ids("short:app"), (1500, 1500, vec![1500], String::new()));
        assert_eq!(ids("nohome"), (1600, 1600, vec![1600], String::new()));
        assert_eq!(ids("2000:0"), (2000, 0, vec![0], "/last".into()));
    }

    #[test]
    fn what_is_no_user_is_refused_with_its_name() {
        let errors: Vec<String> = [
            "bob",
            "alice:nobody",
            " 1",
            "1 ",
            "a:b:c",
            "::",
            "alice::staff",
            "-",
            "ALICE",
            "1:1 ",
            "0x10",
            "2147483648",
            "4294967295",
            "99999999999999999999",
            "-1",
            "0:4294967295",
            "1:-1",
            "big",
            "minus",
            "wide",
            "bad",
            "name-only",
            "root:big",
            "last",
        ]
        .map(|text| format!("{text:?}: {}", resolve(text).expect_err(text)))
        .into();
        insta::assert_snapshot!(errors.join("\n"), @r#"
        "bob": unable to find user bob: no matching entries in passwd file
        "alice:nobody": unable to find group nobody: no matching entries in group file
        " 1": unable to find user  1: no matching entries in passwd file
        "1 ": unable to find user 1 : no matching entries in passwd file
        "a:b:c": unable to find user a: no matching entries in passwd file
        "::": unable to find group :: no matching entries in group file
        "alice::staff": unable to find group :staff: no matching entries in group file
        "-": unable to find user -: no matching entries in passwd file
        "ALICE": unable to find user ALICE: no matching entries in passwd file
        "1:1 ": unable to find group 1 : no matching entries in group file
        "0x10": unable to find user 0x10: no matching entries in passwd file
        "2147483648": invalid id "2147483648": uids and gids must be in range 0-2147483647
        "4294967295": invalid id "4294967295": uids and gids must be in range 0-2147483647
        "99999999999999999999": invalid id "99999999999999999999": uids and gids must be in range 0-2147483647
        "-1": invalid id "-1": uids and gids must be in range 0-2147483647
        "0:4294967295": invalid id "4294967295": uids and gids must be in range 0-2147483647
        "1:-1": invalid id "-1": uids and gids must be in range 0-2147483647
        "big": invalid id "4294967295": uids and gids must be in range 0-2147483647
        "minus": invalid id "-1": uids and gids must be in range 0-2147483647
        "wide": invalid id "4294967295": uids and gids must be in range 0-2147483647
        "bad": invalid id "abc": uids and gids must be in range 0-2147483647
        "name-only": invalid id "": uids and gids must be in range 0-2147483647
        "root:big": invalid id "4294967295": uids and gids must be in range 0-2147483647
        "last": invalid id "4294967295": uids and gids must be in range 0-2147483647
        "#);
    }
}
