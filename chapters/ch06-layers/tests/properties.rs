//! Trees and archives that nobody thought of.

mod common;

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use common::archive::Archive;
use common::listing;
use layers::{UnpackLimits, apply_tar, create_tar};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tar::EntryType;
use testkit::native_test;

/// One step in the making of a tree; those that cannot be done are left out.
#[derive(Debug, Clone)]
enum Step {
    File(String, Vec<u8>, u32),
    Directory(String, u32),
    Link(String, String),
    HardLink(String, String),
    Node(String, u32, u64),
    Attribute(String, Vec<u8>),
    Opaque(String),
}

fn name() -> impl Strategy<Value = String> {
    // Few names, so that they meet; some odd ones, and one that is too long for a header.
    let part = prop_oneof![5 => "[a-d]", 1 => "[a-zé \\\\\"-]{1,12}", 1 => Just("n".repeat(120))];
    prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (name(), prop::collection::vec(any::<u8>(), 0..1500), 0_u32..0o10000).prop_map(|(n, c, m)| Step::File(n, c, m)),
        3 => (name(), 0_u32..0o10000).prop_map(|(n, m)| Step::Directory(n, m)),
        1 => (name(), "[a-z/.]{1,150}").prop_map(|(n, t)| Step::Link(n, t)),
        2 => (name(), name()).prop_map(|(n, t)| Step::HardLink(n, t)),
        1 => (name(), 0_u32..3, 0_u64..2).prop_map(|(n, kind, minor)| Step::Node(n, kind, minor)),
        1 => (name(), prop::collection::vec(any::<u8>(), 0..200)).prop_map(|(n, v)| Step::Attribute(n, v)),
        1 => name().prop_map(Step::Opaque),
    ]
}

fn take(step: &Step, tree: &Path) -> std::io::Result<()> {
    let set = |name: &str, key: &str, value: &[u8]| {
        rustix::fs::lsetxattr(tree.join(name), key, value, rustix::fs::XattrFlags::empty()).map_err(Into::into)
    };
    match step {
        Step::File(name, content, mode) => {
            fs::write(tree.join(name), content)?;
            fs::set_permissions(tree.join(name), fs::Permissions::from_mode(*mode))
        }
        Step::Directory(name, mode) => {
            fs::create_dir_all(tree.join(name))?;
            fs::set_permissions(tree.join(name), fs::Permissions::from_mode(*mode))
        }
        Step::Link(name, target) => symlink(target, tree.join(name)),
        Step::HardLink(name, target) => fs::hard_link(tree.join(target), tree.join(name)),
        Step::Node(name, kind, minor) => {
            let kind = [SFlag::S_IFCHR, SFlag::S_IFBLK, SFlag::S_IFIFO][*kind as usize];
            let number = if kind == SFlag::S_IFIFO { 0 } else { makedev(0, *minor) };
            Ok(mknod(&tree.join(name), kind, Mode::S_IRUSR, number)?)
        }
        Step::Attribute(name, value) => set(name, "trusted.random", value),
        Step::Opaque(name) if tree.join(name).is_dir() => set(name, "trusted.overlay.opaque", b"y"),
        Step::Opaque(_) => Ok(()),
    }
}

/// One entry of a hostile archive. Names and targets meet, lead upwards, and lead through each other.
fn hostile_name() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        6 => "[xyz]", 1 => Just("..".to_owned()), 1 => Just(".".to_owned()), 1 => Just("outside".to_owned()),
        1 => Just("canary".to_owned()), 1 => Just(".wh..wh..opq".to_owned()), 1 => "[xyz]".prop_map(|n| format!(".wh.{n}")),
        1 => Just(String::new()), 1 => Just(".wh...".to_owned()),
    ];
    prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"))
}

fn hostile_entry() -> impl Strategy<Value = (u8, String, String, u64)> {
    let kind = prop_oneof![4 => Just(b'0'), 3 => Just(b'2'), 3 => Just(b'1'), 3 => Just(b'5'), 1 => Just(b'6'), 1 => Just(b'3')];
    let target = prop_oneof![
        2 => hostile_name(), 1 => Just("..".to_owned()), 1 => Just("../outside".to_owned()), 1 => Just("../outside/canary".to_owned()),
        1 => Just("OUTSIDE".to_owned()), 1 => Just("OUTSIDE/canary".to_owned()),
    ];
    (kind, hostile_name(), target, prop_oneof![6 => Just(0_u64), 1 => 1_u64..2000])
}

fn runner() -> TestRunner {
    // No file with the failures of before: the same cases every time tell more in a course.
    TestRunner::new_with_rng(
        Config { cases: 150, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    )
}

native_test! {
    fn any_tree_survives_the_round_trip(host) {
        let (tree, layer) = (host.dir().join("tree"), host.dir().join("layer"));
        let outcome = runner().run(&prop::collection::vec(step(), 0..25), |steps| {
            for directory in [&tree, &layer] {
                // A case that failed has left its own.
                let _ = fs::remove_dir_all(directory);
                fs::create_dir(directory)?;
            }
            for step in &steps {
                // A parent that is missing, or a file in the way.
                let _ = take(step, &tree);
            }
            let mut archive = Vec::new();
            let digest = create_tar(&tree, &mut archive).map_err(|error| TestCaseError::fail(error.to_string()))?;
            let applied = apply_tar(archive.as_slice(), &layer, &UnpackLimits::default())
                .map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(&applied.diff_id, &digest);
            prop_assert_eq!(listing(&tree), listing(&layer));
            let mut again = Vec::new();
            create_tar(&layer, &mut again).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert!(archive == again, "the layer's own archive is another");
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{error}"));
    }

    fn no_archive_changes_what_is_outside(host) {
        let (layer, outside) = (host.dir().join("layer"), host.dir().join("outside"));
        fs::create_dir(&outside).expect("a directory");
        fs::write(outside.join("canary"), "alive").expect("the canary");
        let names = || fs::metadata(outside.join("canary")).map(|file| file.nlink()).ok();
        let look = || format!("{}\n{:?} name", listing(&outside), names());
        let before = look();
        let taken = Cell::new(0);
        let outcome = runner().run(&prop::collection::vec(hostile_entry(), 1..12), |entries| {
            for (kind, name, target, size) in entries {
                let target = target.replace("OUTSIDE", &outside.display().to_string());
                let length = usize::try_from(if kind == b'0' { size } else { 0 }).unwrap_or_default();
                let archive = Archive::new().pax(&[("linkpath", target.as_bytes())]);
                let archive = archive.entry(EntryType::new(kind), &name, "", &vec![b'd'; length], |header| {
                    header.set_mode(0o4777);
                    if size > 1900 {
                        header.set_size(size);
                    }
                });
                // Each entry by itself, into the same layer: one that is refused does not save us from the next.
                taken.set(taken.get() + usize::from(archive.unpack(&layer).is_ok()));
                prop_assert_eq!(look(), before.clone());
            }
            fs::remove_dir_all(&layer)?;
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{error}"));
        // Otherwise this has tried nothing.
        assert!(taken.get() > 200, "only {} entries were taken", taken.get());
    }
}
