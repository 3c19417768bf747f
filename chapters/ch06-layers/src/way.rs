//! A name on its way through a layer: how far it has come, and what is still to be walked.
//!
//! Only text: the links are read, and the directories made, by whoever walks. What a link says is put in front of what
//! is left, and counted from the root of the layer, as the kernel would count it in a container.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use crate::error::Refusal;
use crate::name::LONGEST;

/// As many links as the kernel follows on one walk.
const LINKS: u32 = 40;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A name in the directory that was reached.
    Name(OsString),
    /// Another directory was reached, by `..` or because a link began with a slash.
    Moved,
}

/// A way under way.
#[derive(Debug)]
pub(crate) struct Way {
    /// Names of directories, none of them a link; relative to the root of the layer.
    here: PathBuf,
    /// The next one last.
    left: Vec<OsString>,
    links: u32,
}

impl Way {
    pub(crate) fn new(path: &Path) -> Self {
        let mut way = Self { here: PathBuf::new(), left: Vec::new(), links: 0 };
        way.put_in_front(path);
        way
    }

    /// The directory that was reached.
    pub(crate) fn here(&self) -> &Path {
        &self.here
    }

    pub(crate) fn next(&mut self) -> Option<Next> {
        let name = self.left.pop()?;
        match name.as_encoded_bytes() {
            b"/" => self.here = PathBuf::new(),
            // Above the root is the root.
            b".." => drop(self.here.pop()),
            _ => return Some(Next::Name(name)),
        }
        Some(Next::Moved)
    }

    /// `name` is a directory, and we are in it.
    pub(crate) fn enter(&mut self, name: &OsStr) -> Result<(), Refusal> {
        self.here.push(name);
        if self.here.as_os_str().len() > LONGEST { Err(Refusal::LongName) } else { Ok(()) }
    }

    /// The name was that of a link, which says `target`. Returns how many steps that is.
    pub(crate) fn follow(&mut self, target: &Path) -> Result<u64, Refusal> {
        self.links += 1;
        if self.links > LINKS {
            return Err(Refusal::Links);
        }
        Ok(self.put_in_front(target))
    }

    fn put_in_front(&mut self, path: &Path) -> u64 {
        let before = self.left.len();
        self.left.extend(path.components().rev().filter_map(|component| match component {
            Component::RootDir => Some("/".into()),
            Component::ParentDir => Some("..".into()),
            Component::Normal(name) => Some(name.to_owned()),
            Component::CurDir | Component::Prefix(_) => None,
        }));
        (self.left.len() - before) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Walks `path` in a layer that has these links, and nothing but directories otherwise.
    fn walk(path: &str, links: &[(&str, &str)]) -> Result<PathBuf, Refusal> {
        let mut way = Way::new(Path::new(path));
        while let Some(next) = way.next() {
            let Next::Name(name) = next else { continue };
            let full = way.here().join(&name);
            match links.iter().find(|(link, _)| Path::new(link) == full) {
                Some((_, target)) => drop(way.follow(Path::new(target))?),
                None => way.enter(&name)?,
            }
        }
        Ok(way.here().into())
    }

    #[test]
    fn links_lead_on_and_never_out() {
        let links =
            [("bin", "usr/bin"), ("abs", "/usr/lib"), ("up", "../../../etc"), ("a/b", "../bin/x"), ("me", "me")];
        for (path, reached) in [
            ("", ""),
            ("a/c", "a/c"),
            ("bin", "usr/bin"),
            ("bin/d", "usr/bin/d"),
            ("a/b/c", "usr/bin/x/c"),
            ("a/abs", "a/abs"),
            ("abs/x", "usr/lib/x"),
            ("up/x", "etc/x"),
        ] {
            assert_eq!(walk(path, &links), Ok(reached.into()), "{path}");
        }
        assert_eq!(walk("me/x", &links), Err(Refusal::Links));
    }

    #[test]
    fn a_way_may_not_grow_without_end() {
        let long = "d/".repeat(1500);
        let links = [("one", long.as_str())];
        assert_eq!(walk(&format!("one/{long}"), &links), Err(Refusal::LongName));
    }
}
