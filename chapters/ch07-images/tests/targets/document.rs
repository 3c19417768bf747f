//! Any bytes as an index or a manifest: what is taken says what it is, chooses without a panic, and is read again as it was.

use images::{Document, Platform};

pub(crate) fn document(bytes: &[u8]) {
    let Ok(document) = Document::parse(bytes, None) else { return };
    let written = match &document {
        Document::Index(index) => {
            if let Ok(chosen) = index.choose(&Platform::host()) {
                assert!(chosen.platform.as_ref().is_none_or(|platform| platform.os != "unknown"));
            }
            serde_json::to_vec(index)
        }
        Document::Manifest(manifest) => serde_json::to_vec(manifest),
    };
    let written = written.expect("it can be written");
    let again = Document::parse(&written, Some(document.media_type())).expect("what we write can be read");
    let rewritten = match &again {
        Document::Index(index) => serde_json::to_vec(index),
        Document::Manifest(manifest) => serde_json::to_vec(manifest),
    };
    assert_eq!(rewritten.expect("twice"), written);
}
