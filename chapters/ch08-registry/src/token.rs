//! Tokens: a registry says where they are to be had, for whom and for what.
//!
//! <https://distribution.github.io/distribution/spec/auth/token/>,
//! <https://distribution.github.io/distribution/spec/auth/oauth/>

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use ureq::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use ureq::http::{Method, Uri};

use crate::answer::Refusal;
use crate::challenge::Challenge;
use crate::error::RegistryError;
use crate::http::{Http, Request};
use crate::identity::Credentials;

/// What a token server may send.
const LARGEST: u64 = 1024 * 1024;
/// Where it does not say how long a token lives.
const LIFETIME: u64 = 60;
/// A token that is about to end is not used: the request would be longer on its way.
const MARGIN: Duration = Duration::from_secs(5);
const DAY: Duration = Duration::from_hours(24);
const CLIENT: &str = "mini-docker";

/// A token.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    /// For `Authorization`.
    pub(crate) header: HeaderValue,
    until: Instant,
    /// What can be kept to get others by.
    pub(crate) refresh: Option<String>,
}

impl Token {
    /// One that is used as it is, for as long as it may be good.
    pub(crate) fn given(token: &str) -> Option<Self> {
        let answer = TokenAnswer {
            token: token.into(),
            access_token: String::new(),
            expires_in: None,
            refresh_token: String::new(),
        };
        Some(Self { header: answer.bearer()?, until: Instant::now() + DAY, refresh: None })
    }

    pub(crate) fn is_fresh(&self) -> bool {
        Instant::now() + MARGIN < self.until
    }
}

/// What a token server answers.
#[derive(Debug, Deserialize)]
pub struct TokenAnswer {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
    #[serde(default)]
    expires_in: Option<u64>,
    #[serde(default)]
    refresh_token: String,
}

impl TokenAnswer {
    /// Reads one. Both names of the token are in use.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut answer: Self = serde_json::from_slice(bytes).ok()?;
        if answer.token.is_empty() {
            answer.token.clone_from(&answer.access_token);
        }
        (!answer.token.is_empty()).then_some(answer)
    }

    /// The header that carries it; none, if it is no text for one.
    pub fn bearer(&self) -> Option<HeaderValue> {
        let mut header = HeaderValue::from_str(&format!("Bearer {}", self.token)).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    /// How long it lives: a day at most, whatever is said.
    pub fn lifetime(&self) -> Duration {
        Duration::from_secs(self.expires_in.filter(|seconds| *seconds > 0).unwrap_or(LIFETIME).min(DAY.as_secs()))
    }
}

/// `Authorization` for a user and a password.
pub(crate) fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// Asks for a token that is good for `scopes`. `keep` asks for one to get others by, too.
pub(crate) fn fetch(
    http: &Http,
    challenge: &Challenge,
    credentials: Option<&Credentials>,
    scopes: &[String],
    keep: bool,
    realm: Uri,
) -> Result<Token, RegistryError> {
    let mut fields = Vec::new();
    if let Some(service) = challenge.get("service") {
        fields.push(("service", service));
    }
    fields.extend(scopes.iter().map(|scope| ("scope", scope.as_str())));
    let mut form = String::new();
    let request = if let Some(Credentials::Identity(token)) = credentials {
        let joined = scopes.join(" ");
        fields.retain(|(name, _)| *name != "scope");
        fields.extend([
            ("scope", joined.as_str()),
            ("grant_type", "refresh_token"),
            ("refresh_token", token.as_str()),
            ("client_id", CLIENT),
        ]);
        form = encode(&fields);
        let mut request = Request::new(Method::POST, realm);
        request.headers.push((CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")));
        request
    } else {
        if keep {
            fields.extend([("offline_token", "true"), ("client_id", CLIENT)]);
        }
        if let Some(Credentials::Basic { user, .. }) = credentials {
            fields.push(("account", user));
        }
        let separator = if realm.query().is_some() { '&' } else { '?' };
        let uri = format!("{realm}{separator}{}", encode(&fields));
        let what = Request::new(Method::GET, realm).asked().to_string();
        let wrong = |_| RegistryError::Answer { what, reason: "the address of its token server is wrong".into() };
        let mut request = Request::new(Method::GET, uri.parse().map_err(wrong)?);
        if let Some(Credentials::Basic { user, password }) = credentials
            && let Some(header) = basic(user, password)
        {
            request.headers.push((AUTHORIZATION, header));
        }
        request
    };
    let body = form.as_bytes();
    let request = if form.is_empty() { request } else { Request { body: Some(&body), ..request } };
    ask(http, request)
}

fn ask(http: &Http, request: Request) -> Result<Token, RegistryError> {
    let what = request.asked().to_string();
    let mut response = if request.body.is_some() { http.send(&request)? } else { http.follow(request)? };
    if !response.status.is_success() {
        let refusal = Refusal::read(&mut response)?;
        return Err(match refusal.status.as_u16() {
            401 | 403 => RegistryError::Unauthorized { what, reason: refusal.to_string() },
            429 => RegistryError::TooMany { what, refusal, after: None },
            _ => RegistryError::Refused { what, refusal },
        });
    }
    let bytes = response.bytes(LARGEST)?;
    let answer = TokenAnswer::parse(&bytes);
    let token = answer.and_then(|answer| {
        let (until, header) = (Instant::now() + answer.lifetime(), answer.bearer()?);
        Some(Token { header, until, refresh: Some(answer.refresh_token).filter(|token| !token.is_empty()) })
    });
    token.ok_or_else(|| RegistryError::Answer { what, reason: "the token server sent no token".into() })
}

/// As in a form (`application/x-www-form-urlencoded`).
pub(crate) fn encode(fields: &[(&str, &str)]) -> String {
    let pairs = fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// `%xx` for all but letters, digits and what never means anything.
pub(crate) fn escape(text: &str) -> String {
    use std::fmt::Write;
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_names_of_a_token_are_understood() {
        let parse = |text: &str| TokenAnswer::parse(text.as_bytes());
        let answer = parse(r#"{"token":"a","access_token":"b","expires_in":300}"#).expect("a token");
        assert_eq!((answer.token.as_str(), answer.lifetime().as_secs()), ("a", 300));
        let answer = parse(r#"{"access_token":"b"}"#).expect("a token");
        assert_eq!((answer.token.as_str(), answer.lifetime().as_secs()), ("b", 60));
        assert_eq!(parse(r#"{"token":"a","expires_in":0}"#).expect("a token").lifetime().as_secs(), 60);
        let far = r#"{"token":"a","expires_in":18446744073709551615}"#;
        assert_eq!(parse(far).expect("a token").lifetime().as_secs(), 86400);
        for text in ["", "{}", "[]", r#"{"token":7}"#, r#"{"token":"a","expires_in":-1}"#] {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_token_that_is_no_header_is_none() {
        let answer = TokenAnswer::parse(br#"{"token":"a\r\nX-Evil: 1"}"#).expect("a token");
        assert!(answer.bearer().is_none());
    }

    #[test]
    fn a_form_has_no_letters_that_mean_something() {
        assert_eq!(
            encode(&[("scope", "repository:a/b:pull,push"), ("x", "ä &=")]),
            "scope=repository%3Aa%2Fb%3Apull%2Cpush&x=%C3%A4%20%26%3D"
        );
    }
}
