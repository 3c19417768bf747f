//! What a test needs of the machine, and what to do where it is missing.

use std::fs;
use std::path::Path;
use std::process::exit;

use crate::cgroup;

/// One condition.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Need {
    /// User id 0 with full capabilities. Every kernel test has this.
    Root,
    /// This controller on a cgroup v1 hierarchy.
    CgroupV1(&'static str),
    /// This controller on the cgroup v2 hierarchy.
    CgroupV2(&'static str),
    /// The overlay file system.
    Overlay,
    /// User namespaces may be made.
    UserNamespaces,
    /// A static busybox.
    Busybox,
    /// At least this kernel version.
    Kernel(u32, u32),
    /// `AppArmor`, switched on.
    AppArmor,
    /// This program, from this Debian package.
    Program(&'static str, &'static str),
}

pub(crate) struct Missing {
    pub(crate) what: String,
    pub(crate) cure: String,
}

const MARK: &str = "TESTKIT-SKIP";
/// The exit status by which a body says that it could not run here.
pub(crate) const SKIPPED: i32 = 77;

/// Ends the running kernel test as *skipped* if the machine lacks `need`.
pub fn require(need: Need) {
    if let Some(missing) = need.missing() {
        println!("{MARK}\t{}\t{}", missing.what, missing.cure);
        exit(SKIPPED);
    }
}

pub(crate) fn parse_skip(output: &str) -> Option<(&str, &str)> {
    let line = output.lines().find_map(|line| line.strip_prefix(MARK))?;
    line.trim_start_matches('\t').split_once('\t')
}

pub(crate) fn for_any_kernel_test() -> Option<Missing> {
    Need::Root.missing()
}

impl Need {
    pub(crate) fn missing(self) -> Option<Missing> {
        let (there, what, cure) = match self {
            Self::Root => (
                nix::unistd::geteuid().is_root(),
                "root".to_owned(),
                "run it as root: sudo -E env PATH=$PATH cargo …".to_owned(),
            ),
            Self::CgroupV1(controller) => (
                cgroup::v1_mount(controller).is_some(),
                format!("the {controller} controller on cgroup v1"),
                "a machine with cgroup v1 or hybrid (boot with systemd.unified_cgroup_hierarchy=0)".into(),
            ),
            Self::CgroupV2(controller) => (
                cgroup::v2_controllers().iter().any(|have| have == controller),
                format!("the {controller} controller on cgroup v2"),
                "run it in the guest: cargo wb vm".into(),
            ),
            Self::Overlay => {
                (has_line("/proc/filesystems", "overlay"), "the overlay file system".into(), "modprobe overlay".into())
            }
            Self::UserNamespaces => (
                Path::new("/proc/self/ns/user").exists() && !has_line("/proc/sys/user/max_user_namespaces", "0"),
                "user namespaces".into(),
                "sysctl user.max_user_namespaces=10000".into(),
            ),
            Self::Busybox => (
                crate::fixture::busybox().is_some(),
                "a static busybox".into(),
                "apt-get install busybox-static".into(),
            ),
            Self::Kernel(major, minor) => (
                kernel_version() >= (major, minor),
                format!("Linux {major}.{minor}"),
                "a machine with a newer kernel".into(),
            ),
            Self::AppArmor => (
                fs::read_to_string("/sys/module/apparmor/parameters/enabled").is_ok_and(|text| text.starts_with('Y')),
                "AppArmor".into(),
                "run it in the guest: cargo wb vm".into(),
            ),
            Self::Program(name, package) => {
                (on_path(name), format!("the program {name}"), format!("apt-get install {package}"))
            }
        };
        (!there).then_some(Missing { what, cure })
    }
}

fn has_line(file: &str, word: &str) -> bool {
    fs::read_to_string(file).is_ok_and(|text| text.lines().any(|line| line.split_whitespace().last() == Some(word)))
}

fn on_path(name: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(name).is_file()))
}

fn kernel_version() -> (u32, u32) {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
