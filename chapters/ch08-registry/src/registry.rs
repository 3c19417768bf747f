//! One registry: every request of the protocol goes through here, which knows how the registry is reached, who we are there,
//! and when to try again.

use std::collections::BTreeSet;
use std::io::Read;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use jiff::Timestamp;
use ureq::http::header::{ACCEPT, AUTHORIZATION, HeaderName, HeaderValue, RANGE, RETRY_AFTER};
use ureq::http::{Method, StatusCode, Uri};

use crate::answer::Refusal;
use crate::auth::{Auth, Scope};
use crate::credentials::CredentialStore;
use crate::error::RegistryError;
use crate::fault::{Asked, HttpError};
use crate::host::{Authority, Trust};
use crate::http::{Content, Http, Request, Response, Surroundings};
use crate::identity::Credentials;
use crate::progress::{Event, Progress};
use crate::url::same_origin;

/// How often a request is sent until its fault counts.
const ATTEMPTS: u32 = 4;
/// The longest that we wait because a registry asks us to, each time.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// `"unknown agent" code` in the warning of the specification.
const WARNING: &str = "299 - ";

/// What all registries have in common: connections, credentials, somebody to tell.
pub struct Client<'a> {
    pub(crate) http: Http,
    pub(crate) store: CredentialStore,
    pub(crate) progress: &'a dyn Progress,
    /// Warnings that were passed on: registries send theirs with every answer.
    warned: Mutex<BTreeSet<String>>,
}

impl<'a> Client<'a> {
    /// One that lives in these surroundings.
    pub fn new(surroundings: Surroundings, store: CredentialStore, progress: &'a dyn Progress) -> Self {
        Self { http: Http::new(surroundings), store, progress, warned: Mutex::default() }
    }

    /// The registry of images whose names begin with `domain`.
    ///
    /// # Errors
    /// [`RegistryError::Host`].
    pub fn registry(&self, domain: &str) -> Result<Registry<'_>, RegistryError> {
        self.registry_with(domain, Auth::new(domain, self.store.clone()))
    }

    /// The same as somebody else.
    pub(crate) fn registry_as(
        &self,
        domain: &str,
        credentials: Option<Credentials>,
    ) -> Result<Registry<'_>, RegistryError> {
        self.registry_with(domain, Auth::with(domain, self.store.clone(), credentials))
    }

    fn registry_with(&self, domain: &str, auth: Auth) -> Result<Registry<'_>, RegistryError> {
        let wrong = || RegistryError::Host(domain.into());
        let authority = Authority::of_domain(domain).ok_or_else(wrong)?;
        Ok(Registry::new(self, authority, String::new(), None, auth))
    }

    /// Who is asked for images whose names begin with `domain`, in this order: its mirrors, then the registry itself.
    pub(crate) fn sources(&self, domain: &str) -> Result<Vec<Registry<'_>>, RegistryError> {
        let mut sources = if domain == "docker.io" { self.mirrors() } else { Vec::new() };
        sources.push(self.registry(domain)?);
        Ok(sources)
    }

    /// The mirrors of docker.io, asked before it. What is wrong with one is said, and the others are used.
    fn mirrors(&self) -> Vec<Registry<'_>> {
        let mut mirrors = Vec::new();
        for text in &self.http.settings().registry_mirrors {
            let uri: Option<Uri> = text.parse().ok();
            let parts =
                uri.as_ref().and_then(|uri| Some((uri.scheme_str()?, Authority::parse(uri.authority()?.as_str())?)));
            let Some((scheme @ ("http" | "https"), authority)) = parts else {
                self.progress.event(Event::Warning(&format!("registry-mirrors: {text:?} is no address of a mirror")));
                continue;
            };
            let prefix = uri.as_ref().map_or("", |uri| uri.path().trim_end_matches('/')).to_owned();
            let auth = Auth::new(&authority.to_string(), self.store.clone());
            let mirror = Registry::new(self, authority, prefix, Some(scheme == "https"), auth);
            mirrors.push(mirror);
        }
        mirrors
    }
}

/// One registry.
pub struct Registry<'a> {
    pub(crate) client: &'a Client<'a>,
    authority: Authority,
    trust: Trust,
    /// Before `/v2/`.
    prefix: String,
    pub(crate) auth: Auth,
    /// Whether it speaks TLS, once that is known.
    tls: Mutex<Option<bool>>,
}

/// A request of the protocol.
pub(crate) struct Call<'c> {
    pub(crate) method: Method,
    pub(crate) to: To<'c>,
    pub(crate) scope: &'c Scope,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Option<&'c dyn Content>,
    /// How often it is sent until a fault counts.
    pub(crate) attempts: u32,
}

/// Where it goes.
#[derive(Clone)]
pub(crate) enum To<'c> {
    /// A path of the protocol, from `/v2/` on.
    Path(&'c str),
    /// Where the registry has told us to.
    Address(Uri),
}

impl<'c> Call<'c> {
    pub(crate) fn new(method: Method, path: &'c str, scope: &'c Scope) -> Self {
        Self { method, to: To::Path(path), scope, headers: Vec::new(), body: None, attempts: ATTEMPTS }
    }

    pub(crate) fn get(path: &'c str, scope: &'c Scope) -> Self {
        Self::new(Method::GET, path, scope)
    }

    pub(crate) fn to(method: Method, address: Uri, scope: &'c Scope) -> Self {
        Self { method, to: To::Address(address), scope, headers: Vec::new(), body: None, attempts: ATTEMPTS }
    }

    /// Nobody waits for this one: the first fault counts.
    #[must_use]
    pub(crate) fn once(mut self) -> Self {
        self.attempts = 1;
        self
    }

    #[must_use]
    pub(crate) fn accept(mut self, types: &[&str]) -> Self {
        if let Ok(types) = HeaderValue::from_str(&types.join(", ")) {
            self.headers.push((ACCEPT, types));
        }
        self
    }

    /// From this byte on.
    #[must_use]
    pub(crate) fn from(mut self, first: u64) -> Self {
        if let Ok(range) = HeaderValue::from_str(&format!("bytes={first}-")) {
            self.headers.push((RANGE, range));
        }
        self
    }

    #[must_use]
    pub(crate) fn with(mut self, headers: Vec<(HeaderName, HeaderValue)>, body: &'c dyn Content) -> Self {
        self.headers.extend(headers);
        self.body = Some(body);
        self
    }

    /// Whether it may be sent twice: what reads, and the upload of something that has its name by its content.
    fn may_repeat(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }
}

impl<'a> Registry<'a> {
    fn new(client: &'a Client<'a>, authority: Authority, prefix: String, tls: Option<bool>, auth: Auth) -> Self {
        let trust = authority.trust(client.http.settings());
        // A mirror that is named as plain HTTP was asked for so.
        let trust = if tls == Some(false) && trust == Trust::Certificate { Trust::Insecure } else { trust };
        let tls = if trust == Trust::Certificate { Some(true) } else { tls };
        Self { client, authority, trust, prefix, auth, tls: Mutex::new(tls) }
    }

    /// Its host, for people.
    pub fn host(&self) -> String {
        self.authority.to_string()
    }

    /// Sends a request until there is an answer that counts, which may be a refusal.
    pub(crate) fn call(&self, call: &Call) -> Result<Response, RegistryError> {
        let mut attempt = 1;
        let mut proven = None;
        loop {
            let tls = *self.tls.lock().unwrap_or_else(PoisonError::into_inner);
            let uri = self.address(&call.to, tls.unwrap_or(true))?;
            let own = self.address(&To::Path("/"), tls.unwrap_or(true))?;
            let ours = same_origin(&uri, &own);
            let plain = tls == Some(false);
            let request = self.request(call, uri, ours, plain, proven.clone())?;
            let what = request.asked().to_string();
            let result =
                if call.may_repeat() { self.client.http.follow(request) } else { self.client.http.send(&request) };
            let mut response = match result {
                Err(HttpError { fault, .. }) if tls.is_none() && fault.speaks_of_plain() => {
                    self.set_tls(false);
                    continue;
                }
                Err(error) if attempt < call.attempts && call.may_repeat() && error.fault.is_passing() => {
                    self.pause(attempt);
                    attempt += 1;
                    continue;
                }
                other => other?,
            };
            if tls.is_none() {
                self.set_tls(true);
            }
            self.pass_on_warnings(&response);
            match response.status {
                // Whoever we were sent to is not answered: he would choose who is told our password.
                StatusCode::UNAUTHORIZED if !same_origin(&response.uri, &own) => return Ok(response),
                StatusCode::UNAUTHORIZED if ours && proven.is_none() => {
                    let http = &self.client.http;
                    proven = Some(self.auth.accept(http, &response.headers, call.scope, plain, &what)?);
                }
                StatusCode::UNAUTHORIZED => {
                    let refusal = Refusal::read(&mut response)?;
                    return Err(if refusal.has("DENIED") {
                        RegistryError::Refused { what, refusal }
                    } else {
                        RegistryError::Unauthorized { what, reason: refusal.to_string() }
                    });
                }
                StatusCode::TOO_MANY_REQUESTS => {
                    let after = response.header(RETRY_AFTER.as_str()).and_then(parse_retry_after);
                    match after.filter(|after| *after <= LONGEST_WAIT) {
                        Some(after) if attempt < call.attempts => {
                            self.client.progress.event(Event::Waiting { host: &self.host(), time: after });
                            sleep(after);
                            attempt += 1;
                        }
                        _ => {
                            let refusal = Refusal::read(&mut response)?;
                            return Err(RegistryError::TooMany { what, refusal, after });
                        }
                    }
                }
                status if is_passing(status) && attempt < call.attempts && call.may_repeat() => {
                    self.pause(attempt);
                    attempt += 1;
                }
                _ => return Ok(response),
            }
        }
    }

    /// The same where only a success will do.
    pub(crate) fn need(&self, call: &Call) -> Result<Response, RegistryError> {
        let response = self.call(call)?;
        if response.status.is_success() { Ok(response) } else { Err(refused(response)) }
    }

    fn request<'c>(
        &self,
        call: &Call<'c>,
        uri: Uri,
        ours: bool,
        plain: bool,
        proven: Option<HeaderValue>,
    ) -> Result<Request<'c>, RegistryError> {
        let mut request = Request { method: call.method.clone(), uri, headers: call.headers.clone(), body: call.body };
        if ours {
            let header = match proven {
                Some(header) => Some(header),
                None => self.auth.header(&self.client.http, call.scope, plain, &request.asked().to_string())?,
            };
            request.headers.extend(header.map(|header| (AUTHORIZATION, header)));
        }
        Ok(request)
    }

    fn address(&self, to: &To, tls: bool) -> Result<Uri, RegistryError> {
        match to {
            To::Address(address) => Ok(address.clone()),
            To::Path(path) => {
                let scheme = if tls { "https" } else { "http" };
                let text = format!("{scheme}://{}{}{path}", self.authority, self.prefix);
                text.parse().map_err(|_| RegistryError::Host(text))
            }
        }
    }

    /// Whether a registry may send us to `uri` in the open.
    pub(crate) fn is_plain(&self) -> bool {
        *self.tls.lock().unwrap_or_else(PoisonError::into_inner) == Some(false)
    }

    pub(crate) fn pause(&self, attempt: u32) {
        let factor = 1 << attempt.saturating_sub(1).min(6);
        sleep(self.client.http.surroundings.pause * factor);
    }

    fn set_tls(&self, tls: bool) {
        debug_assert!(tls || self.trust != Trust::Certificate, "in the open to {}", self.authority);
        *self.tls.lock().unwrap_or_else(PoisonError::into_inner) = Some(tls);
    }

    /// `Warning: 299 - "text"` is for people.
    fn pass_on_warnings(&self, response: &Response) {
        for value in response.headers.get_all("warning") {
            let text = value.to_str().ok().and_then(|value| value.strip_prefix(WARNING));
            if let Some(text) = text.map(|text| text.trim_matches('"')).filter(|text| !text.is_empty()) {
                let text = crate::answer::cut(text);
                if self.client.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(text.clone()) {
                    self.client.progress.event(Event::Warning(&text));
                }
            }
        }
    }
}

/// An answer that is a refusal, as an error.
pub(crate) fn refused(mut response: Response) -> RegistryError {
    let what = response.asked.to_string();
    match Refusal::read(&mut response) {
        Ok(refusal) => RegistryError::Refused { what, refusal },
        Err(error) => error.into(),
    }
}

/// What may have gone a moment later.
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 500 | 502 | 503 | 504)
}

/// Seconds, or a date.
pub fn parse_retry_after(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = u64::from_str(text) {
        return Some(Duration::from_secs(seconds));
    }
    let then = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    let seconds = then.as_second().saturating_sub(Timestamp::now().as_second());
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

/// For errors about a request that was answered.
pub(crate) fn asked(method: &Method, uri: &Uri) -> String {
    Asked::new(method, uri).to_string()
}

/// Reads and forgets a short rest, so that the connection can be used again.
pub(crate) fn finish(response: Response) {
    let _ = std::io::copy(&mut response.body.take(4096), &mut std::io::sink());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_seconds_or_a_date() {
        assert_eq!(parse_retry_after(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        let far = parse_retry_after("Wed, 21 Oct 2099 07:28:00 GMT").expect("a date");
        assert!(far > Duration::from_hours(24));
        for text in ["", "-1", "soon", "1.5", "99999999999999999999"] {
            assert_eq!(parse_retry_after(text), None, "{text}");
        }
    }
}
