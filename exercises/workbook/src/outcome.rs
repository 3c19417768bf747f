//! What can come out when an exercise is judged. No two of these may be mistaken for each other.

/// The state of an exercise after its tests ran, or could not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its own `todo!` was reached, or still stands in the hole.
    NotStarted,
    /// The learner's code is no Rust.
    DoesNotCompile {
        /// What rustc says.
        errors: String,
        /// What rustc cannot know.
        note: Option<String>,
    },
    /// A test says no.
    Failing(Failing),
    /// Every test ran and says yes.
    Passed {
        /// How many that are.
        tests: usize,
    },
    /// Some tests could not run here, and none failed.
    Skipped {
        skips: Vec<Skip>,
        /// How many tests did run.
        ran: usize,
    },
    /// The tests reached the hole of another exercise.
    Blocked {
        /// Its id.
        by: String,
    },
    /// Nothing was judged: the learner's code is not at fault.
    Broken(Broken),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failing {
    /// The name of the test.
    pub(crate) test: String,
    /// What the test found out, if it was that kind of test.
    pub(crate) verdict: Option<Verdict>,
    /// All that the test printed.
    pub(crate) said: String,
    /// How many more tests of the exercise fail.
    pub(crate) others: usize,
}

/// What the test kit's `judge` prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) what: String,
    pub(crate) expected: String,
    pub(crate) seen: String,
    pub(crate) cause: String,
    pub(crate) read: String,
}

/// A test that could not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skip {
    pub(crate) test: String,
    pub(crate) missing: String,
    pub(crate) cure: String,
}

/// Something around the learner's code that does not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) what: String,
    pub(crate) cure: Option<String>,
    /// What the failing program said, may be empty.
    pub(crate) detail: String,
}

impl Broken {
    pub(crate) fn new(what: impl Into<String>, cure: Option<&str>, detail: impl Into<String>) -> Self {
        Self { what: what.into(), cure: cure.map(str::to_owned), detail: detail.into() }
    }
}
