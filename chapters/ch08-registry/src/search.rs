//! `search`: docker.io has an index of what there is; of other registries, what they list.
//!
//! <https://docs.docker.com/reference/api/hub/> (the old `/v1/search`, which docker's daemon asks)

use serde::Deserialize;
use ureq::http::{Method, Uri};

use crate::auth::Scope;
use crate::error::RegistryError;
use crate::registry::{Call, Client};
use crate::token::encode;

const LARGEST: u64 = 4 * 1024 * 1024;
const INDEX: &str = "https://index.docker.io/v1/search";

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Found {
    /// `busybox`, `reg.example/team/app`.
    pub name: String,
    /// What its owner says about it.
    pub description: String,
    /// How many like it.
    pub star_count: u64,
    /// Docker stands for it.
    pub is_official: bool,
    /// It was built there.
    pub is_automated: bool,
}

#[derive(Deserialize)]
struct Answer {
    results: Option<Vec<Found>>,
}

impl Client<'_> {
    /// What has `term` in its name, at most `limit` of it.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn search(&self, domain: &str, term: &str, limit: usize) -> Result<Vec<Found>, RegistryError> {
        let registry = self.registry(domain)?;
        if domain != "docker.io" {
            let names = registry.catalog()?.into_iter().filter(|name| name.contains(term)).take(limit);
            return Ok(names.map(|name| Found { name: format!("{domain}/{name}"), ..Found::default() }).collect());
        }
        let text = format!("{INDEX}?{}", encode(&[("q", term), ("n", &limit.to_string())]));
        let address: Uri = text.parse().map_err(|_| RegistryError::Host(text))?;
        let mut response = registry.need(&Call::to(Method::GET, address, &Scope::none()))?;
        let what = response.asked.to_string();
        let answer: Answer = serde_json::from_slice(&response.bytes(LARGEST)?)
            .map_err(|error| RegistryError::Answer { what, reason: format!("not a list: {error}") })?;
        Ok(answer.results.unwrap_or_default().into_iter().take(limit).collect())
    }
}
