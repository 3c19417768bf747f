//! From what a name leads to, to the one image in it that runs here.

use crate::document::{Descriptor, Document, DocumentError, Manifest, verify};
use crate::platform::Platform;

/// How deep an index may be in another. Honest ones are not, or once.
const DEEPEST: usize = 4;

/// The way that was gone.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// Each document with its bytes: indexes, and the manifest as the last one.
    pub documents: Vec<(Descriptor, Vec<u8>)>,
    /// The last one, read.
    pub manifest: Manifest,
}

impl Resolved {
    /// What the name stands for.
    pub fn target(&self) -> &Descriptor {
        &self.documents[0].0
    }

    /// The manifest's.
    pub fn descriptor(&self) -> &Descriptor {
        &self.documents[self.documents.len() - 1].0
    }
}

/// Follows `root` to the manifest for `platform`. Whatever `fetch` gives is checked against its descriptor: a ring of
/// indexes would need a sha256 that contains itself, so that only the depth has to be bounded.
///
/// # Errors
/// [`DocumentError`], and those of `fetch`.
pub fn resolve<E: From<DocumentError>>(
    root: (Descriptor, Vec<u8>),
    platform: &Platform,
    mut fetch: impl FnMut(&Descriptor) -> Result<Vec<u8>, E>,
) -> Result<Resolved, E> {
    verify(&root.0, &root.1)?;
    let mut documents = vec![root];
    loop {
        let (descriptor, bytes) = &documents[documents.len() - 1];
        let index = match Document::parse(bytes, Some(&descriptor.media_type))? {
            Document::Manifest(manifest) => return Ok(Resolved { documents, manifest }),
            Document::Index(index) => index,
        };
        if documents.len() > DEEPEST {
            return Err(DocumentError::Nested(DEEPEST).into());
        }
        let next = index.choose(platform)?.clone();
        if next.size > crate::document::LARGEST_DOCUMENT {
            return Err(DocumentError::TooLarge(next.size).into());
        }
        let bytes = fetch(&next)?;
        verify(&next, &bytes)?;
        documents.push((next, bytes));
    }
}
