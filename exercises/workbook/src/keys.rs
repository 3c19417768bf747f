//! Single keys from a terminal, which is put back as it was whatever happens.

use std::io::{IsTerminal, stdin};
use std::panic;

use anyhow::{Context, Result};
use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, read as read_event};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Hint,
    List,
    Next,
    Quit,
}

/// A terminal in raw mode, until this is dropped.
#[derive(Debug)]
pub(crate) struct Raw(());

impl Raw {
    /// Nothing, if stdin is no terminal.
    pub(crate) fn enter() -> Result<Option<Self>> {
        if !stdin().is_terminal() {
            return Ok(None);
        }
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            // First the terminal, so that the message can be read.
            let _ = disable_raw_mode();
            before(panic);
        }));
        enable_raw_mode().context("read single keys from the terminal")?;
        Ok(Some(Self(())))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // There is no better way to put it back.
        let _ = disable_raw_mode();
    }
}

/// Gives every key that means something to `take`, until that says no or the terminal is gone.
pub(crate) fn read(mut take: impl FnMut(Key) -> bool) {
    loop {
        let key = match read_event() {
            Ok(Event::Key(key)) if key.kind == KeyEventKind::Press => meaning(key.code, key.modifiers),
            Ok(_) => None,
            Err(_) => Some(Key::Quit),
        };
        if key.is_some_and(|key| !take(key) || key == Key::Quit) {
            return;
        }
    }
}

/// In raw mode Ctrl-C is a key, not a signal.
fn meaning(code: KeyCode, modifiers: KeyModifiers) -> Option<Key> {
    match code {
        KeyCode::Char('c' | 'd') if modifiers.contains(KeyModifiers::CONTROL) => Some(Key::Quit),
        KeyCode::Char('h') => Some(Key::Hint),
        KeyCode::Char('l') => Some(Key::List),
        KeyCode::Char('n') => Some(Key::Next),
        KeyCode::Char('q') | KeyCode::Esc => Some(Key::Quit),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_c_quits() {
        assert_eq!(meaning(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Key::Quit));
        assert_eq!(meaning(KeyCode::Char('c'), KeyModifiers::NONE), None);
        assert_eq!(meaning(KeyCode::Char('h'), KeyModifiers::NONE), Some(Key::Hint));
    }
}
