//! The cache of compiled filters: a second start finds the program, and nobody else can leave one there.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use confinement::{Capabilities, Filter, Seccomp, SeccompProfile};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, chown, mkfifo};
use testkit::kernel_test;

fn docker() -> Seccomp {
    SeccompProfile::docker_default().resolve(&Capabilities::docker_default())
}

/// The file that the first use leaves.
fn first_use(directory: &Path) -> PathBuf {
    let first = Filter::cached(&docker(), directory).expect("a filter");
    assert!(!first.is_from_cache());
    let files: Vec<PathBuf> =
        fs::read_dir(directory).expect("the cache").map(|entry| entry.expect("a file").path()).collect();
    let [file] = files.as_slice() else { panic!("one file, not {files:?}") };
    file.clone()
}

/// Whether `spoil` makes the cache compile again, and right.
fn is_distrusted(directory: &Path, spoil: impl FnOnce(&Path)) -> bool {
    let file = first_use(directory);
    spoil(&file);
    let filter = Filter::cached(&docker(), directory).expect("a filter");
    assert_eq!(filter.instructions(), Filter::compile(&docker()).expect("a filter").instructions());
    let again = Filter::cached(&docker(), directory).expect("a filter");
    let _ = fs::remove_dir_all(directory);
    !filter.is_from_cache() && again.is_from_cache()
}

kernel_test! {
    fn the_second_time_nothing_is_compiled(host) {
        let directory = host.dir().join("cache/seccomp");
        first_use(&directory);
        let second = Filter::cached(&docker(), &directory).expect("a filter");
        assert!(second.is_from_cache());
        assert_eq!(second.instructions(), Filter::compile(&docker()).expect("a filter").instructions());
        // Other capabilities, another filter.
        let other = SeccompProfile::docker_default().resolve(&Capabilities::all());
        assert!(!Filter::cached(&other, &directory).expect("a filter").is_from_cache());
    }

    fn what_is_not_whole_or_not_ours_is_written_anew(host) {
        let directory = host.dir().join("cache");
        assert!(is_distrusted(&directory, |file| fs::write(file, "").expect("write")), "empty");
        assert!(is_distrusted(&directory, |file| {
            let bytes = fs::read(file).expect("read");
            fs::write(file, &bytes[..bytes.len() - 8]).expect("write");
        }), "one instruction short");
        assert!(is_distrusted(&directory, |file| {
            let mut bytes = fs::read(file).expect("read");
            bytes[100] ^= 1;
            fs::write(file, bytes).expect("write");
        }), "a bit turned");
        assert!(is_distrusted(&directory, |file| {
            chown(file, Some(Uid::from_raw(1000)), Some(Gid::from_raw(1000))).expect("chown");
        }), "somebody else's");
        assert!(is_distrusted(&directory, |file| {
            fs::set_permissions(file, fs::Permissions::from_mode(0o666)).expect("chmod");
        }), "open to all");
        assert!(is_distrusted(&directory, |file| {
            let elsewhere = host.dir().join("elsewhere");
            fs::rename(file, &elsewhere).expect("rename");
            symlink(&elsewhere, file).expect("symlink");
        }), "a link");
        assert!(is_distrusted(&directory, |file| {
            fs::remove_file(file).expect("remove");
            mkfifo(file, Mode::S_IRUSR | Mode::S_IWUSR).expect("mkfifo");
        }), "a FIFO");
    }

    fn a_cache_that_cannot_be_written_costs_only_time(host) {
        let file = host.dir().join("file");
        fs::write(&file, "").expect("write");
        let filter = Filter::cached(&docker(), &file.join("cache")).expect("a filter");
        assert!(!filter.is_from_cache());
    }
}
