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
    /// A test would not have ended, and was ended.
    Hangs(Hang),
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
    /// The tests reached the hole of an exercise that this one builds on, or such a one does not pass.
    Blocked {
        /// Its id.
        by: String,
        /// What came out there, if it was judged.
        because: Option<Box<Outcome>>,
    },
    /// The tests reached the hole of an exercise that this one does not build on: the answer must call it.
    Strayed {
        /// Its id.
        into: String,
    },
    /// Somebody had enough of waiting, and nothing came out.
    Cancelled,
    /// Nothing was judged: the learner's code is not at fault.
    Broken(Broken),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failing {
    /// The name of the test.
    pub(crate) test: String,
    /// What was found out, if anything was.
    pub(crate) verdict: Option<Verdict>,
    /// All that the test printed.
    pub(crate) said: String,
    /// How many more tests of the exercise fail.
    pub(crate) others: usize,
}

/// What the test kit's `judge` prints, or what can be read out of another failure. What is not known is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) what: String,
    pub(crate) expected: String,
    pub(crate) seen: String,
    /// Nothing, where what was seen does not prove a cause.
    pub(crate) cause: Option<String>,
    pub(crate) read: String,
}

/// What was seen of a test that did not end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hang {
    /// The kernel test, if it is one.
    pub(crate) test: Option<String>,
    /// Seconds of a processor that it has used; nothing if it only waits.
    pub(crate) busy: Option<u64>,
    /// Where each of its processes waits.
    pub(crate) waits: Vec<String>,
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
