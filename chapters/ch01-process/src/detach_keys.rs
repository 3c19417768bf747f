//! The keys by which somebody leaves a program to itself: docker's `ctrl-p ctrl-q`.
//!
//! They are looked for in what is typed, so a key that may be the first of them is held back. A shell has a use for `ctrl-p`,
//! too: what does not go on in time is typed after all.

use std::str::FromStr;

use nix::poll::PollTimeout;
use thiserror::Error;

use crate::{Diagnose, FailureKind};

/// How long a first key waits for the second, in milliseconds: longer than anybody takes who means both.
const PATIENCE: u16 = 500;

/// Not a sequence of keys.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("invalid detach keys: Unknown character: '{0}'")]
pub struct DetachKeysError(String);

impl Diagnose for DetachKeysError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Invalid)
    }

    fn hint(&self) -> Option<String> {
        Some("write letters, or ctrl- and one of a-z, @, [, \\, ], ^, _, with commas between: ctrl-p,ctrl-q".into())
    }
}

/// A sequence of keys, and how far somebody has come with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetachKeys {
    keys: Vec<u8>,
    typed: usize,
}

/// What somebody has typed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// For the program.
    Keys(Vec<u8>),
    /// For us.
    Detach,
}

impl Default for DetachKeys {
    /// `ctrl-p,ctrl-q`.
    fn default() -> Self {
        Self { keys: vec![16, 17], typed: 0 }
    }
}

impl FromStr for DetachKeys {
    type Err = DetachKeysError;

    fn from_str(text: &str) -> Result<Self, DetachKeysError> {
        let key = |name: &str| match (name.as_bytes(), name.strip_prefix("ctrl-").map(str::as_bytes)) {
            ([letter], _) if letter.is_ascii() => Ok(*letter),
            (_, Some([letter @ b'a'..=b'z'])) => Ok(letter - b'a' + 1),
            (_, Some([b'@'])) => Ok(0),
            (_, Some([sign @ b'['..=b'_'])) => Ok(sign - b'@'),
            _ => Err(DetachKeysError(name.into())),
        };
        Ok(Self { keys: text.split(',').map(key).collect::<Result<_, _>>()?, typed: 0 })
    }
}

impl DetachKeys {
    /// Takes what is typed; gives back what is not, or not any more, the beginning of the sequence.
    pub(crate) fn type_in(&mut self, bytes: &[u8]) -> Typed {
        let mut passed = Vec::with_capacity(bytes.len());
        for byte in bytes {
            if *byte != self.keys[self.typed] {
                passed.extend(self.release());
            }
            if *byte == self.keys[self.typed] {
                self.typed += 1;
                if self.typed == self.keys.len() {
                    return Typed::Detach;
                }
            } else {
                passed.push(*byte);
            }
        }
        Typed::Keys(passed)
    }

    /// What is held back, and is so no more.
    pub(crate) fn release(&mut self) -> Vec<u8> {
        self.keys[..std::mem::take(&mut self.typed)].to_vec()
    }

    /// How long to wait for the next key.
    pub(crate) fn patience(&self) -> PollTimeout {
        if self.typed == 0 { PollTimeout::NONE } else { PATIENCE.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_found_wherever_it_stands_and_the_rest_passes() {
        let mut keys = DetachKeys::default();
        assert_eq!(keys.type_in(b"ls\r"), Typed::Keys(b"ls\r".to_vec()));
        assert_eq!(keys.type_in(b"a\x10"), Typed::Keys(b"a".to_vec()), "it may be the beginning");
        assert_eq!(keys.type_in(b"\x10"), Typed::Keys(b"\x10".to_vec()), "the second may be the beginning, too");
        assert_eq!(keys.type_in(b"b"), Typed::Keys(b"\x10b".to_vec()));
        assert_eq!(keys.type_in(b"\x10"), Typed::Keys(Vec::new()));
        assert_eq!(keys.type_in(b"\x11"), Typed::Detach);
    }

    #[test]
    fn what_is_held_back_is_released_when_nothing_follows() {
        let mut keys = DetachKeys::default();
        assert_eq!(keys.patience(), PollTimeout::NONE);
        keys.type_in(b"\x10");
        assert_eq!(keys.patience(), PollTimeout::from(PATIENCE));
        assert_eq!(keys.release(), b"\x10");
        assert_eq!(keys.release(), b"");
    }

    #[test]
    fn sequences_are_written_as_in_docker() {
        let keys = |text: &str| text.parse::<DetachKeys>().map(|keys| keys.keys);
        assert_eq!(keys("ctrl-p,ctrl-q"), Ok(vec![16, 17]));
        assert_eq!(keys("a,ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_"), Ok(vec![b'a', 0, 27, 28, 29, 30, 31]));
        for (text, wrong) in
            [("", ""), ("ctrl-", "ctrl-"), ("ctrl-A", "ctrl-A"), ("a,,b", ""), ("é", "é"), ("ab", "ab")]
        {
            assert_eq!(keys(text), Err(DetachKeysError(wrong.into())), "{text}");
        }
    }
}
