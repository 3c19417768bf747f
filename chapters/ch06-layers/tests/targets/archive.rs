//! Any bytes as a layer, compressed or not: nothing may be touched outside, and what was taken can be packed again.

use std::fs;
use std::path::Path;

use layers::{DataRoot, LayerStore, UnpackLimits, apply_tar, create_tar};

/// More than the inputs are, and little enough to be done a thousand times a second.
const LIMITS: UnpackLimits = UnpackLimits { entries: 200, kept: 1 << 16, bytes: 1 << 20 };

pub(crate) fn archive(bytes: &[u8]) {
    // In memory, and gone afterwards.
    let scratch = tempfile::tempdir_in("/dev/shm").expect("a directory in memory");
    let layer = scratch.path().join("layer");
    fs::create_dir(&layer).expect("a directory in memory");
    let Ok(applied) = apply_tar(bytes, &layer, &LIMITS) else {
        // Or it is compressed, as most images bring it.
        let root = DataRoot::open(&scratch.path().join("outside")).expect("a data root");
        let store = LayerStore::open(&root).expect("a store").with_limits(LIMITS);
        let _ = store.import(bytes);
        return;
    };
    let names = |directory: &Path| fs::read_dir(directory).expect("a directory").flatten().count();
    assert_eq!(names(scratch.path()), 1, "something was made beside the layer");
    let mut packed = Vec::new();
    let Ok(id) = create_tar(&layer, &mut packed) else { return };
    let again = scratch.path().join("again");
    fs::create_dir(&again).expect("a directory in memory");
    let wide = UnpackLimits { entries: u64::MAX, kept: u64::MAX, bytes: u64::MAX };
    let repeated = apply_tar(packed.as_slice(), &again, &wide).expect("what we have packed can be unpacked");
    assert_eq!(repeated.diff_id, id);
    // The root becomes an entry, whether it was one or not.
    let most = 1 + applied.entries * 2048;
    assert!(repeated.entries <= most, "{} entries became {}", applied.entries, repeated.entries);
    let mut twice = Vec::new();
    create_tar(&again, &mut twice).expect("what we have unpacked can be packed");
    assert!(packed == twice, "packed again, it is another archive");
}
