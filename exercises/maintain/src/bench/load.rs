//! The same disk, busy: a writer that keeps the journal of the file system at work, as a database does.

use std::fs::{self, File};
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};

/// What one append writes.
static BLOCK: [u8; 64 << 10] = [0; 64 << 10];
/// The file begins again at this length.
const LIMIT: u64 = 64 << 20;

/// The writer. Dropped, it ends and takes its file with it.
#[derive(Debug)]
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    synced: Arc<AtomicUsize>,
    writer: Option<JoinHandle<Result<()>>>,
    path: PathBuf,
}

impl Load {
    /// Starts it in `directory`, and returns when it has written for the first time.
    pub(crate) fn start(directory: &Path) -> Result<Self> {
        let path = directory.join("load");
        let mut file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
        let (stop, synced) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (first, begun) = channel();
        let writer = {
            let (stop, synced) = (Arc::clone(&stop), Arc::clone(&synced));
            thread::spawn(move || write(&mut file, &stop, &synced, &first))
        };
        let load = Self { stop, synced, writer: Some(writer), path };
        begun.recv().with_context(|| format!("write to {}", load.path.display()))?;
        Ok(load)
    }

    /// How often it has waited for the disk.
    pub(crate) fn synced(&self) -> usize {
        self.synced.load(Ordering::Relaxed)
    }
}

fn write(file: &mut File, stop: &AtomicBool, synced: &AtomicUsize, first: &Sender<()>) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        if file.stream_position()? >= LIMIT {
            file.set_len(0)?;
            file.rewind()?;
        }
        file.write_all(&BLOCK)?;
        // A longer file is news for the journal, and this waits for it.
        file.sync_all()?;
        if synced.fetch_add(1, Ordering::Relaxed) == 0 {
            // Nobody waits only when we are about to end.
            let _ = first.send(());
        }
    }
    Ok(())
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(Ok(Err(error))) = self.writer.take().map(JoinHandle::join) {
            eprintln!("the load on the disk ended early: {error:#}");
        }
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_writes_until_it_is_dropped() {
        let directory = tempfile::tempdir().expect("a directory");
        let load = Load::start(directory.path()).expect("it writes");
        assert!(load.synced() > 0);
        assert!(directory.path().join("load").metadata().expect("its file").len() > 0);
        drop(load);
        assert!(!directory.path().join("load").exists());
    }

    #[test]
    fn a_disk_that_cannot_be_written_is_an_error() {
        let error = Load::start(Path::new("/proc/no/such")).expect_err("there is no such directory");
        assert!(error.to_string().starts_with("create /proc/no/such/load"), "{error}");
    }
}
