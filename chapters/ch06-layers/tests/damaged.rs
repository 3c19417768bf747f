//! Bytes that are no archive, or were one once: an error or a layer, never a panic, and nothing outside.

mod common;

use std::fs;
use std::path::Path;

use common::archive::Archive;
use common::{listing, tree};
use layers::{UnpackLimits, apply_tar};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tar::{EntryType, Header};
use testkit::native_test;

const BLOCK: usize = 512;
/// Nothing here is large, so that a damaged size is not either.
const LIMITS: UnpackLimits = UnpackLimits { entries: 100, kept: 1 << 20, bytes: 1 << 20 };

fn runner(cases: u32) -> TestRunner {
    TestRunner::new_with_rng(
        Config { cases, failure_persistence: None, ..Config::default() },
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    )
}

/// An archive of every kind of entry. Its first block is a header, and so are many others.
fn archive() -> Vec<u8> {
    Archive::new()
        .directory("etc/")
        .file("etc/motd", "hello")
        .symlink("etc/link", "../../outside/canary")
        .hard_link("etc/again", "etc/motd")
        .pax(&[("path", b"a/name/from/an/extension"), ("SCHILY.xattr.user.a", b"b"), ("mtime", b"1.5"), ("uid", b"5")])
        .file("short", &"content ".repeat(100))
        .fifo("fifo")
        .device("null", EntryType::Char, 1, 3)
        .file("etc/.wh.gone", "")
        .file("etc/.wh..wh..opq", "")
        .bytes()
}

/// Makes the checksums of all blocks right again, as an attacker would: without, nearly all damage ends there.
fn mend(bytes: &mut [u8]) {
    for block in bytes.chunks_exact_mut(BLOCK).filter(|block| block.iter().any(|byte| *byte != 0)) {
        let mut header = Header::new_old();
        header.as_mut_bytes().copy_from_slice(block);
        header.set_cksum();
        block[148..156].copy_from_slice(&header.as_bytes()[148..156]);
    }
}

/// Unpacks it, whatever comes of it. Returns whether a layer came of it.
fn attempt(bytes: &[u8], layer: &Path) -> bool {
    let _ = fs::remove_dir_all(layer);
    fs::create_dir(layer).expect("a directory");
    apply_tar(bytes, layer, &LIMITS).is_ok()
}

native_test! {
    fn damaged_archives_do_no_damage(host) {
        let outside = tree(host.dir(), "outside", &[("canary", "alive")]);
        let (layer, before) = (host.dir().join("layer"), listing(&outside));
        let whole = archive();
        assert!(attempt(&whole, &layer), "undamaged, it is a layer");
        let damage = prop::collection::vec((0..whole.len(), any::<u8>()), 1..8);
        let mut taken = 0;
        let outcome = runner(400).run(&(damage, any::<bool>(), 0..whole.len()), |(damage, mended, cut)| {
            let mut bytes = whole.clone();
            for (at, value) in damage {
                bytes[at] = value;
            }
            if mended {
                mend(&mut bytes);
            } else if cut % 4 == 0 {
                bytes.truncate(cut);
            }
            attempt(&bytes, &layer);
            prop_assert_eq!(listing(&outside), before.clone());
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{error}"));
        // Once more, to see that the damage is not all that is ever found.
        for at in (0..whole.len()).step_by(97) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            mend(&mut bytes);
            taken += usize::from(attempt(&bytes, &layer));
        }
        assert!(taken > 10, "only {taken} damaged archives got far enough to be interesting");
    }

    fn noise_is_not_an_archive(host) {
        let layer = host.dir().join("layer");
        let outcome = runner(100).run(&prop::collection::vec(any::<u8>(), BLOCK..4 * BLOCK), |bytes| {
            // A zero block is an empty archive; noise has none.
            prop_assert!(!attempt(&bytes, &layer));
            prop_assert_eq!(fs::read_dir(&layer)?.count(), 0);
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{error}"));
    }
}
