//! Any bytes as an archive of images: loaded whole or refused, and nothing is left or written elsewhere.

use images::ImageStore;
use layers::{DataRoot, LayerStore, UnpackLimits};

pub(crate) fn layout(bytes: &[u8]) {
    let scratch = tempfile::tempdir().expect("a directory");
    let root = DataRoot::open(&scratch.path().join("data")).expect("a data root");
    let images = ImageStore::open(&root).expect("a store");
    let limits = UnpackLimits { entries: 1000, kept: 1 << 20, bytes: 16 << 20 };
    let layers = LayerStore::open(&root).expect("a store").with_limits(limits);
    let loaded = images.load_archive(&layers, bytes, None);
    let list = images.list().expect("what is there can be listed");
    assert_eq!(list.is_empty(), loaded.is_err());
    for known in list {
        images.confirm(&known.image, &layers).expect("all of its layers");
    }
    assert_eq!(root.rubbish().expect("a look").len(), 0);
    assert_eq!(std::fs::read_dir(scratch.path()).expect("a directory").count(), 1);
}
