//! A blob on its way in, which outlives the command: whatever was written of it is there when it is asked for again.
//!
//! One thread writes what the network gives, and hashes it. Another follows it, reading the same file as far as it was
//! written: so that unpacking neither waits for the last byte nor holds up the first, and memory does not grow with either's
//! lead.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use layers::{DataRoot, Digest, DiskError, Hashing};

use crate::blobs::Blobs;
use crate::document::Descriptor;
use crate::ingest_error::IngestError;
use crate::scratch::Scratch;

const BUFFER: usize = 128 * 1024;
/// What somebody else has to write of it in that time, for us to wait: a bad registry would hold up all others.
const PACE: (u64, Duration) = (64 * 1024, Duration::from_secs(5));
/// How often is looked. (There is no lock with a time limit.)
const LOOK: Duration = Duration::from_millis(20);

/// How far it is.
#[derive(Debug, Default)]
struct Progress {
    /// Bytes that may be read.
    written: u64,
    /// Whether they will not be taken back any more.
    open: bool,
    /// Nothing more will come.
    over: bool,
    /// Nobody reads any more.
    abandoned: bool,
}

type Shared = Arc<(Mutex<Progress>, Condvar)>;

/// A blob that is being written. Nobody else writes it meanwhile.
#[derive(Debug)]
pub struct Download {
    path: PathBuf,
    file: File,
    digest: Digest,
    size: u64,
    hash: Hashing<io::Sink>,
    have: u64,
    /// Bytes that come once more.
    again: u64,
    shared: Shared,
    /// Where it is, if that is for nobody else.
    _scratch: Option<Scratch>,
}

impl Download {
    /// Waits until nobody else writes it, or until whoever does is stuck: then it comes once more, beside. `None` if it is
    /// here whole by then.
    pub(crate) fn open(
        root: &DataRoot,
        partial: &Path,
        blobs: &Blobs,
        blob: &Descriptor,
    ) -> Result<Option<Self>, DiskError> {
        if !partial.is_dir() {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(partial);
            made.map_err(DiskError::at("create", partial))?;
        }
        let path = partial.join(blob.digest.hex());
        loop {
            if blobs.size(&blob.digest).is_some() {
                return Ok(None);
            }
            let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
            let file = opened.map_err(DiskError::at("open", &path))?;
            if !wait_for_lock(&file).map_err(DiskError::at("lock", &path))? {
                return Self::beside(root, blob).map(Some);
            }
            // Whoever had it before us has finished it, or has removed it.
            if !is_at(&file, &path) {
                continue;
            }
            let mut have = file.metadata().map_err(DiskError::at("look at", &path))?.len();
            if have > blob.size {
                file.set_len(0).map_err(DiskError::at("shorten", &path))?;
                have = 0;
            }
            let mut hash = Hashing::new(io::sink());
            let copied = io::copy(&mut (&file).take(have), &mut hash).map_err(DiskError::at("read", &path))?;
            debug_assert_eq!(copied, have, "we alone have it");
            let shared = Shared::default();
            progress(&shared).written = have;
            let (digest, size) = (blob.digest.clone(), blob.size);
            return Ok(Some(Self { path, file, digest, size, hash, have, again: 0, shared, _scratch: None }));
        }
    }

    /// One that nobody will go on with.
    fn beside(root: &DataRoot, blob: &Descriptor) -> Result<Self, DiskError> {
        let scratch = Scratch::new(root)?;
        let path = scratch.path().join(blob.digest.hex());
        let opened = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = opened.map_err(DiskError::at("open", &path))?;
        let (digest, size, hash) = (blob.digest.clone(), blob.size, Hashing::new(io::sink()));
        let shared = Shared::default();
        Ok(Self { path, file, digest, size, hash, have: 0, again: 0, shared, _scratch: Some(scratch) })
    }

    /// Bytes that are here: where to go on.
    pub fn have(&self) -> u64 {
        self.have
    }

    /// Bytes that it will have.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whose bytes are wanted.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What comes now begins at the first byte: a server that was asked to go on has not.
    ///
    /// # Errors
    /// Of the disk.
    // ANCHOR: restart
    pub fn restart(&mut self) -> io::Result<()> {
        if progress(&self.shared).open {
            // Somebody has read what is here. It comes once more, and is let go by.
            self.again = self.have;
            return Ok(());
        }
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        (self.hash, self.have, self.again) = (Hashing::new(io::sink()), 0, 0);
        progress(&self.shared).written = 0;
        Ok(())
    }
    // ANCHOR_END: restart

    /// A reader that follows.
    pub(crate) fn follow(&self) -> Result<Follower, DiskError> {
        let file = File::open(&self.path).map_err(DiskError::at("open", &self.path))?;
        Ok(Follower { file, at: 0, shared: Arc::clone(&self.shared), size: self.size })
    }

    /// For the other thread, to say that nobody wants any more of it.
    pub(crate) fn abandon(&self) -> impl Fn() + Send + use<> {
        let shared = Arc::clone(&self.shared);
        move || progress(&shared).abandoned = true
    }

    /// Says, when it is dropped, that nothing more will come, whether it is whole or not.
    pub(crate) fn end(&self) -> End {
        End(Arc::clone(&self.shared))
    }

    /// Forgets what has come: nobody shall go on with it.
    pub(crate) fn discard(self) -> Result<(), DiskError> {
        fs::remove_file(&self.path).map_err(DiskError::at("remove", &self.path))
    }

    /// Makes a blob of it, if it is what was asked for. If it is not, nothing of it is of any use.
    // ANCHOR: finish
    pub(crate) fn finish(self, blobs: &Blobs) -> Result<(), IngestError> {
        let (path, expected) = (&self.path, self.digest.clone());
        if self.have < self.size {
            return Err(IngestError::Cut { digest: expected, have: self.have, size: self.size });
        }
        process::fault!("keep a blob").map_err(DiskError::at("rename", path))?;
        // Of all bytes, as they were written.
        let hash = self.hash;
        // ANCHOR: ex_verify
        let found = hash.finish();
        if found != expected {
            fs::remove_file(path).map_err(DiskError::at("remove", path))?;
            return Err(IngestError::Digest { expected, found });
        }
        Ok(fs::rename(path, blobs.path(&expected)).map_err(DiskError::at("rename", path))?)
        // ANCHOR_END: ex_verify
    }
    // ANCHOR_END: finish
}

impl Write for Download {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let skipped = usize::try_from(self.again).unwrap_or(usize::MAX).min(bytes.len());
        if skipped > 0 {
            self.again -= skipped as u64;
            return Ok(skipped);
        }
        if self.have + bytes.len() as u64 > self.size {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("more than the {} bytes of it", self.size)));
        }
        process::fault!("write a download")?;
        self.file.write_all(bytes)?;
        self.hash.write_all(bytes)?;
        self.have += bytes.len() as u64;
        let mut progress = progress(&self.shared);
        (progress.written, progress.open) = (self.have, true);
        self.shared.1.notify_all();
        if progress.abandoned {
            return Err(io::Error::other("it cannot be unpacked"));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The end of a download, whatever it ends by: a reader must not wait for ever.
pub(crate) struct End(Shared);

impl Drop for End {
    fn drop(&mut self) {
        let mut progress = progress(&self.0);
        (progress.open, progress.over) = (true, true);
        self.0.1.notify_all();
    }
}

/// Reads what is written, and waits for more.
#[derive(Debug)]
pub(crate) struct Follower {
    file: File,
    at: u64,
    size: u64,
    shared: Shared,
}

impl Read for Follower {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut seen = progress(&self.shared);
        while !(seen.over || seen.open && seen.written > self.at) {
            seen = self.shared.1.wait(seen).unwrap_or_else(PoisonError::into_inner);
        }
        let there = seen.written - self.at;
        drop(seen);
        if there == 0 && self.at < self.size {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the download has ended early"));
        }
        let length = usize::try_from(there).unwrap_or(usize::MAX).min(buffer.len()).min(BUFFER);
        let length = self.file.read_at(&mut buffer[..length], self.at)?;
        self.at += length as u64;
        Ok(length)
    }
}

fn progress(shared: &Shared) -> MutexGuard<'_, Progress> {
    // Numbers, set one after the other: a panic leaves nothing half done in them.
    shared.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether it could be had: not where whoever has it is stuck.
fn wait_for_lock(file: &File) -> io::Result<bool> {
    let (least, time) = PACE;
    let (mut before, mut since) = (file.metadata()?.len(), Instant::now());
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if since.elapsed() < time => std::thread::sleep(LOOK),
            Err(TryLockError::WouldBlock) => {
                let now = file.metadata()?.len();
                if now < before + least {
                    return Ok(false);
                }
                (before, since) = (now, Instant::now());
            }
        }
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(found)) => (open.dev(), open.ino()) == (found.dev(), found.ino()),
        _ => false,
    }
}
