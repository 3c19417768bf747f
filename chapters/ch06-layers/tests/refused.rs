//! Calls that the kernel refuses while a layer is unpacked: what could not be done is an error, and no layer with a gap.

mod common;

use common::READ_UNPACK;
use common::archive::Archive;
use layers::{UnpackLimits, apply_tar};
use testkit::{Call, Host, judge, judge_refusal, kernel_test};

/// Judges that unpacking `archive` fails with the error of the call that is refused.
fn judge_unpacking(host: &Host, archive: &Archive, call: Call) {
    let layer = host.dir().join(call.0);
    std::fs::create_dir(&layer).expect("a directory");
    judge_refusal(call, READ_UNPACK, |refuse| {
        refuse();
        apply_tar(archive.reader(), &layer, &UnpackLimits::default()).map(drop).map_err(|error| error.to_string())
    });
}

kernel_test! {
    /// A judge of the exercise `parents`.
    fn a_directory_on_the_way_that_is_refused_is_an_error(host) {
        let over_a_whiteout = Archive::new().file(".wh.d", "").file("d/f", "");
        judge_unpacking(host, &Archive::new().file("d/f", ""), Call("mkdirat", nix::libc::SYS_mkdirat, None));
        judge_unpacking(host, &over_a_whiteout, Call("unlinkat", nix::libc::SYS_unlinkat, None));
        judge_unpacking(host, &over_a_whiteout, Call("lsetxattr", nix::libc::SYS_lsetxattr, None));
    }

    /// A judge of the exercise `hard-links`.
    fn a_name_that_cannot_be_freed_is_an_error(host) {
        let replaces = Archive::new().file("a", "").file("x", "").hard_link("x", "a");
        judge_unpacking(host, &replaces, Call("unlinkat", nix::libc::SYS_unlinkat, None));
    }

    /// A judge of the exercise `parents`: `a/b/c/f` is four files, whatever the archive names.
    fn directories_that_no_entry_names_are_counted(host) {
        let archive = Archive::new().file("a/b/c/f", "");
        let takes = |entries: u64| {
            let layer = host.dir().join(entries.to_string());
            std::fs::create_dir(&layer).expect("a directory");
            apply_tar(archive.reader(), &layer, &UnpackLimits { entries, ..UnpackLimits::default() }).is_ok()
        };
        judge("the least limit on entries under which a/b/c/f can be unpacked")
            .expected(Some(4))
            .seen((1..9).find(|entries| takes(*entries)))
            .cause(|seen| match seen {
                Some(1) => "directories that no entry names were made and not counted: by one long name, a stranger has as \
                     many made as there is room for slashes in it".into(),
                _ => "unknown".into(),
            })
            .read(READ_UNPACK);
    }
}
