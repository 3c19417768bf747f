//! Image names: `[host[:port]/]path[:tag][@digest]`, with docker's defaults.
//!
//! Grammar: <https://github.com/distribution/reference/blob/main/reference.go>.

use std::fmt;
use std::str::FromStr;

use layers::Digest;
use process::{Diagnose, FailureKind};
use serde::{Deserialize, Serialize};
use thiserror::Error;

const DEFAULT_DOMAIN: &str = "docker.io";
/// Its name of old.
const LEGACY_DOMAIN: &str = "index.docker.io";
const DEFAULT_NAMESPACE: &str = "library/";
const DEFAULT_TAG: &str = "latest";
const LONGEST_NAME: usize = 255;
const LONGEST_TAG: usize = 128;

/// Why a text is no image name.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("invalid reference format: {text:?}: {reason}")]
pub struct ReferenceError {
    /// What was given.
    text: String,
    /// The rule that it breaks.
    reason: &'static str,
}

impl Diagnose for ReferenceError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Invalid)
    }

    fn hint(&self) -> Option<String> {
        if self.text.to_lowercase() != self.text {
            return Some(format!("try {:?}", self.text.to_lowercase()));
        }
        Some("names look like busybox, alice/web:1.2 or registry.example.com:5000/team/app".into())
    }
}

/// A complete image name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Reference {
    /// `docker.io`, `localhost:5000`.
    domain: String,
    /// `library/busybox`.
    path: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// As people write it: without what is default. `busybox`, `localhost:5000/web`.
    pub fn familiar_name(&self) -> String {
        // Without its host, the path would be taken for another image's: docker.io/docker.io/library/busybox.
        let misleading = self.path.split_once('/').is_some_and(|(first, _)| is_host(first));
        match (self.domain == DEFAULT_DOMAIN && !misleading, self.path.strip_prefix(DEFAULT_NAMESPACE)) {
            (true, Some(short)) if !short.contains('/') => short.into(),
            (true, _) => self.path.clone(),
            _ => format!("{}/{}", self.domain, self.path),
        }
    }

    /// The registry: `docker.io`, `localhost:5000`.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The repository there: `library/busybox`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The whole name, without tag and digest: `docker.io/library/busybox`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.domain, self.path)
    }

    /// The tag: `latest`, unless another or a digest was given.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// `busybox:latest`, `busybox@sha256:…`.
    pub fn familiar(&self) -> String {
        self.with(self.familiar_name())
    }

    /// The digest after `@`, if one was given.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// By its digest alone, if it has one, since a tag beside it says nothing more: the name under which an image is kept.
    #[must_use]
    pub fn canonical(mut self) -> Self {
        if self.digest.is_some() {
            self.tag = None;
        }
        self
    }

    /// The same repository, and in it what has this digest.
    #[must_use]
    pub fn at(&self, digest: &Digest) -> Self {
        Self { tag: None, digest: Some(digest.clone()), ..self.clone() }
    }

    fn with(&self, mut text: String) -> String {
        if let Some(tag) = &self.tag {
            text = format!("{text}:{tag}");
        }
        if let Some(digest) = &self.digest {
            text = format!("{text}@{digest}");
        }
        text
    }
}

impl fmt::Display for Reference {
    /// With everything spelled out: `docker.io/library/busybox:latest`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.with(self.name()))
    }
}

impl TryFrom<String> for Reference {
    type Error = ReferenceError;

    fn try_from(text: String) -> Result<Self, ReferenceError> {
        text.parse()
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.to_string()
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let wrong = |reason| ReferenceError { text: text.into(), reason };
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => match digest.parse() {
                Ok(digest) => (rest, Some(digest)),
                Err(_) => return Err(wrong("what follows @ must be sha256: and 64 hexadecimal digits")),
            },
            None => (text, None),
        };
        // The first part is a host only if it cannot be anything else: docker's rule.
        let (domain, rest) = match rest.split_once('/') {
            Some((LEGACY_DOMAIN, rest)) => (DEFAULT_DOMAIN, rest),
            Some((first, rest)) if is_host(first) => (first, rest),
            _ => (DEFAULT_DOMAIN, rest),
        };
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (rest, digest.is_none().then_some(DEFAULT_TAG)),
        };
        if !is_domain(domain) {
            return Err(wrong("the registry's host is not valid"));
        }
        if !tag.is_none_or(is_tag) {
            return Err(wrong("a tag has letters, digits, '_', '.' and '-', and does not start with '.' or '-'"));
        }
        if is_id(path) {
            return Err(wrong("64 hexadecimal digits are the id of an image, and no name"));
        }
        if !path.split('/').all(is_component) {
            return Err(wrong(
                "a name has lower-case letters and digits, joined by '.', '_', '__' or '-', in parts joined by '/'",
            ));
        }
        let path = if domain == DEFAULT_DOMAIN && !path.contains('/') {
            format!("{DEFAULT_NAMESPACE}{path}")
        } else {
            path.to_owned()
        };
        if domain.len() + 1 + path.len() > LONGEST_NAME {
            return Err(wrong("a name has at most 255 characters"));
        }
        Ok(Self { domain: domain.into(), path, tag: tag.map(Into::into), digest })
    }
}

/// Whether the first of several parts is a host, and no part of a name on the default one.
fn is_host(first: &str) -> bool {
    first.contains(['.', ':', '[']) || first == "localhost" || first.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_domain(text: &str) -> bool {
    let digits = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((address, port)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let hexadecimal = |byte: u8| byte.is_ascii_hexdigit() || byte == b':';
        let port = port.is_empty() || port.strip_prefix(':').is_some_and(digits);
        return port && !address.is_empty() && address.bytes().all(hexadecimal);
    }
    let (host, port) = text.split_once(':').unwrap_or((text, "0"));
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.split('.').all(label) && digits(port)
}

fn is_tag(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST_TAG
        && !text.starts_with(['.', '-'])
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

/// Runs of `[a-z0-9]` joined by one `.`, one or two `_`, or any number of `-`.
fn is_component(text: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends = |byte: Option<&u8>| byte.is_some_and(|byte| alphanumeric(*byte));
    ends(bytes.first())
        && ends(bytes.last())
        && text
            .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_filled_in() {
        let cases = [
            ("busybox", "docker.io/library/busybox:latest", "busybox:latest"),
            ("alice/web:1.2", "docker.io/alice/web:1.2", "alice/web:1.2"),
            ("localhost/web", "localhost/web:latest", "localhost/web:latest"),
            ("localhost:5000/a/b:t", "localhost:5000/a/b:t", "localhost:5000/a/b:t"),
            ("docker.io/library/busybox", "docker.io/library/busybox:latest", "busybox:latest"),
            ("index.docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"),
            ("index.docker.io/alice/web", "docker.io/alice/web:latest", "alice/web:latest"),
            ("Host/web", "Host/web:latest", "Host/web:latest"),
            ("[::1]:5000/web:t", "[::1]:5000/web:t", "[::1]:5000/web:t"),
            ("[fe80::1]/web", "[fe80::1]/web:latest", "[fe80::1]/web:latest"),
            (
                "docker.io/docker.io/library/x",
                "docker.io/docker.io/library/x:latest",
                "docker.io/docker.io/library/x:latest",
            ),
            ("a__b-c---d.e", "docker.io/library/a__b-c---d.e:latest", "a__b-c---d.e:latest"),
        ];
        for (text, full, familiar) in cases {
            let reference: Reference = text.parse().expect(text);
            assert_eq!((reference.to_string().as_str(), reference.familiar().as_str()), (full, familiar));
        }
    }

    #[test]
    fn what_docker_refuses_is_refused() {
        for text in [
            "",
            "Busybox",
            "a..b",
            "-a",
            "a_",
            "a/",
            "/a",
            "a:",
            "a:-x",
            "a@sha256:12",
            "a b",
            "a___b",
            "x.y:/a",
            "../etc",
            "[::1]x/web",
            "[]/web",
            "[::1/web",
            "[::g]/web",
            "Host/Web",
            &"a".repeat(64),
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn the_error_names_the_rule() {
        insta::assert_snapshot!("Busybox".parse::<Reference>().unwrap_err(), @r#"invalid reference format: "Busybox": a name has lower-case letters and digits, joined by '.', '_', '__' or '-', in parts joined by '/'"#);
    }
}
