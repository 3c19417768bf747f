//! Restart policies: whether a program that has ended comes back, and after how long.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::saved::State;

/// The first pause; each is twice the one before.
const FIRST: Duration = Duration::from_millis(100);
/// The longest.
const LONGEST: Duration = Duration::from_mins(1);
/// Who lived so long has recovered: the next pause is the first again.
const RECOVERED: Duration = Duration::from_secs(10);

/// Docker's `HostConfig.RestartPolicy`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RestartPolicy {
    /// `no` or nothing, `always`, `unless-stopped`, `on-failure`.
    pub name: String,
    /// For `on-failure`: how often at most; 0 is without end.
    pub maximum_retry_count: i64,
}

impl RestartPolicy {
    /// What is wrong with it, in docker's words.
    pub(crate) fn check(&self) -> Result<(), String> {
        match (self.name.as_str(), self.maximum_retry_count) {
            ("" | "no" | "always" | "unless-stopped" | "on-failure", 0) | ("on-failure", 1..) => Ok(()),
            ("on-failure", _) => Err("maximum retry count cannot be negative".into()),
            ("" | "no" | "always" | "unless-stopped", 1..) => {
                Err("maximum retry count can only be used with 'on-failure'".into())
            }
            ("" | "no" | "always" | "unless-stopped", _) => {
                Err("maximum retry count can only be used with 'on-failure' and cannot be negative".into())
            }
            (name, _) => {
                Err(format!("unknown policy '{name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'"))
            }
        }
    }
}

impl RestartPolicy {
    fn is_off(&self) -> bool {
        matches!(self.name.as_str(), "" | "no")
    }

    /// Whether a program that has ended is wanted again, after so many tries in a row.
    fn brings_back(&self, state: &State, tries: i64) -> bool {
        let tries_left = self.maximum_retry_count == 0 || tries < self.maximum_retry_count;
        !state.stopped_by_hand
            && match self.name.as_str() {
                "always" | "unless-stopped" => true,
                "on-failure" => state.exit_code != 0 && tries_left,
                _ => false,
            }
    }
}

/// What is to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It comes back.
    Restart,
    /// It stays as it is.
    End,
}

/// How long it has to wait.
#[derive(Debug, Default)]
pub(crate) struct BackOff {
    pause: Option<Duration>,
    tries: i64,
}

impl BackOff {
    /// Decides after a life of `lived`; one that never began counts as none.
    // ANCHOR: decide
    pub(crate) fn decide(&mut self, policy: &RestartPolicy, state: &State, lived: Duration) -> Decision {
        if policy.is_off() {
            return Decision::End;
        }
        // ANCHOR: ex_back_off
        if lived >= RECOVERED {
            *self = Self::default();
        }
        if !policy.brings_back(state, self.tries) {
            return Decision::End;
        }
        self.tries += 1;
        self.pause = Some(self.pause.map_or(FIRST, |pause| (pause * 2).min(LONGEST)));
        Decision::Restart
        // ANCHOR_END: ex_back_off
    }
    // ANCHOR_END: decide

    /// How long to wait before it comes back.
    pub(crate) fn pause(&self) -> Duration {
        self.pause.unwrap_or(FIRST)
    }
}

#[cfg(test)]
mod tests {
    use testkit::judge;

    use super::*;

    const READ: &str = "ch14-engine, \"Coming back\"";

    fn policy(name: &str, maximum_retry_count: i64) -> RestartPolicy {
        RestartPolicy { name: name.into(), maximum_retry_count }
    }

    fn ended(exit_code: u8, stopped_by_hand: bool) -> State {
        State { exit_code, stopped_by_hand, ..State::default() }
    }

    #[test]
    fn policies_decide_by_exit_code_and_by_hand() {
        for (name, code, by_hand, expected) in [
            ("", 1, false, Decision::End),
            ("no", 1, false, Decision::End),
            ("always", 0, false, Decision::Restart),
            ("always", 0, true, Decision::End),
            ("unless-stopped", 3, false, Decision::Restart),
            ("unless-stopped", 3, true, Decision::End),
            ("on-failure", 0, false, Decision::End),
            ("on-failure", 1, false, Decision::Restart),
        ] {
            let decision = BackOff::default().decide(&policy(name, 0), &ended(code, by_hand), Duration::ZERO);
            assert_eq!(decision, expected, "{name} {code} {by_hand}");
        }
    }

    #[test]
    fn pauses_double_up_to_a_minute_and_begin_anew_after_a_life_of_ten_seconds() {
        let (mut back_off, always) = (BackOff::default(), policy("always", 0));
        let mut pauses = Vec::new();
        for _ in 0..12 {
            back_off.decide(&always, &ended(0, false), Duration::from_secs(1));
            pauses.push(back_off.pause().as_millis());
        }
        judge("the pauses between twelve lives of a second, in ms")
            .expected(vec![100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000])
            .seen(pauses)
            .cause(|seen| {
                match seen[..] {
                    [_, 100, 100, ..] => {
                        "the second pause is as short as the first: that it started was taken for recovery"
                    }
                    [100, .., last] if last > 60000 => {
                        "nothing ends the doubling: after a bad night the next pause would be as long as the night"
                    }
                    [200, 400, ..] => "the first pause is doubled already",
                    _ => "unknown",
                }
                .into()
            })
            .read(READ);
        for (lived, pause) in
            [(RECOVERED, FIRST), (RECOVERED.checked_sub(Duration::from_millis(1)).unwrap_or_default(), FIRST * 2)]
        {
            back_off.decide(&always, &ended(0, false), lived);
            judge(&format!("the pause after twelve short lives and one of {lived:?}, or after that"))
                .expected(pause)
                .seen(back_off.pause())
                .cause(|seen| {
                    if *seen == LONGEST {
                        "who has lived for ten seconds has recovered: the next pause is the first again"
                    } else {
                        "unknown"
                    }
                    .into()
                })
                .read(READ);
        }
    }

    #[test]
    fn a_limit_of_retries_is_counted() {
        let (mut back_off, twice) = (BackOff::default(), policy("on-failure", 2));
        let decisions = [(); 3].map(|()| back_off.decide(&twice, &ended(1, false), Duration::ZERO));
        judge("what is decided after each of three failures, with on-failure:2")
            .expected([Decision::Restart, Decision::Restart, Decision::End])
            .seen(decisions)
            .cause(|seen| {
                if *seen == [Decision::Restart; 3] {
                    "the tries are not counted, so it comes back without end"
                } else {
                    "unknown"
                }
                .into()
            })
            .read(READ);
        assert_eq!(
            back_off.decide(&twice, &ended(1, false), RECOVERED),
            Decision::Restart,
            "a long life gives all tries back"
        );
    }
}
