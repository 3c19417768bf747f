//! One structured event for each step of a container's start.

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
