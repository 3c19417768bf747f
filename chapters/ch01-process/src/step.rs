//! One structured event for each step of a container's start.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::OnceLock;

/// Reports a step that is done: `step!(2, "host name is {name}")`, with the number of the chapter that explains it.
///
/// The event has the target `step`, the field `chapter` and a message. Without a subscriber it costs one load and a
/// branch, and its arguments are not evaluated.
#[macro_export]
macro_rules! step {
    ($chapter:literal, $($message:tt)+) => {
        $crate::tracing::info!(target: "step", chapter = $chapter, $($message)+)
    };
}

/// Does `work` without its steps being told: it is another process that does them, and tells them itself.
pub fn untold<T>(work: impl FnOnce() -> T) -> T {
    tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), work)
}

static NARRATION: OnceLock<OwnedFd> = OnceLock::new();

/// Keeps the pipe that a subscriber writes the steps to open in every child, up to its `exec`, when all else that is ours
/// is closed. A pipe leads nowhere. Only the first one counts.
pub fn narrate_to(pipe: OwnedFd) -> BorrowedFd<'static> {
    NARRATION.get_or_init(|| pipe).as_fd()
}

/// The descriptor that the steps are written to.
pub(crate) fn narration() -> Option<RawFd> {
    NARRATION.get().map(AsRawFd::as_raw_fd)
}
