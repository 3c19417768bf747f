//! A log's files as one, from the oldest to the newest, while somebody else rotates them.

use std::fs::Metadata;
use std::io;

use super::files::Files;
use super::scanner::Scanner;
use super::source::{Source, if_there, is_same};

/// How often a reader that is overtaken by rotations looks again.
const ATTEMPTS: usize = 100;

/// Every file that there is, oldest first.
fn open(files: &Files) -> io::Result<Vec<Source>> {
    for _ in 0..ATTEMPTS {
        let mut sources = Vec::new();
        // The current one may be missing, when the writer was interrupted; behind any other that is missing there is none.
        for age in 0..files.keep() {
            match Source::open(files, age)? {
                Some(source) => sources.push(source),
                None if age == 0 => {}
                None => break,
            }
        }
        // After a rotation meanwhile one may be there twice, or not at all.
        let newest = sources.first().map(Source::metadata).transpose()?;
        if at_path(files, 0)?.is_none_or(|current| newest.is_some_and(|newest| is_same(&newest, &current))) {
            sources.reverse();
            return Ok(sources);
        }
    }
    Err(io::Error::other("it is rotated faster than it can be read"))
}

/// Lines of all files, oldest first; if some are `wanted`, only the last ones.
pub(super) fn lines(files: &Files, wanted: Option<u64>, growing: bool) -> io::Result<Vec<Scanner<Source>>> {
    let mut wanted = wanted;
    let mut scanners = Vec::new();
    for mut source in open(files)?.into_iter().rev() {
        if !growing {
            source.limit()?;
        }
        let (lines, missing) = source.lines(wanted)?;
        scanners.push(lines);
        if wanted.is_some() && missing == 0 {
            break;
        }
        wanted = wanted.map(|_| missing);
    }
    scanners.reverse();
    Ok(scanners)
}

/// The place in the chain of a file that is being read to its end.
#[derive(Debug)]
pub(super) struct Link {
    /// What was before it when it was opened.
    before: Option<Metadata>,
}

impl Link {
    /// Of the current file.
    pub(super) fn new(files: &Files) -> io::Result<Self> {
        Ok(Self { before: at_path(files, 1)? })
    }

    /// What has come after `read`, oldest first.
    pub(super) fn next(&self, files: &Files, read: &Source) -> io::Result<Vec<Scanner<Source>>> {
        let mut sources = open(files)?;
        let mut place = None;
        for (index, source) in sources.iter().enumerate() {
            if source.was(read)? {
                place = Some(index);
            }
        }
        let first = match place {
            Some(index) => index + 1,
            // Somebody has removed it: what was before it is still there, and has been read.
            None if files.keep() == 1 || self.is_what_was_before(files)? => sources.len().saturating_sub(1),
            // The reader is so far behind that it was the oldest, and has gone.
            None => 0,
        };
        Ok(sources.drain(first..).map(Scanner::new).collect())
    }

    fn is_what_was_before(&self, files: &Files) -> io::Result<bool> {
        let now = at_path(files, 1)?;
        Ok(self.before.as_ref().zip(now.as_ref()).is_some_and(|(before, now)| is_same(before, now)))
    }
}

/// Whether `read` is the file that is written to.
pub(super) fn is_current(files: &Files, read: &Source) -> io::Result<bool> {
    let read = read.metadata()?;
    Ok(at_path(files, 0)?.is_some_and(|current| is_same(&read, &current)))
}

fn at_path(files: &Files, age: u32) -> io::Result<Option<Metadata>> {
    if_there(files.path(age).metadata())
}
