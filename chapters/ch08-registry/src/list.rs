//! What a registry has: tags of a repository, and repositories.

use std::collections::BTreeSet;

use serde::Deserialize;
use ureq::http::Method;
use ureq::http::header::LINK;

use crate::auth::Scope;
use crate::error::RegistryError;
use crate::link::parse_next;
use crate::registry::{Call, Registry, To};
use crate::url::{resolve, same_origin, without_query};

/// Of one answer.
const LARGEST: u64 = 4 * 1024 * 1024;
/// Answers until we believe that it goes on for ever.
const MOST_PAGES: usize = 1000;
/// Of all of them: they are kept in memory.
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// So many at once are asked for.
const PAGE: usize = 1000;

/// One answer: a repository's tags, or a registry's repositories.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Page {
    /// `null` for a repository whose tags are gone.
    tags: Option<Vec<String>>,
    repositories: Option<Vec<String>>,
}

impl Registry<'_> {
    /// The tags of a repository (`library/busybox`), sorted.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn tags(&self, repository: &str) -> Result<Vec<String>, RegistryError> {
        let path = format!("/v2/{repository}/tags/list?n={PAGE}");
        self.list(&path, &Scope::pull(repository), |page| page.tags)
    }

    /// Its repositories, where it tells them.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn catalog(&self) -> Result<Vec<String>, RegistryError> {
        self.list(&format!("/v2/_catalog?n={PAGE}"), &Scope::catalog(), |page| page.repositories)
    }

    fn list(
        &self,
        path: &str,
        scope: &Scope,
        names: impl Fn(Page) -> Option<Vec<String>>,
    ) -> Result<Vec<String>, RegistryError> {
        let mut all = BTreeSet::new();
        let (mut to, mut read) = (To::Path(path), 0);
        for _ in 0..MOST_PAGES {
            let mut response = self.need(&Call { to: to.clone(), ..Call::new(Method::GET, path, scope) })?;
            let what = response.asked.to_string();
            let wrong = |reason: String| RegistryError::Answer { what: what.clone(), reason };
            let bytes = response.bytes(LARGEST)?;
            read += bytes.len();
            if read > MOST_BYTES {
                break;
            }
            let page = serde_json::from_slice(&bytes).map_err(|error| wrong(format!("not a list: {error}")))?;
            let before = all.len();
            all.extend(names(page).unwrap_or_default());
            let Some(next) = response.header(LINK.as_str()).and_then(parse_next) else {
                return Ok(all.into_iter().collect());
            };
            let next = resolve(&response.uri, next).map_err(|error| wrong(error.to_string()))?;
            if !same_origin(&next, &response.uri) || all.len() == before {
                let next = without_query(&next);
                return Err(wrong(format!("its list goes on at {next}, which leads nowhere")));
            }
            to = To::Address(next);
        }
        Err(RegistryError::Answer { what: path.into(), reason: "its list has no end".into() })
    }
}
