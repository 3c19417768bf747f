//! Directories that say whether their maker lives.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use layers::Held;

#[test]
fn what_is_held_cannot_be_taken_and_what_nobody_holds_can() {
    let here = tempfile::tempdir().expect("a directory");
    let path = here.path().join("a");
    let held = Held::create(&path).expect("a directory");
    assert_eq!(fs::metadata(&path).expect("it").permissions().mode() & 0o7777, 0o700);
    assert!(Held::take(&path).expect("a look").is_none(), "its maker lives");
    Held::create(&path).expect_err("it is there");
    // As the kernel does when the maker is killed.
    drop(held);
    let taken = Held::take(&path).expect("a look").expect("nobody holds it");
    assert!(Held::take(&path).expect("a look").is_none(), "now we do");
    fs::create_dir_all(path.join("deep/down")).expect("a directory");
    taken.remove().expect("a removal");
    assert!(!path.exists());
    assert!(Held::take(&path).expect("a look").is_none(), "there is nothing to take");
}

/// The instant between two calls of its maker.
#[test]
fn a_directory_that_was_made_and_never_locked_can_be_taken() {
    let here = tempfile::tempdir().expect("a directory");
    let path = here.path().join("a");
    fs::create_dir(&path).expect("a directory");
    assert!(Held::take(&path).expect("a look").is_some());
    fs::write(here.path().join("file"), "").expect("a file");
    assert!(Held::take(&here.path().join("file")).expect("a look").is_none(), "a file is nobody's directory");
}

/// Every new directory looks abandoned for an instant. Whoever cleans up then must not take it away from its maker.
#[test]
fn makers_get_their_directory_however_eagerly_somebody_cleans_up() {
    let here = tempfile::tempdir().expect("a directory");
    let (here, tmp, done) = (here.path().join("here"), here.path().join("tmp"), AtomicBool::new(false));
    fs::create_dir(&here).expect("a directory");
    fs::create_dir(&tmp).expect("a directory");
    thread::scope(|scope| {
        let cleaner = scope.spawn(|| {
            let mut taken = 0;
            while !done.load(Ordering::Relaxed) {
                for entry in fs::read_dir(&here).expect("a directory").flatten() {
                    if let Some(held) = Held::take(&entry.path()).expect("a look") {
                        held.remove().expect("a removal");
                        taken += 1;
                    }
                }
            }
            taken
        });
        let makers: Vec<_> = (0..2)
            .map(|maker| {
                let here = &here;
                scope.spawn(move || {
                    for number in 0..2000 {
                        let path = here.join(format!("{maker}-{number}"));
                        let held = Held::create(&path).expect("a directory");
                        assert!(path.is_dir(), "{} was taken away", path.display());
                        held.remove().expect("a removal");
                    }
                })
            })
            .collect();
        for maker in makers {
            maker.join().expect("a maker");
        }
        done.store(true, Ordering::Relaxed);
        cleaner.join().expect("the cleaner");
    });
    assert_eq!(fs::read_dir(&here).expect("a directory").count(), 0);
}
