//! What the bounding set limits, and what it does not: inheritable capabilities, and new user namespaces.

mod common;

use std::fs;

use common::inside::output;
use confinement::{Capabilities, Capability, CapabilitySets, become_user};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid};
use rustix::thread::{
    CapabilitySet as KernelCapabilities, CapabilitySets as KernelSets, capabilities, set_capabilities,
};
use testkit::{Inmate, Need, kernel_test, require};

const NONE: &str = "0000000000000000";

/// A set of this process, as the kernel prints it.
fn set(name: &str) -> String {
    let text = fs::read_to_string("/proc/self/status").expect("procfs");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_default().trim().to_owned()
}

fn become_with(user: u32, sets: &CapabilitySets) {
    become_user(Uid::from_raw(user), Gid::from_raw(user), &[], sets).expect("become_user");
}

kernel_test! {
    /// The bounding set limits what a file gives. It does not limit what is inheritable: so that is empty.
    fn exec_gives_back_what_is_inheritable_and_nothing_else_beyond_the_bounding_set(host) {
        require(Need::Busybox);
        let kill: Capabilities = "KILL".parse::<Capability>().into_iter().collect();
        let after_exec = |inheritable: Capabilities| {
            let sets = CapabilitySets { permitted: kill, effective: kill, inheritable, ..CapabilitySets::default() };
            let inmate = Inmate::new(|| {
                // Whoever started us was careless: the kernel refuses to add what the bounding set lacks, and leaves what
                // was inheritable before.
                let now = capabilities(None).expect("capget");
                let inheritable = KernelCapabilities::from_bits_retain(kill.bits());
                set_capabilities(None, KernelSets { inheritable, ..now }).expect("capset");
                become_with(0, &sets);
                output(host.busybox(), &["grep", "-e", "CapEff", "-e", "CapBnd", "/proc/self/status"])
            });
            inmate.said().to_owned()
        };
        assert_eq!(after_exec(Capabilities::empty()), format!("CapEff:\t{NONE}\nCapBnd:\t{NONE}"));
        assert_eq!(after_exec(kill), format!("CapEff:\t0000000000000020\nCapBnd:\t{NONE}"));
    }

    /// What the bounding set has lost comes back in a new user namespace, for use in there: that is the filter's to refuse.
    fn a_new_user_namespace_begins_with_all_capabilities(_host) {
        require(Need::UserNamespaces);
        let inmate = Inmate::new(|| {
            become_with(1000, &CapabilitySets::default());
            let before = set("CapBnd");
            unshare(CloneFlags::CLONE_NEWUSER).expect("unshare");
            format!("{before} {} {}", set("CapBnd"), set("CapEff"))
        });
        let last = fs::read_to_string("/proc/sys/kernel/cap_last_cap").expect("procfs");
        let all = format!("{:016x}", u64::MAX >> (63 - last.trim().parse::<u32>().expect("a number")));
        assert_eq!(inmate.said(), format!("{NONE} {all} {all}"));
    }
}
