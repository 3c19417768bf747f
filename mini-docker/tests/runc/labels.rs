//! Profiles of `AppArmor`: in force where the kernel has it, refused where it has not.

use std::fs;
use std::path::Path;

use nix::mount::{MsFlags, mount, umount};
use serde_json::json;
use testkit::{Host, Need, kernel_test, require};

use crate::bundle::{Bundle, STAY};
use crate::common::Said;

/// The file `profile` beside it, as `apparmor_parser -S` of `AppArmor` 3.0 makes it: the kernel takes nothing else.
const POLICY: &[u8] = include_bytes!("apparmor/policy");
const NAME: &str = "mini-docker-test";

/// The kernel with the profile; dropped, without.
struct Loaded(std::path::PathBuf);

impl Loaded {
    fn new(host: &Host) -> Self {
        let place = host.dir().join("security");
        fs::create_dir(&place).expect("a directory");
        mount(Some("securityfs"), &place, Some("securityfs"), MsFlags::empty(), None::<&str>).expect("securityfs");
        let loaded = Self(place);
        fs::write(loaded.file(".load"), POLICY).expect("a profile that the kernel takes");
        loaded
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.0.join("apparmor").join(name)
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        let _ = fs::write(self.file(".remove"), NAME);
        let _ = umount(&self.0);
    }
}

kernel_test! {
    fn a_profile_holds_the_program_and_who_joins_it(host) {
        require(Need::AppArmor);
        let _loaded = Loaded::new(host);
        let bundle = Bundle::new(host, &format!("cat /proc/self/attr/current; cat /forbidden; {STAY}"));
        fs::write(bundle.directory.join("rootfs/forbidden"), "secret").expect("a file");
        let held = bundle.clone().with("/process", "apparmorProfile", json!(NAME)).with("/process", "args",
            json!(["sh", "-c", "cat /proc/self/attr/current; cat /forbidden"]));
        let said = held.run();
        assert_eq!(said.stdout, format!("{NAME} (enforce)\n"), "{}", said.stderr);
        assert!(said.stderr.contains("Permission denied"), "{}", said.stderr);
        let free = bundle.clone().with("/process", "args", json!(["sh", "-c", STAY]));
        let alive = free.start();
        let exec = |profile: &[&str]| {
            let mut command = free.runtime(&["exec"]);
            Said::from(command.args(profile).args(["it", "cat", "/proc/self/attr/current"]).output().expect("mini-runc starts"))
        };
        assert_eq!(exec(&["--apparmor", NAME]).stdout, format!("{NAME} (enforce)\n"));
        assert_eq!(exec(&["--apparmor", "unconfined"]).stdout, "unconfined\n");
        assert_eq!(exec(&[]).stdout, "unconfined\n");
        assert_eq!(alive.end(), Some(0));
        let unknown = bundle.with("/process", "apparmorProfile", json!("no-such-profile")).run();
        let words = "unable to apply apparmor profile: apparmor failed to apply profile no-such-profile: ENOENT";
        assert!(unknown.stderr.contains(words), "{}", unknown.stderr);
    }

    /// Everybody is unconfined there: docker says so for a privileged container.
    fn without_the_module_a_profile_is_refused_and_none_is_none(host) {
        let bundle = |profile: &str| Bundle::new(host, "echo ran").with("/process", "apparmorProfile", json!(profile));
        assert_eq!(bundle("unconfined").out(), "ran");
        if !Path::new("/sys/module/apparmor/parameters/enabled").exists() {
            let said = bundle("docker-default").run();
            assert!(said.stderr.contains("apparmor: config provided but apparmor not supported"), "{}", said.stderr);
        }
        if !Path::new("/sys/fs/selinux/enforce").exists() {
            for (object, field) in [("/process", "selinuxLabel"), ("/linux", "mountLabel")] {
                let said = Bundle::new(host, "true").with(object, field, json!("system_u:system_r:container_t:s0")).run();
                let words = "selinux label is specified in config, but selinux is disabled or not supported";
                assert!(said.stderr.contains(words), "{}", said.stderr);
            }
        }
    }
}
