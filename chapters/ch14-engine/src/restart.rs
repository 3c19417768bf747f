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
    pub(crate) fn decide(&mut self, policy: &RestartPolicy, state: &State, lived: Duration) -> Decision {
        if lived >= RECOVERED {
            *self = Self::default();
        }
        let again = !state.stopped_by_hand
            && match policy.name.as_str() {
                "always" | "unless-stopped" => true,
                "on-failure" => {
                    state.exit_code != 0 && (policy.maximum_retry_count == 0 || self.tries < policy.maximum_retry_count)
                }
                _ => false,
            };
        if !again {
            return Decision::End;
        }
        self.tries += 1;
        self.pause = Some(self.pause.map_or(FIRST, |pause| (pause * 2).min(LONGEST)));
        Decision::Restart
    }

    /// How long to wait before it comes back.
    pub(crate) fn pause(&self) -> Duration {
        self.pause.unwrap_or(FIRST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000]);
        back_off.decide(&always, &ended(0, false), RECOVERED);
        assert_eq!(back_off.pause(), FIRST);
    }

    #[test]
    fn a_limit_of_retries_is_counted() {
        let (mut back_off, twice) = (BackOff::default(), policy("on-failure", 2));
        let decisions = [(); 3].map(|()| back_off.decide(&twice, &ended(1, false), Duration::ZERO));
        assert_eq!(decisions, [Decision::Restart, Decision::Restart, Decision::End]);
    }
}
