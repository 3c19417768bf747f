//! What a disk has done to images is found, and made good where that can be done.

mod common;

use std::fs;

use common::{Stores, made, reference, tar};
use images::{ContainerConfig, ImageConfig};
use layers::Cure;
use testkit::kernel_test;

kernel_test! {
    fn damage_is_found_and_repaired_where_the_bytes_are_kept(host) {
        let stores = Stores::open(host);
        let made = made(&[tar("a", b"a"), tar("b", b"b")]);
        stores.install(&made, &["web"]).expect("an image");
        let config = ImageConfig::new("2024-01-01T00:00:00Z".into(), Vec::new(), ContainerConfig::default());
        let lost = stores.images.put(Some(&reference("lost")), config, None).expect("an image");
        assert_eq!(faults(&stores), [] as [String; 0]);
        let blob = |hex: &str| stores.root.path().join("images/blobs/sha256").join(hex);
        stores.layers.remove(&made.diff_ids[0]).expect("a loss");
        stores.layers.remove(&made.diff_ids[1]).expect("a loss");
        fs::write(blob(made.blobs[1].0.digest.hex()), "x").expect("damage");
        fs::write(blob(lost.id.trim_start_matches("sha256:")), "{}").expect("damage");
        let found = faults(&stores);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found[0].contains("its bytes have another digest (removed)"), "{found:?}");
        assert!(found[1].contains("its configuration is damaged (by hand)"), "{found:?}");
        assert_eq!(found.iter().filter(|fault| fault.contains("is not there (unpacked)")).count(), 1, "{found:?}");
        assert_eq!(found.iter().filter(|fault| fault.contains("is not there (by hand)")).count(), 1, "{found:?}");
        stores.layers.get(&made.diff_ids[0]).expect("unpacked again");
        assert_eq!(faults(&stores).len(), 2);
        // A pull brings the rest.
        stores.install(&made, &["web"]).expect("an image");
        assert_eq!(faults(&stores).len(), 1);
    }
}

/// What is wrong, and what becomes of it.
fn faults(stores: &Stores) -> Vec<String> {
    let faults = stores.images.check(&stores.layers).expect("a check");
    let said = faults.iter().map(|fault| {
        let repaired = fault.repair(&stores.root).expect("a repair");
        let cure = match &fault.cure {
            Cure::Remove(_) => "removed",
            Cure::Unpack(..) => "unpacked",
            Cure::ByHand(_) => "by hand",
        };
        assert_eq!(repaired, cure != "by hand");
        format!("{} {} ({cure})", fault.object, fault.text)
    });
    said.collect()
}
