//! A verdict that a learner can act on: expected, seen, likely cause, where to read.

use std::fmt::Debug;

/// Finds the words for a wrong value.
type Explain<'a, T> = Box<dyn FnOnce(&T) -> String + 'a>;

/// Begins a verdict on `what`. Ends with [`Judge::read`], which panics when the two values differ.
pub fn judge<'a>(what: &str) -> Judge<'a, ()> {
    Judge { what: what.into(), expected: None, seen: None, cause: None }
}

/// A verdict in the making.
#[must_use = "nothing is compared before read()"]
pub struct Judge<'a, T> {
    what: String,
    expected: Option<T>,
    seen: Option<T>,
    cause: Option<Explain<'a, T>>,
}

impl<'a> Judge<'a, ()> {
    /// What a right answer gives.
    pub fn expected<T: PartialEq + Debug>(self, value: T) -> Judge<'a, T> {
        Judge { what: self.what, expected: Some(value), seen: None, cause: None }
    }
}

impl<'a, T: PartialEq + Debug> Judge<'a, T> {
    /// What the kernel shows.
    pub fn seen(mut self, value: T) -> Self {
        self.seen = Some(value);
        self
    }

    /// Names the mistake that leads to the value seen: one line.
    pub fn cause(mut self, explain: impl FnOnce(&T) -> String + 'a) -> Self {
        self.cause = Some(Box::new(explain));
        self
    }

    /// Compares, and sends whoever fails to this section of the book.
    ///
    /// # Panics
    /// When expected and seen differ, or one was not given.
    #[track_caller]
    pub fn read(self, section: &str) {
        let expected = self.expected.expect("judge: expected() is missing");
        let seen = self.seen.expect("judge: seen() is missing");
        if expected == seen {
            return;
        }
        let cause = self.cause.map_or_else(|| "unknown".to_owned(), |explain| explain(&seen));
        panic!(
            "{}\n  expected: {expected:?}\n  seen:     {seen:?}\n  likely cause: {cause}\n  read: {section}",
            self.what
        );
    }
}
