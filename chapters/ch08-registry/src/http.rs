//! Requests, one at a time: a connection pool for each host, with that host's certificates, proxy and addresses. What an
//! answer with a status of its own means is not decided here.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ureq::config::Config;
use ureq::http::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, LOCATION};
use ureq::http::{Method, StatusCode, Uri};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver as UreqResolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, BodyReader, Proxy, SendBody};

use crate::dns::Resolver;
use crate::fault::{Asked, Fault, HttpError, from_io};
use crate::host::{Authority, Trust};
use crate::proxy::Proxies;
use crate::settings::Settings;
use crate::tls;
use crate::url::{authority_of, resolve, same_origin, without_query};

/// Who we say that we are.
const USER_AGENT: &str = concat!("mini-docker/", env!("CARGO_PKG_VERSION"));
const MOST_REDIRECTS: usize = 5;

/// What a client is told about the world.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// What the administrator says.
    pub settings: Settings,
    /// Proxies.
    pub proxies: Proxies,
    /// Docker's directory of certificates.
    pub certificates: PathBuf,
    /// How long it may take to get a connection.
    pub connect: Duration,
    /// How long nothing may come.
    pub idle: Duration,
    /// The first pause before something is tried again; each is twice the one before.
    pub pause: Duration,
    /// What of a layer goes in one piece.
    pub chunk: u64,
}

impl Surroundings {
    /// Those of this machine, and of the command's environment.
    ///
    /// # Errors
    /// [`SettingsError`](crate::SettingsError).
    pub fn read() -> Result<Self, crate::settings::SettingsError> {
        Ok(Self {
            settings: Settings::read(Settings::PATH.as_ref())?,
            proxies: Proxies::read(|name| std::env::var(name).ok()),
            certificates: tls::DIRECTORY.into(),
            connect: Duration::from_secs(15),
            idle: Duration::from_mins(1),
            pause: Duration::from_millis(250),
            chunk: 32 * 1024 * 1024,
        })
    }
}

/// One request. A body can be read again from its start, for a request that is sent again.
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Option<&'a dyn Content>,
}

impl Request<'_> {
    pub(crate) fn new(method: Method, uri: Uri) -> Self {
        Self { method, uri, headers: Vec::new(), body: None }
    }

    pub(crate) fn asked(&self) -> Asked {
        Asked::new(&self.method, &self.uri)
    }
}

/// The body of a request.
pub(crate) trait Content {
    fn length(&self) -> u64;
    fn open(&self) -> io::Result<Box<dyn Read + '_>>;
}

impl Content for &[u8] {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(*self))
    }
}

/// An answer; its body is still on its way.
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: BodyReader<'static>,
    /// What was asked last: after redirects not what was asked first.
    pub(crate) uri: Uri,
    pub(crate) asked: Asked,
}

impl Response {
    /// A header that is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The whole body, if it has at most `limit` bytes.
    pub(crate) fn bytes(&mut self, limit: u64) -> Result<Vec<u8>, HttpError> {
        let mut bytes = Vec::new();
        let read = self.body.by_ref().take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|error| self.asked.failed(from_io(error)))?;
        if bytes.len() as u64 > limit {
            return Err(self.asked.failed(Fault::TooLong(limit)));
        }
        Ok(bytes)
    }
}

/// Sends requests.
pub(crate) struct Http {
    pub(crate) surroundings: Surroundings,
    resolver: Arc<Resolver>,
    agents: Mutex<HashMap<(Authority, bool), Agent>>,
}

impl fmt::Debug for Http {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Http").field("surroundings", &self.surroundings).finish_non_exhaustive()
    }
}

impl Http {
    pub(crate) fn new(surroundings: Surroundings) -> Self {
        Self { surroundings, resolver: Arc::default(), agents: Mutex::default() }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.surroundings.settings
    }

    /// One request and its answer, whatever that is.
    pub(crate) fn send(&self, request: &Request) -> Result<Response, HttpError> {
        let asked = request.asked();
        let agent = self.agent(&request.uri, &asked)?;
        let mut message = ureq::http::Request::builder().method(request.method.clone()).uri(request.uri.clone());
        for (name, value) in &request.headers {
            message = message.header(name, value);
        }
        let failed = |error: ureq::Error| asked.failed(error);
        let answer = match request.body {
            Some(content) => {
                let mut reader = content.open().map_err(|error| asked.failed(Fault::Io(error)))?;
                let message = message.header(CONTENT_LENGTH, content.length()).body(SendBody::from_reader(&mut reader));
                agent.run(message.map_err(|error| failed(error.into()))?)
            }
            None => agent.run(message.body(()).map_err(|error| failed(error.into()))?),
        };
        let (parts, body) = answer.map_err(failed)?.into_parts();
        let body = body.into_with_config().limit(u64::MAX).reader();
        Ok(Response { status: parts.status, headers: parts.headers, body, uri: request.uri.clone(), asked })
    }

    /// The same for what is only read, and goes where a server sends us. Secrets go to nobody but whom they are for, and
    /// from an encrypted connection the way never leads to an open one.
    pub(crate) fn follow(&self, mut request: Request) -> Result<Response, HttpError> {
        let first = request.uri.clone();
        for _ in 0..=MOST_REDIRECTS {
            let response = self.send(&request)?;
            let location = match response.status {
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => response.header(LOCATION.as_str()),
                _ => None,
            };
            let Some(location) = location else { return Ok(response) };
            let to = resolve(&request.uri, location).map_err(|error| response.asked.failed(error))?;
            let plain = to.scheme_str() == Some("http");
            if plain && (request.uri.scheme_str() == Some("https") || !self.may_be_plain(&to)) {
                let reason = "it is not encrypted";
                return Err(response.asked.failed(Fault::Redirect { to: without_query(&to), reason }));
            }
            request = redirected(request, &first, to);
        }
        let to = without_query(&request.uri);
        Err(request.asked().failed(Fault::Redirect { to, reason: "this is one time too often" }))
    }

    fn may_be_plain(&self, uri: &Uri) -> bool {
        authority_of(uri).is_some_and(|authority| authority.trust(self.settings()) != Trust::Certificate)
    }

    /// Whether who answers there proves that the name is his.
    pub(crate) fn has_to_prove(&self, uri: &Uri) -> bool {
        uri.scheme_str() == Some("https")
            && authority_of(uri).is_some_and(|authority| authority.trust(self.settings()) == Trust::Certificate)
    }

    fn agent(&self, uri: &Uri, asked: &Asked) -> Result<Agent, HttpError> {
        let wrong = || asked.failed(Fault::Protocol("no address of a host".into()));
        let authority = authority_of(uri).ok_or_else(wrong)?;
        let tls = uri.scheme_str() == Some("https");
        let key = (authority, tls);
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = agents.get(&key) {
            return Ok(agent.clone());
        }
        let agent = self.new_agent(&key.0, tls).map_err(|fault| asked.failed(fault))?;
        agents.insert(key, agent.clone());
        Ok(agent)
    }

    fn new_agent(&self, authority: &Authority, tls: bool) -> Result<Agent, Fault> {
        let Surroundings { proxies, certificates, connect, idle, .. } = &self.surroundings;
        let proxy = proxies.for_host(tls, authority.host(), authority.port(tls)).map(Proxy::new).transpose()?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(USER_AGENT)
            .proxy(proxy)
            .timeout_resolve(Some(*connect))
            .timeout_connect(Some(*connect))
            .timeout_per_read(Some(*idle))
            .timeout_per_write(Some(*idle))
            // Headers, that is: one letter at a time, or one "continue" after the other, they would never end.
            .timeout_recv_response(Some(*idle * 2))
            .max_response_header_size(64 * 1024);
        let config = if tls {
            config.tls_config(tls::config(certificates, authority, authority.trust(self.settings()))?)
        } else {
            config
        };
        let addresses = Addresses { resolver: Arc::clone(&self.resolver) };
        Ok(Agent::with_parts(config.build(), DefaultConnector::default(), addresses))
    }
}

/// The next request, when the answer to one says that it is to be sent `to` somewhere else. `first` was asked first.
// ANCHOR: redirected
fn redirected<'a>(mut request: Request<'a>, first: &Uri, to: Uri) -> Request<'a> {
    // ANCHOR: ex_redirect
    if !same_origin(first, &to) {
        request.headers.retain(|(name, _)| name != AUTHORIZATION);
    }
    request.uri = to;
    request
    // ANCHOR_END: ex_redirect
}
// ANCHOR_END: redirected

/// What is dialled for a host.
struct Addresses {
    resolver: Arc<Resolver>,
}

impl fmt::Debug for Addresses {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Addresses").finish_non_exhaustive()
    }
}

impl UreqResolver for Addresses {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let authority = authority_of(uri).or_else(|| proxy_of(uri)).ok_or(ureq::Error::HostNotFound)?;
        let port = authority.port(uri.scheme_str() == Some("https"));
        // Exactly what is written; the files and servers that could say otherwise are not asked.
        let addresses = match authority.loopback() {
            Some(addresses) => addresses,
            None => self.resolver.lookup(authority.host()).map_err(|error| ureq::Error::Other(Box::new(error)))?,
        };
        let mut found = self.empty();
        for address in addresses.into_iter().take(16) {
            found.push(SocketAddr::new(address, port));
        }
        Ok(found)
    }
}

/// A proxy may have a user in its address.
fn proxy_of(uri: &Uri) -> Option<Authority> {
    Authority::parse(uri.authority()?.as_str().rsplit('@').next()?)
}
