//! Noticing that a source file changed: by events, or by looking again and again where no events come.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use anyhow::{Context, Result};
use notify::{Config, Event, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};

/// How long an event may take that proves that events come at all.
const PROBE: Duration = Duration::from_millis(500);
/// How often to look where none come.
const INTERVAL: Duration = Duration::from_secs(1);

/// A watched directory, until this is dropped.
pub(crate) struct Changes {
    _watcher: Box<dyn Watcher>,
    polling: bool,
}

impl Changes {
    /// Calls `changed` whenever a source file below `directory` changes.
    pub(crate) fn watch(directory: &Path, changed: impl Fn() + Send + Clone + 'static) -> Result<Self> {
        match by_events(directory, changed.clone()) {
            Some(watcher) => Ok(Self { _watcher: watcher, polling: false }),
            None => Self::poll(directory, changed, INTERVAL),
        }
    }

    /// Reads all files every `interval`, which works on every file system.
    fn poll(directory: &Path, changed: impl Fn() + Send + 'static, interval: Duration) -> Result<Self> {
        let config = Config::default().with_poll_interval(interval).with_compare_contents(true);
        let mut watcher = PollWatcher::new(handler(changed, None), config).context("watch for changes")?;
        watcher.watch(directory, RecursiveMode::Recursive).with_context(|| format!("watch {}", directory.display()))?;
        Ok(Self { _watcher: Box::new(watcher), polling: true })
    }

    pub(crate) fn is_polling(&self) -> bool {
        self.polling
    }
}

/// Some network and shared file systems take a watch and never tell. So a file is written, and its event awaited.
fn by_events(directory: &Path, changed: impl Fn() + Send + 'static) -> Option<Box<dyn Watcher>> {
    let probe = Probe(directory.join(format!(".watch-probe-{}", std::process::id())));
    let (sender, seen) = channel();
    let mut watcher =
        RecommendedWatcher::new(handler(changed, Some((probe.0.clone(), sender))), Config::default()).ok()?;
    watcher.watch(directory, RecursiveMode::Recursive).ok()?;
    fs::write(&probe.0, "Is this noticed?\n").ok()?;
    seen.recv_timeout(PROBE).ok()?;
    Some(Box::new(watcher))
}

/// The file of the probe; it goes when we are done.
struct Probe(PathBuf);

impl Drop for Probe {
    fn drop(&mut self) {
        // A file that could not be made cannot be removed.
        let _ = fs::remove_file(&self.0);
    }
}

/// Sorts events: the probe's are answered, those of sources are passed on.
fn handler(
    changed: impl Fn() + Send + 'static,
    probe: Option<(PathBuf, Sender<()>)>,
) -> impl FnMut(notify::Result<Event>) + Send + 'static {
    move |event| {
        let Ok(event) = event else { return };
        if let Some((path, sender)) = &probe
            && event.paths.contains(path)
        {
            // Only the first is waited for.
            let _ = sender.send(());
        } else if !event.kind.is_access() && event.paths.iter().any(|path| is_source(path)) {
            changed();
        }
    }
}

fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs" || extension == "toml")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long enough for a machine under load.
    const PATIENCE: Duration = Duration::from_mins(1);

    fn notices(watch: impl FnOnce(&Path, Box<dyn Fn() + Send>) -> Changes) -> bool {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("a.rs"), "before").unwrap();
        let (sender, receiver) = channel();
        let changes = watch(directory.path(), Box::new(move || sender.send(()).unwrap_or_default()));
        fs::write(directory.path().join("notes.txt"), "no source").unwrap();
        fs::write(directory.path().join("a.rs"), "after").unwrap();
        receiver.recv_timeout(PATIENCE).unwrap();
        changes.is_polling()
    }

    #[test]
    fn a_change_is_noticed_by_events_or_else_by_polling() {
        // Which of the two it is depends on the file system.
        notices(|directory, changed| {
            let changed = std::sync::Arc::new(std::sync::Mutex::new(changed));
            Changes::watch(directory, move || changed.lock().unwrap()()).unwrap()
        });
    }

    #[test]
    fn a_change_is_noticed_by_polling() {
        assert!(notices(|directory, changed| Changes::poll(directory, changed, Duration::from_millis(10)).unwrap()));
    }
}
