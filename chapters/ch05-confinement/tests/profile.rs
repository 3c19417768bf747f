//! Profiles as people write them: docker's own, what it refuses, and bytes that are no profile.

mod common;

use common::machine::{ALLOW, Call, I386, X32_BIT, X86_64, answer};
use confinement::seccomp::{Architecture, number};
use confinement::{Capabilities, Filter, SeccompProfile};
use proptest::prelude::*;

/// What `name` is answered when all its arguments are zero.
fn decided(filter: &Filter, name: &str, architecture: Architecture) -> Option<u32> {
    let number = number(name, architecture)?;
    let call = match architecture {
        Architecture::X86 => Call::new(I386, number),
        Architecture::X32 => Call::new(X86_64, X32_BIT | number),
        _ => Call::new(X86_64, number),
    };
    Some(answer(filter.instructions(), &call))
}

/// Names of the kernel's headers.
fn names() -> Vec<String> {
    let table = include_str!("../src/seccomp/table.rs");
    table.lines().filter_map(|line| Some(line.trim().strip_prefix("(\"")?.split_once('"')?.0.to_owned())).collect()
}

/// The whole profile in one picture: a change of any rule shows here.
#[test]
fn what_docker_refuses() {
    let filter =
        |capabilities| Filter::compile(&SeccompProfile::docker_default().resolve(capabilities)).expect("a filter");
    let docker = filter(&Capabilities::docker_default());
    let refused: Vec<String> = names()
        .into_iter()
        .filter_map(|name| match decided(&docker, &name, Architecture::X86_64)? {
            ALLOW => None,
            answer => Some(format!("{name} {}", answer & 0xffff)),
        })
        .collect();
    insta::assert_snapshot!(refused.join("\n"));
}

#[test]
fn capabilities_unlock_calls() {
    let base = Capabilities::docker_default();
    let docker = Filter::compile(&SeccompProfile::docker_default().resolve(&base)).expect("a filter");
    let unlocked = |capability: &str| {
        // Also where the machine that runs this lacks it.
        let with: Capabilities = base.iter().chain(capability.parse::<confinement::Capability>()).collect();
        let filter = Filter::compile(&SeccompProfile::docker_default().resolve(&with)).expect("a filter");
        let open = |name: &&String| {
            let [before, after] = [&docker, &filter].map(|filter| decided(filter, name, Architecture::X86_64));
            before != after && after == Some(ALLOW)
        };
        let names: Vec<String> = names().iter().filter(open).cloned().collect();
        format!("{capability}: {}", names.join(" "))
    };
    let capabilities = [
        "SYS_ADMIN",
        "SYS_PTRACE",
        "SYS_MODULE",
        "SYS_TIME",
        "SYS_NICE",
        "SYSLOG",
        "BPF",
        "PERFMON",
        "DAC_READ_SEARCH",
        "SYS_BOOT",
        "SYS_PACCT",
        "SYS_RAWIO",
        "SYS_TTY_CONFIG",
    ];
    insta::assert_snapshot!(capabilities.map(unlocked).join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// No bytes at all make the reader or the compiler panic.
    #[test]
    fn a_spoilt_profile_is_an_error_or_a_filter(place in 0_usize..9000, bytes in prop::collection::vec(any::<u8>(), 0..6), cut in 0_usize..40) {
        let mut profile = include_bytes!("../src/seccomp/default.json").to_vec();
        let place = place.min(profile.len());
        let end = (place + cut).min(profile.len());
        profile.splice(place..end, bytes);
        if let Ok(profile) = SeccompProfile::from_json(&profile) {
            let _ = Filter::compile(&profile.resolve(&Capabilities::docker_default()));
        }
    }
}
