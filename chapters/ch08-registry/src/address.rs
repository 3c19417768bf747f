//! What is anywhere on the web: an archive that somebody wants to import.

use std::io::Read;

use ureq::http::{Method, StatusCode, Uri};

use crate::error::RegistryError;
use crate::http::Request;
use crate::registry::{Client, refused};
use crate::url::authority_of;

impl Client<'_> {
    /// The bytes at `address`, as they come. Nobody there is told who we are.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn read_address(&self, address: &str) -> Result<impl Read + Send + use<>, RegistryError> {
        // What stands before an @ may be a password, and is not shown.
        let shown = address.rsplit('@').next().unwrap_or_default();
        let wrong = || RegistryError::Answer { what: shown.into(), reason: "no address on the web".into() };
        let uri: Uri = address.parse().map_err(|_| wrong())?;
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(RegistryError::User(uri.host().unwrap_or_default().into()));
        }
        authority_of(&uri).ok_or_else(wrong)?;
        let response = self.http.follow(Request::new(Method::GET, uri))?;
        if response.status == StatusCode::OK { Ok(response.body) } else { Err(refused(response)) }
    }
}
