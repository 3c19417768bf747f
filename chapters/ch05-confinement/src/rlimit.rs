//! Limits of single processes, `setrlimit(2)`.

use std::fmt;
use std::str::FromStr;

use nix::errno::Errno;
use nix::sys::resource::{self, getrlimit, setrlimit};
use process::{Diagnose, FailureKind};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// Why a limit was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RlimitError {
    /// Not in the form `name=soft[:hard]`.
    #[error("invalid ulimit argument: {0}")]
    Format(String),
    /// An unknown name.
    #[error("invalid ulimit type: {0}")]
    Name(String),
    /// Not a number.
    #[error("invalid ulimit value: {0}")]
    Value(String),
    /// More than a soft and a hard limit.
    #[error("too many limit value arguments - {0}, can only have up to two, `soft[:hard]`")]
    TooMany(String),
    /// The wrong way round.
    #[error("ulimit soft limit must be less than or equal to hard limit: {} > {}", shown(*soft), shown(*hard))]
    Order {
        /// The lower one.
        soft: u64,
        /// The upper one.
        hard: u64,
    },
    /// The kernel refused.
    #[error("set limit {limit}: {errno}")]
    Kernel {
        /// The limit.
        limit: String,
        /// The reason.
        errno: Errno,
    },
}

impl Diagnose for RlimitError {
    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Kernel { errno, .. } => (*errno).into(),
            _ => FailureKind::Invalid,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Format(_) => Some("write it as nofile=1024 or nofile=1024:2048".into()),
            Self::Name(_) => Some(format!("known are {}", RESOURCES.map(|(name, ..)| name).join(" "))),
            Self::Kernel { errno: Errno::EPERM, limit } => Some(format!(
                "raising a hard limit needs CAP_SYS_RESOURCE, and ours {}",
                limit.split('=').next().and_then(current).unwrap_or_else(|| "is lower".into())
            )),
            _ => None,
        }
    }
}

/// Docker's name, the specification's, the kernel's number.
const RESOURCES: [(&str, &str, resource::Resource); 16] = [
    ("as", "RLIMIT_AS", resource::Resource::RLIMIT_AS),
    ("core", "RLIMIT_CORE", resource::Resource::RLIMIT_CORE),
    ("cpu", "RLIMIT_CPU", resource::Resource::RLIMIT_CPU),
    ("data", "RLIMIT_DATA", resource::Resource::RLIMIT_DATA),
    ("fsize", "RLIMIT_FSIZE", resource::Resource::RLIMIT_FSIZE),
    ("locks", "RLIMIT_LOCKS", resource::Resource::RLIMIT_LOCKS),
    ("memlock", "RLIMIT_MEMLOCK", resource::Resource::RLIMIT_MEMLOCK),
    ("msgqueue", "RLIMIT_MSGQUEUE", resource::Resource::RLIMIT_MSGQUEUE),
    ("nice", "RLIMIT_NICE", resource::Resource::RLIMIT_NICE),
    ("nofile", "RLIMIT_NOFILE", resource::Resource::RLIMIT_NOFILE),
    ("nproc", "RLIMIT_NPROC", resource::Resource::RLIMIT_NPROC),
    ("rss", "RLIMIT_RSS", resource::Resource::RLIMIT_RSS),
    ("rtprio", "RLIMIT_RTPRIO", resource::Resource::RLIMIT_RTPRIO),
    ("rttime", "RLIMIT_RTTIME", resource::Resource::RLIMIT_RTTIME),
    ("sigpending", "RLIMIT_SIGPENDING", resource::Resource::RLIMIT_SIGPENDING),
    ("stack", "RLIMIT_STACK", resource::Resource::RLIMIT_STACK),
];

/// Docker's word for no limit is -1.
fn shown(limit: u64) -> String {
    if limit == u64::MAX { "-1".into() } else { limit.to_string() }
}

/// "is 20000", for a hint.
fn current(name: &str) -> Option<String> {
    let (_, _, resource) = RESOURCES.iter().find(|(known, ..)| *known == name)?;
    getrlimit(*resource).ok().map(|(_, hard)| format!("is {}", shown(hard)))
}

/// Which limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource(usize);

impl Resource {
    /// `nofile`.
    pub fn name(self) -> &'static str {
        RESOURCES[self.0].0
    }
}

/// The specification's name.
impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(RESOURCES[self.0].1)
    }
}

impl<'de> Deserialize<'de> for Resource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let place = RESOURCES.iter().position(|(_, known, _)| *known == name);
        place.map(Self).ok_or_else(|| serde::de::Error::custom(format!("invalid type of limit: {name}")))
    }
}

/// One limit, in the JSON of the OCI specification's `process.rlimits`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rlimit {
    /// Of what.
    #[serde(rename = "type")]
    pub kind: Resource,
    /// What a process starts with; `u64::MAX` is no limit.
    pub soft: u64,
    /// How far it may raise it itself.
    pub hard: u64,
}

impl Rlimit {
    /// Refuses limits that are the wrong way round.
    ///
    /// # Errors
    /// [`RlimitError::Order`].
    pub fn checked(self) -> Result<Self, RlimitError> {
        let Self { soft, hard, .. } = self;
        if soft > hard { Err(RlimitError::Order { soft, hard }) } else { Ok(self) }
    }

    /// Sets it for this process.
    ///
    /// # Errors
    /// [`RlimitError::Kernel`]: `EPERM` for a hard limit above ours.
    // ANCHOR: apply
    pub fn apply(&self) -> Result<(), RlimitError> {
        setrlimit(RESOURCES[self.kind.0].2, self.soft, self.hard)
            .map_err(|errno| RlimitError::Kernel { limit: self.to_string(), errno })
    }
    // ANCHOR_END: apply
}

impl fmt::Display for Rlimit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}={}:{}", self.kind.name(), shown(self.soft), shown(self.hard))
    }
}

impl FromStr for Rlimit {
    type Err = RlimitError;

    /// Docker's `--ulimit`: `nofile=1024:2048`, `core=-1`.
    fn from_str(text: &str) -> Result<Self, RlimitError> {
        let (name, values) = text.split_once('=').ok_or_else(|| RlimitError::Format(text.into()))?;
        let place = RESOURCES.iter().position(|(known, ..)| *known == name);
        let place = place.ok_or_else(|| RlimitError::Name(name.into()))?;
        let (soft, hard) = values.split_once(':').unwrap_or((values, values));
        if hard.contains(':') {
            return Err(RlimitError::TooMany(values.into()));
        }
        let number = |text: &str| match text {
            "-1" | "unlimited" => Ok(u64::MAX),
            _ => text.parse().map_err(|_| RlimitError::Value(text.into())),
        };
        Self { kind: Resource(place), soft: number(soft)?, hard: number(hard)? }.checked()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dockers_forms() {
        let cases = ["nofile=1024:2048", "nproc=64:64", "core=-1:-1"];
        assert_eq!(cases.map(|text| text.parse::<Rlimit>().expect(text).to_string()), cases);
        assert_eq!("nproc=64".parse::<Rlimit>().expect("one number").hard, 64);
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        let errors = ["nofile", "files=1", "nofile=x", "nofile=2:1", "nofile=-1:1", "nofile=1:-2", "nofile=1:2:3"]
            .map(|text| text.parse::<Rlimit>().expect_err(text).to_string());
        insta::assert_snapshot!(errors.join("\n"), @r"
        invalid ulimit argument: nofile
        invalid ulimit type: files
        invalid ulimit value: x
        ulimit soft limit must be less than or equal to hard limit: 2 > 1
        ulimit soft limit must be less than or equal to hard limit: -1 > 1
        invalid ulimit value: -2
        too many limit value arguments - 1:2:3, can only have up to two, `soft[:hard]`
        ");
    }

    #[test]
    fn the_specifications_json_is_read_and_written() {
        let text = serde_json::json!({"type": "RLIMIT_NOFILE", "soft": 1024, "hard": u64::MAX});
        let limit: Rlimit = serde_json::from_value(text.clone()).expect("a limit");
        assert_eq!(limit.to_string(), "nofile=1024:-1");
        assert_eq!(serde_json::to_value(limit).expect("JSON"), text);
        let unknown = serde_json::json!({"type": "RLIMIT_FILES", "soft": 1, "hard": 2});
        let error = serde_json::from_value::<Rlimit>(unknown).expect_err("no such limit");
        assert_eq!(error.to_string(), "invalid type of limit: RLIMIT_FILES");
        let backwards = serde_json::json!({"type": "RLIMIT_CPU", "soft": 2, "hard": 1});
        let error = serde_json::from_value::<Rlimit>(backwards).expect("two numbers").checked().expect_err("backwards");
        assert_eq!(error, RlimitError::Order { soft: 2, hard: 1 });
    }
}
