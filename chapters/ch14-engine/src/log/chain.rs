//! A log's files as one stream of lines, from the oldest to the newest, while somebody else writes and rotates them.

use std::collections::VecDeque;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::files::Files;
use super::scanner::Scanner;
use super::source::{Source, if_there, is_same};

/// How often a reader that is overtaken by rotations looks again.
const ATTEMPTS: usize = 100;

/// What is written while it is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Growth {
    /// Is left out.
    Ignored,
    /// Is read, too. One process writes: what it has rotated out is complete.
    OneWriter,
    /// Is read, too. Several write: one may have a file open that another has just rotated out.
    SeveralWriters,
}

/// Reads the lines of all files.
#[derive(Debug)]
pub(crate) struct Chain {
    files: Files,
    growth: Growth,
    /// Oldest first; the first is being read.
    scanners: VecDeque<Scanner<Source>>,
    /// What was before the last one when it was opened.
    before: Option<Metadata>,
    /// The last one has been rotated out.
    rotated: bool,
    /// The one before, in which a line may still come.
    late: Option<Scanner<Source>>,
    damaged: u64,
}

impl Chain {
    /// Every file that there is; if some lines are `wanted`, only the last ones.
    pub(crate) fn open(files: &Files, wanted: Option<u64>, growth: Growth) -> io::Result<Self> {
        let mut chain = Self {
            files: files.clone(),
            growth,
            scanners: VecDeque::new(),
            before: at_path(files, 1)?,
            rotated: false,
            late: None,
            damaged: 0,
        };
        let mut wanted = wanted;
        for mut source in open(files)?.into_iter().rev() {
            if growth == Growth::Ignored {
                source.limit()?;
            }
            let (lines, missing) = source.lines(wanted)?;
            chain.scanners.push_front(lines);
            if wanted.is_some() && missing == 0 {
                break;
            }
            wanted = wanted.map(|_| missing);
        }
        Ok(chain)
    }

    /// The next line, without its newline; `None` if there is none now.
    pub(crate) fn line(&mut self) -> io::Result<Option<&[u8]>> {
        if self.find_late()? {
            return Ok(self.late.as_ref().map(Scanner::found));
        }
        while !self.find()? {
            if !self.advance()? {
                return Ok(None);
            }
        }
        Ok(self.scanners.front().map(Scanner::found))
    }

    /// How many lines could not be read: too long, or without an end though something comes behind them.
    pub(crate) fn damaged(&self) -> u64 {
        let skipped = self.scanners.front().map_or(0, |scanner| scanner.skipped);
        self.damaged + skipped
    }

    /// Nothing more is written: what has no end now has none.
    pub(crate) fn end(&mut self) {
        while let Some(scanner) = self.scanners.pop_front() {
            self.leave(scanner);
        }
    }

    fn find(&mut self) -> io::Result<bool> {
        self.scanners.front_mut().map_or(Ok(false), Scanner::find)
    }

    fn find_late(&mut self) -> io::Result<bool> {
        self.late.as_mut().map_or(Ok(false), Scanner::find)
    }

    /// Goes on to where the next line may be; `false` if there is nothing more now.
    fn advance(&mut self) -> io::Result<bool> {
        if self.scanners.len() > 1 {
            if let Some(done) = self.scanners.pop_front() {
                self.leave(done);
            }
            return Ok(true);
        }
        if self.growth == Growth::Ignored {
            return Ok(false);
        }
        let Some(last) = self.scanners.front_mut() else {
            let again = Self::open(&self.files, None, self.growth)?;
            (self.scanners, self.before) = (again.scanners, again.before);
            return Ok(!self.scanners.is_empty());
        };
        if last.source_mut().notice_emptied()? {
            last.give_up();
            return Ok(true);
        }
        if !self.rotated {
            let metadata = last.source().metadata()?;
            self.rotated = !at_path(&self.files, 0)?.is_some_and(|current| is_same(&metadata, &current));
            // Once more: what was written before the rotation is there now.
            return Ok(self.rotated);
        }
        let next = self.next()?;
        // In the middle of a rotation there is none; and perhaps it is the current one again.
        self.rotated = false;
        let went_on = !next.is_empty();
        self.scanners.extend(next.into_iter().map(Scanner::new));
        if went_on {
            self.before = at_path(&self.files, 1)?;
        }
        Ok(went_on)
    }

    /// After the last line of a file.
    fn leave(&mut self, mut scanner: Scanner<Source>) {
        self.damaged += std::mem::take(&mut scanner.skipped);
        let left = if self.growth == Growth::SeveralWriters { self.late.replace(scanner) } else { Some(scanner) };
        self.damaged += u64::from(left.is_some_and(|mut scanner| scanner.give_up()));
    }

    /// What has come after the file that was read last, oldest first.
    fn next(&self) -> io::Result<Vec<Source>> {
        let Some(read) = self.scanners.back() else { return Ok(Vec::new()) };
        let mut sources = open(&self.files)?;
        let mut place = None;
        for (index, source) in sources.iter().enumerate() {
            if source.was(read.source())? {
                place = Some(index);
            }
        }
        let first = match place {
            Some(index) => index + 1,
            // Somebody has removed it: what was before it is still there, and has been read.
            None if self.files.keep() == 1 || self.is_what_was_before()? => sources.len().saturating_sub(1),
            // The reader is so far behind that it was the oldest, and has gone.
            None => 0,
        };
        Ok(sources.drain(first..).collect())
    }

    fn is_what_was_before(&self) -> io::Result<bool> {
        let now = at_path(&self.files, 1)?;
        Ok(self.before.as_ref().zip(now.as_ref()).is_some_and(|(before, now)| is_same(before, now)))
    }
}

/// Every file that there is, oldest first.
fn open(files: &Files) -> io::Result<Vec<Source>> {
    let mut before = identities(files)?;
    for _ in 0..ATTEMPTS {
        let ages = 0..u32::try_from(before.len()).unwrap_or(u32::MAX);
        let mut sources = Vec::with_capacity(before.len());
        for age in ages.rev() {
            sources.extend(Source::open(files, age)?);
        }
        // A rotation meanwhile: one may be there twice, or missing. Who has each name does not come back once it has
        // changed, so if all have theirs as before, they had them in between.
        let after = identities(files)?;
        if before == after {
            return Ok(sources);
        }
        before = after;
    }
    Err(io::Error::other("it is rotated faster than it can be read"))
}

/// A file's device and inode.
type Identity = (u64, u64);

/// Who has the name of each age: a plain file, a packed one.
fn identities(files: &Files) -> io::Result<Vec<[Option<Identity>; 2]>> {
    let identity = |path: PathBuf| {
        let metadata = if_there(path.metadata())?;
        Ok::<_, io::Error>(metadata.map(|metadata| (metadata.dev(), metadata.ino())))
    };
    let mut identities = Vec::new();
    for age in 0..files.keep() {
        identities.push([identity(files.path(age))?, identity(files.packed(age))?]);
        // In the middle of a rotation there is one gap, wherever; behind two there is nothing.
        if identities.ends_with(&[[None; 2]; 2]) {
            break;
        }
    }
    Ok(identities)
}

fn at_path(files: &Files, age: u32) -> io::Result<Option<Metadata>> {
    if_there(files.path(age).metadata())
}
