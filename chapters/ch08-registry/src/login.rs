//! `login`: trying credentials, and keeping what is good.

use crate::auth::Scope;
use crate::credentials::Stored;
use crate::error::RegistryError;
use crate::identity::Credentials;
use crate::registry::{Call, Client, finish};

impl Client<'_> {
    /// Keeps a user's password for the registry of `domain`, if it is the right one. Where the registry gives a token that can
    /// be kept instead, that is kept.
    ///
    /// # Errors
    /// [`RegistryError::Login`] if it is wrong.
    pub fn login(&self, domain: &str, user: &str, password: &str) -> Result<Stored, RegistryError> {
        let given = Credentials::Basic { user: user.into(), password: password.into() };
        let registry = self.registry_as(domain, Some(given.clone()))?;
        match registry.need(&Call::get("/v2/", &Scope::none())) {
            Ok(response) => finish(response),
            // By the registry, or by its token server.
            Err(RegistryError::Unauthorized { what, reason }) => {
                let registrys = what.ends_with("/v2/\"");
                return Err(RegistryError::Login(match what.split('"').nth(1).filter(|_| registrys) {
                    Some(url) => format!("login attempt to {url} failed with status: 401 Unauthorized"),
                    None => format!("{what}: {reason}"),
                }));
            }
            Err(error) => return Err(error),
        }
        let token = registry.auth.lasting(&self.http, registry.is_plain()).ok().flatten();
        let credentials = token.map_or(given, Credentials::Identity);
        Ok(self.store.store(domain, &credentials, user)?)
    }

    /// Forgets who we are there. Whether we knew.
    ///
    /// # Errors
    /// [`RegistryError::Credentials`].
    pub fn logout(&self, domain: &str) -> Result<bool, RegistryError> {
        Ok(self.store.erase(domain)?)
    }
}
