//! Who we are at one registry: the answer to its challenge, kept for as long as it is good.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use ureq::http::Uri;
use ureq::http::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};

use crate::challenge::{Challenge, parse_challenges};
use crate::credentials::CredentialStore;
use crate::error::RegistryError;
use crate::host::Trust;
use crate::http::Http;
use crate::identity::Credentials;
use crate::token::{self, Token};
use crate::url::authority_of;

/// What a request is about, in the words of token servers: `repository:alice/web:pull`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Scope(Vec<String>);

impl Scope {
    /// Nothing in particular.
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn pull(repository: &str) -> Self {
        Self(vec![format!("repository:{repository}:pull")])
    }

    /// To `repository`, and from `other`, whose layers may be used.
    pub(crate) fn push(repository: &str, other: Option<&str>) -> Self {
        let mut scopes = vec![format!("repository:{repository}:pull,push")];
        scopes.extend(other.map(|other| format!("repository:{other}:pull")));
        Self(scopes)
    }

    /// What there is.
    pub(crate) fn catalog() -> Self {
        Self(vec!["registry:catalog:*".into()])
    }
}

/// What is known about one registry's ways.
#[derive(Debug)]
pub(crate) struct Auth {
    domain: String,
    store: CredentialStore,
    credentials: OnceLock<Option<Credentials>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    challenge: Option<Challenge>,
    tokens: HashMap<Scope, Token>,
}

impl Auth {
    pub(crate) fn new(domain: &str, store: CredentialStore) -> Self {
        Self { domain: domain.into(), store, credentials: OnceLock::new(), state: Mutex::default() }
    }

    /// With these, and no others.
    pub(crate) fn with(domain: &str, store: CredentialStore, credentials: Option<Credentials>) -> Self {
        Self { credentials: OnceLock::from(credentials), ..Self::new(domain, store) }
    }

    /// What to say without being asked: what was good before, or what the same challenge needs for another scope.
    pub(crate) fn header(
        &self,
        http: &Http,
        scope: &Scope,
        plain: bool,
        what: &str,
    ) -> Result<Option<HeaderValue>, RegistryError> {
        let challenge = self.state().challenge.clone();
        challenge.map(|challenge| self.answer(http, &challenge, scope, plain, what)).transpose()
    }

    /// The answer to the challenges of a response. What was good before is forgotten: it was not.
    pub(crate) fn accept(
        &self,
        http: &Http,
        headers: &HeaderMap,
        scope: &Scope,
        plain: bool,
        what: &str,
    ) -> Result<HeaderValue, RegistryError> {
        let headers = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let challenges: Vec<Challenge> = headers.flat_map(parse_challenges).collect();
        let of = |scheme| challenges.iter().find(|challenge| challenge.scheme == scheme);
        let Some(challenge) = of("bearer").or_else(|| of("basic")) else {
            let reason = "it does not say how to prove who we are (by Bearer or Basic)".into();
            return Err(RegistryError::Unauthorized { what: what.into(), reason });
        };
        self.state().tokens.remove(scope);
        let header = self.answer(http, challenge, scope, plain, what)?;
        self.state().challenge = Some(challenge.clone());
        Ok(header)
    }

    fn answer(
        &self,
        http: &Http,
        challenge: &Challenge,
        scope: &Scope,
        plain: bool,
        what: &str,
    ) -> Result<HeaderValue, RegistryError> {
        if challenge.scheme == "basic" {
            return match self.credentials()? {
                Some(Credentials::Basic { user, password }) => token::basic(&user, &password),
                _ => None,
            }
            .ok_or_else(|| RegistryError::NoCredentials { what: what.into() });
        }
        if let Some(token) = self.state().tokens.get(scope).filter(|token| token.is_fresh()) {
            return Ok(token.header.clone());
        }
        let token = self.fetch(http, challenge, scope, plain, false)?;
        let header = token.header.clone();
        self.state().tokens.insert(scope.clone(), token);
        Ok(header)
    }

    /// What can be kept instead of a password, from a token server that has such a thing.
    pub(crate) fn lasting(&self, http: &Http, plain: bool) -> Result<Option<String>, RegistryError> {
        let challenge = self.state().challenge.clone();
        match challenge.filter(|challenge| challenge.scheme == "bearer") {
            Some(challenge) => Ok(self.fetch(http, &challenge, &Scope::none(), plain, true)?.refresh),
            None => Ok(None),
        }
    }

    /// A new token.
    fn fetch(
        &self,
        http: &Http,
        challenge: &Challenge,
        scope: &Scope,
        plain: bool,
        keep: bool,
    ) -> Result<Token, RegistryError> {
        let credentials = self.credentials()?;
        if let Some(Credentials::Registry(token)) = &credentials {
            return Token::given(token).ok_or_else(|| self.no_realm("the token that is kept is none"));
        }
        let realm = self.realm(http, challenge, plain)?;
        let mut scopes = scope.0.clone();
        // What the registry wants to see, if that is more.
        if let Some(wanted) = challenge.get("scope") {
            for wanted in wanted.split(' ').filter(|wanted| !wanted.is_empty()) {
                if !scopes.iter().any(|own| covers(own, wanted)) {
                    scopes.push(wanted.into());
                }
            }
        }
        token::fetch(http, challenge, credentials.as_ref(), &scopes, keep, realm)
    }

    /// Where tokens are. A password goes there: not in the open, unless the registry was declared to be like that.
    fn realm(&self, http: &Http, challenge: &Challenge, plain: bool) -> Result<Uri, RegistryError> {
        let realm = challenge.get("realm").unwrap_or_default();
        let uri: Uri = realm.parse().map_err(|_| self.no_realm("its challenge has no address of a token server"))?;
        let authority = authority_of(&uri).ok_or_else(|| self.no_realm("its token server has no address"))?;
        match uri.scheme_str() {
            Some("https") => Ok(uri),
            Some("http") if plain && authority.trust(http.settings()) != Trust::Certificate => Ok(uri),
            Some("http") => Err(self.no_realm("its token server is not encrypted")),
            _ => Err(self.no_realm("its token server is not on the web")),
        }
    }

    fn no_realm(&self, reason: &str) -> RegistryError {
        RegistryError::Answer { what: self.domain.clone(), reason: reason.into() }
    }

    fn credentials(&self) -> Result<Option<Credentials>, RegistryError> {
        if let Some(known) = self.credentials.get() {
            return Ok(known.clone());
        }
        let found = self.store.get(&self.domain)?;
        Ok(self.credentials.get_or_init(|| found).clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether `own` asks for all that `wanted` does. Registries write the actions in any order.
fn covers(own: &str, wanted: &str) -> bool {
    match (own.rsplit_once(':'), wanted.rsplit_once(':')) {
        (Some((own, may)), Some((name, actions))) => {
            own == name && actions.split(',').all(|action| may.split(',').any(|own| own == action))
        }
        _ => own == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_already_is_not_asked_for_twice() {
        let own = "repository:a/b:pull,push";
        for wanted in ["repository:a/b:pull", "repository:a/b:push,pull", own] {
            assert!(covers(own, wanted), "{wanted}");
        }
        for wanted in
            ["repository:a/b:delete", "repository:a:pull", "registry:catalog:*", "", "pull", "repository:a/b:"]
        {
            assert!(!covers(own, wanted), "{wanted}");
        }
    }
}
