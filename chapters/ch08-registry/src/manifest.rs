//! Indexes, manifests and small blobs: asked for by name or by digest, held in memory, and always compared.

use images::{Descriptor, Digest, LARGEST_DOCUMENT, media};
use ureq::http::Method;
use ureq::http::header::{CONTENT_LENGTH, CONTENT_TYPE};

use crate::auth::Scope;
use crate::error::RegistryError;
use crate::registry::{Call, Registry, finish, refused};

const DIGEST: &str = "docker-content-digest";

impl Registry<'_> {
    /// What a tag or digest of a repository stands for, without reading it. `None` where a registry does not say, or not to
    /// this question: then the manifest itself has to be read, or tells why not.
    pub(crate) fn head(&self, repository: &str, name: &str) -> Result<Option<Descriptor>, RegistryError> {
        let path = format!("/v2/{repository}/manifests/{name}");
        let scope = Scope::pull(repository);
        let response = self.call(&Call::new(Method::HEAD, &path, &scope).accept(&media::ACCEPT))?;
        if !response.status.is_success() {
            return Ok(None);
        }
        let digest = response.header(DIGEST).and_then(|digest| digest.parse().ok());
        let size = response.header(CONTENT_LENGTH.as_str()).and_then(|size| size.parse().ok()).unwrap_or_default();
        let kind = response.header(CONTENT_TYPE.as_str()).map(plain_type).unwrap_or_default();
        Ok(digest.map(|digest| Descriptor::new(kind, digest, size)))
    }

    /// The manifest or index of this name. What it is called afterwards is what its bytes are.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn document(&self, repository: &str, name: &str) -> Result<(Descriptor, Vec<u8>), RegistryError> {
        let path = format!("/v2/{repository}/manifests/{name}");
        let scope = Scope::pull(repository);
        let mut response = self.need(&Call::get(&path, &scope).accept(&media::ACCEPT))?;
        let bytes = response.bytes(LARGEST_DOCUMENT)?;
        let kind = response.header(CONTENT_TYPE.as_str()).map(plain_type).unwrap_or_default();
        let kind = if kind == "application/json" || kind == "text/plain" { "" } else { kind };
        let descriptor = Descriptor::of(kind, &bytes);
        if let Ok(asked) = name.parse::<Digest>()
            && asked != descriptor.digest
        {
            let reason = format!("it is not what was asked for: its digest is {}", descriptor.digest);
            return Err(RegistryError::Answer { what: response.asked.to_string(), reason });
        }
        Ok((descriptor, bytes))
    }

    /// A configuration.
    pub(crate) fn small_blob(&self, repository: &str, descriptor: &Descriptor) -> Result<Vec<u8>, RegistryError> {
        let path = format!("/v2/{repository}/blobs/{}", descriptor.digest);
        let scope = Scope::pull(repository);
        let mut response = self.need(&Call::get(&path, &scope))?;
        Ok(response.bytes(descriptor.size.min(LARGEST_DOCUMENT))?)
    }

    /// Whether a blob is there.
    pub(crate) fn has_blob(&self, repository: &str, digest: &Digest, scope: &Scope) -> Result<bool, RegistryError> {
        let path = format!("/v2/{repository}/blobs/{digest}");
        let response = self.call(&Call::new(Method::HEAD, &path, scope))?;
        match response.status.as_u16() {
            200 => Ok(true),
            404 => Ok(false),
            _ => Err(refused(response)),
        }
    }

    /// Whether the registry says, when asked once, that the blob is there as large as it must be. A page that somebody else puts
    /// before all answers is not that.
    pub(crate) fn has_whole_blob(&self, repository: &str, blob: &Descriptor) -> Result<bool, RegistryError> {
        let path = format!("/v2/{repository}/blobs/{}", blob.digest);
        let response = self.call(&Call::new(Method::HEAD, &path, &Scope::pull(repository)).once())?;
        match response.status.as_u16() {
            200 => Ok(response.header("content-length").and_then(|text| text.parse().ok()) == Some(blob.size)),
            404 => Ok(false),
            _ => Err(refused(response)),
        }
    }

    /// Gives a manifest a name there. What it is called there.
    pub(crate) fn put_document(
        &self,
        repository: &str,
        name: &str,
        descriptor: &Descriptor,
        bytes: &[u8],
        scope: &Scope,
    ) -> Result<(), RegistryError> {
        let path = format!("/v2/{repository}/manifests/{name}");
        let kind = descriptor.media_type.parse().map(|kind| vec![(CONTENT_TYPE, kind)]).unwrap_or_default();
        let response = self.need(&Call::new(Method::PUT, &path, scope).with(kind, &bytes))?;
        let what = response.asked.to_string();
        match response.header(DIGEST).map(str::parse::<Digest>) {
            Some(Ok(digest)) if digest != descriptor.digest => {
                let reason = format!("the registry has something else: {digest} instead of {}", descriptor.digest);
                Err(RegistryError::Answer { what, reason })
            }
            _ => {
                finish(response);
                Ok(())
            }
        }
    }
}

/// Without parameters.
fn plain_type(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}
