//! Any bytes as a bundle's `config.json`: what is taken, we write and take again as it was.

use std::path::Path;

use runtime::spec::Bundle;

pub(crate) fn bundle(bytes: &[u8]) {
    let path = Path::new("/bundle/config.json");
    let Ok(bundle) = Bundle::from_json(path, bytes) else { return };
    let written = serde_json::to_vec(&bundle.spec).expect("a specification can be written");
    let again = Bundle::from_json(path, &written).expect("what we write can be read");
    assert_eq!(again.spec, bundle.spec);
}
