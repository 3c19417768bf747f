//! What is anywhere on the web: an archive that somebody wants to import.

use std::io::Read;

use ureq::http::{Method, StatusCode, Uri};

use crate::error::RegistryError;
use crate::http::Request;
use crate::registry::{Client, refused};

impl Client<'_> {
    /// The bytes at `address`, as they come. Nobody there is told who we are.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn read_address(&self, address: &str) -> Result<impl Read + Send + use<>, RegistryError> {
        let wrong = |_| RegistryError::Answer { what: address.into(), reason: "no address on the web".into() };
        let uri: Uri = address.parse().map_err(wrong)?;
        let response = self.http.follow(Request::new(Method::GET, uri))?;
        if response.status == StatusCode::OK { Ok(response.body) } else { Err(refused(response)) }
    }
}
