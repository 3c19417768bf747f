//! The control groups that a specification names.

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use testkit::{Host, Need, kernel_test, native_test, require};

use crate::bundle::Bundle;

/// What there is below the groups of this test, in any hierarchy, without the names of the hierarchies; and their paths.
fn groups(host: &Host) -> (Vec<String>, Vec<PathBuf>) {
    let name = host.cgroup_name();
    let table = fs::read_to_string("/proc/self/mountinfo").expect("our mounts");
    let trees = table.lines().filter(|line| line.contains(" - cgroup")).filter_map(|line| line.split(' ').nth(4));
    let (mut names, mut paths) = (Vec::new(), Vec::new());
    for tree in trees {
        for below in ["", "/b", "/b/c"] {
            let path = PathBuf::from(format!("{tree}/{name}{below}"));
            if path.is_dir() {
                names.push(below.to_owned());
                paths.push(path);
            }
        }
    }
    names.sort();
    names.dedup();
    (names, paths)
}

fn in_a_group_of_a_group(host: &Host, run: impl FnOnce(&Bundle)) {
    let path = format!("/{}/b/c", host.cgroup_name());
    let bundle = Bundle::new(host, "true").with("/linux", "cgroupsPath", json!(path));
    bundle.write();
    run(&bundle);
    let (names, mut paths) = groups(host);
    assert_eq!(names, ["", "/b"]);
    // Those below first. The same group may be seen by several paths.
    paths.sort_by_key(|path| std::cmp::Reverse(path.components().count()));
    for path in paths {
        let _ = fs::remove_dir(path);
    }
}

kernel_test! {
    /// Those above may be somebody else's: a manager of groups has made them, or will look for them.
    fn of_the_groups_that_are_made_the_last_one_goes(host) {
        in_a_group_of_a_group(host, |bundle| assert_eq!(bundle.run().code, Some(0)));
    }
}

native_test! {
    fn runc_leaves_the_groups_above_too(host) {
        require(Need::Program("runc", "runc"));
        in_a_group_of_a_group(host, |bundle| {
            let mut runc = std::process::Command::new("runc");
            runc.arg("--root").arg(bundle.state()).args(["run", "--bundle"]).arg(&bundle.directory).arg("it");
            let output = runc.stdin(std::process::Stdio::null()).output().expect("runc starts");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        });
    }
}
