//! Writing for people: text, and one line that says what goes on and vanishes again.

use std::io::{IsTerminal, Write, stderr};

/// Writes to stdout, in colours if someone sees them. A reader who went away (`| head`) is no error.
pub(crate) fn say(text: &str) {
    let mut stdout = anstream::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// The status line. Where there is no terminal it is not shown at all.
#[derive(Debug)]
pub(crate) struct Status {
    shown: bool,
}

impl Status {
    pub(crate) fn new() -> Self {
        Self { shown: stderr().is_terminal() }
    }

    /// Replaces the line.
    pub(crate) fn show(&self, line: &str) {
        if self.shown {
            // Narrow enough for any terminal: a line that wraps could not be taken back.
            let short: String = line.chars().take(72).collect();
            write(&format!("\r\x1b[K  {short}"));
        }
    }

    /// Takes the line back.
    pub(crate) fn clear(&self) {
        if self.shown {
            write("\r\x1b[K");
        }
    }
}

fn write(text: &str) {
    let mut stderr = stderr().lock();
    // Nobody misses it.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
