//! Docker's profile: rules with conditions on capabilities, architecture and kernel version.
//!
//! Format: <https://docs.docker.com/engine/security/seccomp/>.

use process::{Diagnose, FailureKind};
use serde::Deserialize;
use thiserror::Error;

use super::oci::{Action, Architecture, Argument, Rule, Seccomp, null_is_empty};
use crate::capability::{Capabilities, Capability};

/// Docker's own profile.
const DEFAULT: &str = include_str!("default.json");

/// Not a profile.
#[derive(Debug, Error)]
pub enum ProfileError {
    /// Not JSON, or not of this form.
    #[error("not a seccomp profile: {0}")]
    Form(serde_json::Error),
    /// One rule is wrong.
    #[error("seccomp profile, rule {place} ({names}): {reason}")]
    Rule {
        /// Counted from 1.
        place: usize,
        /// The calls that it is about.
        names: String,
        /// What is wrong.
        reason: String,
    },
    /// Docker's list and the specification's at once.
    #[error("seccomp profile: both architectures and archMap are given")]
    Architectures,
}

impl Diagnose for ProfileError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Invalid)
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Architectures => "use one of them".into(),
            Self::Form(_) | Self::Rule { .. } => {
                "actions are SCMP_ACT_ALLOW, SCMP_ACT_ERRNO and so on, operators SCMP_CMP_EQ and so on".into()
            }
        })
    }
}

/// The JSON library says where in the file; this finds the rule, if it is one.
fn locate(json: &[u8], error: serde_json::Error) -> ProfileError {
    let rules = serde_json::from_slice::<serde_json::Value>(json).ok();
    let rules = rules.as_ref().and_then(|profile| profile["syscalls"].as_array()).map_or(&[][..], Vec::as_slice);
    for (index, rule) in rules.iter().enumerate() {
        if let Err(reason) = ConditionalRule::deserialize(rule) {
            let names = rule["names"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str);
            let names: Vec<&str> = names.chain(rule["name"].as_str()).take(3).collect();
            return ProfileError::Rule { place: index + 1, names: names.join(", "), reason: reason.to_string() };
        }
    }
    ProfileError::Form(error)
}

/// A profile as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeccompProfile {
    default_action: Action,
    #[serde(default)]
    default_errno_ret: Option<u32>,
    #[serde(default, deserialize_with = "null_is_empty")]
    arch_map: Vec<ArchitectureMap>,
    #[serde(default, deserialize_with = "null_is_empty")]
    architectures: Vec<Architecture>,
    #[serde(default, deserialize_with = "null_is_empty")]
    flags: Vec<String>,
    #[serde(default)]
    listener_path: String,
    #[serde(default)]
    listener_metadata: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    syscalls: Vec<ConditionalRule>,
}

/// A native architecture, and the others that come with it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ArchitectureMap {
    architecture: Architecture,
    #[serde(default, deserialize_with = "null_is_empty")]
    sub_architectures: Vec<Architecture>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConditionalRule {
    #[serde(default, deserialize_with = "null_is_empty")]
    names: Vec<String>,
    /// The older form of `names`.
    #[serde(default)]
    name: Option<String>,
    action: Action,
    #[serde(default)]
    errno_ret: Option<u32>,
    #[serde(default, deserialize_with = "null_is_empty")]
    args: Vec<Argument>,
    #[serde(default)]
    includes: Option<Conditions>,
    #[serde(default)]
    excludes: Option<Conditions>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Conditions {
    #[serde(deserialize_with = "null_is_empty")]
    caps: Vec<String>,
    #[serde(deserialize_with = "null_is_empty")]
    arches: Vec<String>,
    min_kernel: Option<String>,
}

/// What conditions are held against.
#[derive(Debug, Clone, Copy)]
struct Situation {
    capabilities: Capabilities,
    kernel: (u32, u32),
}

/// Go's name of the native architecture, which profiles use.
const NATIVE: &str = "amd64";

impl SeccompProfile {
    /// Docker's default.
    ///
    /// # Panics
    /// Never: the profile is part of this crate, and tested.
    pub fn docker_default() -> Self {
        Self::from_json(DEFAULT.as_bytes()).expect("the built-in profile is valid")
    }

    /// From a file's content.
    ///
    /// # Errors
    /// [`ProfileError`], with line and column.
    pub fn from_json(json: &[u8]) -> Result<Self, ProfileError> {
        let profile: Self = serde_json::from_slice(json).map_err(|error| locate(json, error))?;
        if !profile.architectures.is_empty() && !profile.arch_map.is_empty() {
            return Err(ProfileError::Architectures);
        }
        for (index, rule) in profile.syscalls.iter().enumerate() {
            if let Some(reason) = rule.mistake() {
                let names: Vec<&str> = rule.names.iter().chain(&rule.name).map(String::as_str).take(3).collect();
                return Err(ProfileError::Rule { place: index + 1, names: names.join(", "), reason });
            }
        }
        Ok(profile)
    }

    /// The rules that count for a container with these capabilities, on this kernel.
    pub fn resolve(&self, capabilities: &Capabilities) -> Seccomp {
        self.resolve_for(Situation { capabilities: *capabilities, kernel: kernel_version() })
    }

    fn resolve_for(&self, situation: Situation) -> Seccomp {
        let native = self.arch_map.iter().find(|map| map.architecture == Architecture::X86_64);
        let mapped =
            native.map(|map| [map.architecture].into_iter().chain(map.sub_architectures.iter().copied()).collect());
        Seccomp {
            default_action: self.default_action,
            default_errno_ret: self.default_errno_ret,
            architectures: mapped.unwrap_or_else(|| self.architectures.clone()),
            flags: self.flags.clone(),
            listener_path: self.listener_path.clone(),
            listener_metadata: self.listener_metadata.clone(),
            syscalls: self.syscalls.iter().filter(|rule| rule.counts(situation)).map(ConditionalRule::plain).collect(),
        }
    }
}

impl ConditionalRule {
    /// What is wrong with it, though it has the form of a rule.
    fn mistake(&self) -> Option<String> {
        if self.name.is_some() && !self.names.is_empty() {
            return Some("both name and names are given".into());
        }
        let conditions = [&self.includes, &self.excludes].into_iter().flatten();
        let mut versions = conditions.filter_map(|conditions| conditions.min_kernel.as_deref());
        let wrong = versions.find(|version| !is_version(version))?;
        Some(format!("minKernel {wrong:?} is no version of a kernel, as \"4.8\" is"))
    }

    /// All of `includes` must hold, and nothing of `excludes`.
    // ANCHOR: counts
    fn counts(&self, situation: Situation) -> bool {
        // ANCHOR: ex_counts
        let has = |name: &String| {
            name.parse::<Capability>().is_ok_and(|capability| situation.capabilities.contains(capability))
        };
        let native = |name: &String| name == NATIVE;
        let reached = |version: &String| parse_version(version) <= situation.kernel;
        let included = self.includes.as_ref().is_none_or(|includes| {
            (includes.arches.is_empty() || includes.arches.iter().any(native))
                && includes.caps.iter().all(has)
                && includes.min_kernel.as_ref().is_none_or(reached)
        });
        let excluded = self.excludes.as_ref().is_some_and(|excludes| {
            excludes.arches.iter().any(native)
                || excludes.caps.iter().any(has)
                || excludes.min_kernel.as_ref().is_some_and(reached)
        });
        included && !excluded
        // ANCHOR_END: ex_counts
    }
    // ANCHOR_END: counts

    fn plain(&self) -> Rule {
        let names = self.names.iter().chain(&self.name).cloned().collect();
        Rule { names, action: self.action, errno_ret: self.errno_ret, args: self.args.clone() }
    }
}

/// Two numbers, and perhaps more. A condition that reads as 0.0 would always hold.
fn is_version(text: &str) -> bool {
    let mut parts = text.split('.').map(|part| part.parse::<u32>().is_ok());
    parts.next() == Some(true) && parts.next() == Some(true)
}

/// "4.8" is `(4, 8)`; also of `4.8.0-1-amd64`.
fn parse_version(text: &str) -> (u32, u32) {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

fn kernel_version() -> (u32, u32) {
    parse_version(&rustix::system::uname().release().to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(profile: &str, capabilities: Capabilities, kernel: (u32, u32)) -> Vec<String> {
        let profile = SeccompProfile::from_json(profile.as_bytes()).expect("a profile");
        let resolved = profile.resolve_for(Situation { capabilities, kernel });
        resolved.syscalls.into_iter().flat_map(|rule| rule.names).collect()
    }

    #[test]
    fn conditions_decide_which_rules_count() {
        let profile = r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
            {"names": ["a"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
            {"names": ["b"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
            {"names": ["c"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
            {"names": ["d"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["arm64"]}},
            {"name": "e", "action": "SCMP_ACT_ALLOW", "args": null}]}"#;
        assert_eq!(rules(profile, Capabilities::all(), (4, 7)), ["a", "e"]);
        assert_eq!(rules(profile, Capabilities::default(), (4, 8)), ["b", "c", "e"]);
    }

    #[test]
    fn a_broken_profile_is_told_where() {
        let broken = [
            r#"{"defaultAction": "SCMP_ACT_DENY"}"#,
            r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["a"]}]}"#,
            r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
                {"names": ["open"], "action": "SCMP_ACT_ALLOW"},
                {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "EQ"}]}]}"#,
            r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
                {"names": ["a"], "name": "b", "action": "SCMP_ACT_ALLOW"}]}"#,
            r#"{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"],
                "archMap": [{"architecture": "SCMP_ARCH_X86_64"}]}"#,
            r#"{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_AMD64"]}"#,
            r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
                {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "x"}}]}"#,
            r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
                {"name": "ptrace", "action": "SCMP_ACT_ALLOW", "excludes": {"minKernel": "4"}}]}"#,
            "seccomp",
        ];
        let errors = broken.map(|text| SeccompProfile::from_json(text.as_bytes()).expect_err(text).to_string());
        insta::assert_snapshot!(errors.join("\n"));
    }

    #[test]
    fn dockers_profile_names_about_360_calls() {
        let resolved = SeccompProfile::docker_default().resolve(&Capabilities::docker_default());
        let allowed = &resolved.syscalls[0];
        assert_eq!((allowed.action, allowed.names.len()), (Action::Allow, 360));
        assert_eq!(resolved.architectures, [Architecture::X86_64, Architecture::X86, Architecture::X32]);
    }
}
