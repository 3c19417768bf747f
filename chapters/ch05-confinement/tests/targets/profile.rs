//! Any bytes as a seccomp profile: what is taken becomes a filter, or an error that names the reason.

use confinement::{Capabilities, Filter, SeccompProfile};

pub(crate) fn profile(bytes: &[u8]) {
    let Ok(profile) = SeccompProfile::from_json(bytes) else { return };
    let seccomp = profile.resolve(&Capabilities::docker_default());
    let written = serde_json::to_vec(&seccomp).expect("a filter's description can be written");
    let again: confinement::Seccomp = serde_json::from_slice(&written).expect("what we write can be read");
    assert_eq!(serde_json::to_vec(&again).expect("twice"), written);
    if let Ok(filter) = Filter::compile(&seccomp) {
        // The kernel's limit, BPF_MAXINSNS.
        assert!(filter.instructions().len() <= 4096, "{} instructions", filter.instructions().len());
    }
}
