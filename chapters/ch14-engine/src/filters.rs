//! `--filter NAME=VALUE`, as docker has it for lists, events and prunes: the same name several times means any of the
//! values, different names mean all of them; labels alone must all be there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use process::{Diagnose, FailureKind};
use regex_lite::Regex;
use thiserror::Error;

/// Why a filter is none, in docker's words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FilterError {
    /// No `=`.
    #[error("bad format of filter (expected name=value)")]
    Format,
    /// `=VALUE`.
    #[error("invalid filter")]
    Nameless,
    /// A name that there is not, here.
    #[error("invalid filter '{0}'")]
    Unknown(String),
    /// A value that it cannot have.
    #[error("invalid filter '{name}={value}': {reason}")]
    Value {
        /// Of the filter.
        name: &'static str,
        /// What was given.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A bracket without an end.
    #[error("syntax error in pattern")]
    Pattern(String),
    /// Not a port, nor several.
    #[error("error while looking up for {filter} {value}: strconv.ParseUint: parsing {port:?}: invalid syntax")]
    Port {
        /// Of the filter.
        filter: &'static str,
        /// What was given.
        value: String,
        /// The part of it that is no port.
        port: String,
    },
    /// Something that can be only one.
    #[error("more than one {0} filter specified")]
    Several(&'static str),
    /// Neither true nor false.
    #[error("invalid filter '{name}={values}'")]
    Switch {
        /// Of the filter.
        name: &'static str,
        /// All that was given for it.
        values: String,
    },
}

impl Diagnose for FilterError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Invalid)
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Pattern(pattern) => Some(format!("{pattern:?}: [ stands for a set of characters, which ends with ]")),
            _ => None,
        }
    }
}

/// One `--filter`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(Option<(String, String)>);

impl fmt::Display for Filter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |(name, value)| write!(out, "{name}={value}"))
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    /// Names are without case, blanks around both are no part of them. Nothing at all is no filter, and no error.
    fn from_str(text: &str) -> Result<Self, FilterError> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let (name, value) = text.split_once('=').ok_or(FilterError::Format)?;
        Ok(Self(Some((name.trim().to_lowercase(), value.trim().into()))))
    }
}

/// All filters of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters(BTreeMap<String, BTreeSet<String>>);

impl FromIterator<Filter> for Filters {
    fn from_iter<I: IntoIterator<Item = Filter>>(filters: I) -> Self {
        let mut all = Self::default();
        for (name, value) in filters.into_iter().filter_map(|filter| filter.0) {
            all.0.entry(name).or_default().insert(value);
        }
        all
    }
}

impl Filters {
    /// Refuses names that are not among `known`.
    ///
    /// # Errors
    /// [`FilterError::Unknown`].
    pub fn check(&self, known: &[&str]) -> Result<(), FilterError> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) if name.is_empty() => Err(FilterError::Nameless),
            Some(name) => Err(FilterError::Unknown(name.clone())),
            None => Ok(()),
        }
    }

    /// Whether there is one of that name.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// What was given for `name`.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.get(name).into_iter().flatten().map(String::as_str)
    }

    /// Whether one of the values is `text`, or nothing was given.
    pub fn is_exactly(&self, name: &str, text: &str) -> bool {
        !self.has(name) || self.values(name).any(|value| value == text)
    }

    /// The same, where a value may be a regular expression for a part of `text`.
    pub fn matches(&self, name: &str, text: &str) -> bool {
        let fits = |value: &str| value == text || Regex::new(value).is_ok_and(|pattern| pattern.is_match(text));
        !self.has(name) || self.values(name).any(fits)
    }

    /// Whether all of the values, `NAME` or `NAME=VALUE`, are among `labels`.
    pub fn matches_labels(&self, name: &str, labels: &BTreeMap<String, String>) -> bool {
        self.values(name).all(|wanted| match wanted.split_once('=') {
            Some((name, value)) => labels.get(name).is_some_and(|label| label == value),
            None => labels.contains_key(wanted),
        })
    }

    /// The values of `name`, each one of `known`. `what` is docker's word for them.
    ///
    /// # Errors
    /// [`FilterError::Value`].
    pub fn check_values(&self, name: &'static str, what: &str, known: &[&str]) -> Result<(), FilterError> {
        match self.values(name).find(|value| !known.contains(value)) {
            None => Ok(()),
            Some(value) => Err(FilterError::Value {
                name,
                value: value.into(),
                reason: format!("invalid value for {what} ({value}): must be one of {}", known.join(", ")),
            }),
        }
    }

    /// The values of `name` as whole numbers.
    ///
    /// # Errors
    /// [`FilterError::Value`].
    pub fn numbers(&self, name: &'static str) -> Result<Vec<i64>, FilterError> {
        let number = |value: &str| {
            value.parse::<i64>().map_err(|_| FilterError::Value {
                name,
                value: value.into(),
                reason: format!("strconv.Atoi: parsing {value:?}: invalid syntax"),
            })
        };
        self.values(name).map(number).collect()
    }

    /// The value of `name` as true or false, if it was given.
    ///
    /// # Errors
    /// [`FilterError::Switch`].
    pub fn switch(&self, name: &'static str) -> Result<Option<bool>, FilterError> {
        let values: Vec<&str> = self.values(name).collect();
        match values[..] {
            [] => Ok(None),
            ["1" | "true"] => Ok(Some(true)),
            ["0" | "false"] => Ok(Some(false)),
            _ => Err(FilterError::Switch { name, values: format!("[{}]", values.join(" ")) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(texts: &[&str]) -> Filters {
        texts.iter().map(|text| text.parse::<Filter>().expect(text)).collect()
    }

    #[test]
    fn a_filter_has_a_name_and_a_value() {
        assert_eq!("x".parse::<Filter>(), Err(FilterError::Format));
        assert_eq!(filters(&["=x"]).check(&[]), Err(FilterError::Nameless));
        assert_eq!(filters(&[" Name = a ", ""]).values("name").collect::<Vec<_>>(), ["a"]);
        let unknown = filters(&["x=y"]).check(&["id"]).expect_err("an unknown name");
        assert_eq!(unknown.to_string(), "invalid filter 'x'");
        assert_eq!(filters(&["id=1"]).check(&["id"]), Ok(()));
    }

    #[test]
    fn any_value_of_one_name_will_do() {
        let two = filters(&["name=^/?a$", "name=b.", "name=["]);
        let fitting: Vec<_> =
            ["a", "/a", "aa", "xbx", "b", "["].into_iter().filter(|n| two.matches("name", n)).collect();
        assert_eq!(fitting, ["a", "/a", "xbx", "["]);
        assert!(two.matches("id", "whatever") && two.is_exactly("id", "whatever"));
        assert!(two.is_exactly("name", "b.") && !two.is_exactly("name", "b"));
    }

    #[test]
    fn all_labels_must_be_there() {
        let labels = BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())]);
        for (wanted, expected) in [
            (&["label=a"][..], true),
            (&["label=a=1", "label=b"], true),
            (&["label=a=2"], false),
            (&["label=a", "label=c"], false),
            (&["label=b="], true),
            (&["label="], false),
            (&[], true),
        ] {
            assert_eq!(filters(wanted).matches_labels("label", &labels), expected, "{wanted:?}");
        }
    }

    #[test]
    fn values_are_checked_in_dockers_words() {
        let wrong = filters(&["status=x", "exited=y", "is-task=z"]);
        let status = wrong.check_values("status", "state", &["created", "running"]).expect_err("no such state");
        assert_eq!(
            status.to_string(),
            "invalid filter 'status=x': invalid value for state (x): must be one of created, running"
        );
        let exited = wrong.numbers("exited").expect_err("not a number");
        assert_eq!(exited.to_string(), "invalid filter 'exited=y': strconv.Atoi: parsing \"y\": invalid syntax");
        assert_eq!(wrong.switch("is-task").expect_err("no switch").to_string(), "invalid filter 'is-task=[z]'");
        let right = filters(&["exited=1", "exited=-2", "is-task=false"]);
        assert_eq!((right.numbers("exited"), right.switch("is-task")), (Ok(vec![-2, 1]), Ok(Some(false))));
    }
}
