//! What the conditions of a rule mean: those on arguments, in the filter, and those on the machine, in the profile.

mod common;

use common::machine::{ALLOW, Call, X86_64, answer, errno};
use confinement::seccomp::{Action, Architecture, Argument, Operator, Rule, number};
use confinement::{Capabilities, Capability, Filter, Seccomp, SeccompProfile};
use testkit::judge;

const HALVES: &str = "ch05-confinement, \"Sixty-four bits in two halves\"";
const PROFILE: &str = "ch05-confinement, \"A profile with conditions\"";

/// What a filter that allows `ioctl` if its second argument compares answers for this value.
fn allows(op: Operator, value: u64, value_two: u64, seen: u64) -> bool {
    let args = vec![Argument { index: 1, value, value_two, op }];
    let seccomp = Seccomp {
        default_action: Action::Errno,
        default_errno_ret: None,
        architectures: vec![Architecture::X86_64],
        flags: Vec::new(),
        listener_path: String::new(),
        listener_metadata: String::new(),
        syscalls: vec![Rule { names: vec!["ioctl".into()], action: Action::Allow, errno_ret: None, args }],
    };
    let filter = Filter::compile(&seccomp).expect("a filter");
    let call = Call::new(X86_64, number("ioctl", Architecture::X86_64).expect("ioctl")).with(1, seen);
    match answer(filter.instructions(), &call) {
        ALLOW => true,
        refused => {
            assert_eq!(refused, errno(1));
            false
        }
    }
}

fn holds(op: Operator, value: u64, value_two: u64, seen: u64) -> bool {
    match op {
        Operator::NotEqual => seen != value,
        Operator::Less => seen < value,
        Operator::LessOrEqual => seen <= value,
        Operator::Equal => seen == value,
        Operator::GreaterOrEqual => seen >= value,
        Operator::Greater => seen > value,
        Operator::MaskedEqual => seen & value == value_two,
    }
}

/// The judge of the exercise `halves`.
#[test]
fn all_sixty_four_bits_count() {
    use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, MaskedEqual, NotEqual};
    // High and low half 5: each half can be below, equal, above, and every mix of these.
    let value = 0x5_0000_0005;
    let halves = [0, 4, 5, 6, 0xffff_ffff];
    let values: Vec<u64> = halves.iter().flat_map(|high| halves.map(|low| high << 32 | low)).collect();
    let mut wrong: Vec<(Operator, u64)> = Vec::new();
    for op in [Equal, NotEqual, Greater, GreaterOrEqual, Less, LessOrEqual] {
        wrong.extend(
            values
                .iter()
                .filter(|seen| allows(op, value, 0, **seen) != holds(op, value, 0, **seen))
                .map(|seen| (op, *seen)),
        );
    }
    let mask = 0xf_0000_000f;
    let masked = values
        .iter()
        .filter(|seen| allows(MaskedEqual, mask, value, **seen) != holds(MaskedEqual, mask, value, **seen));
    wrong.extend(masked.map(|seen| (MaskedEqual, *seen)));
    let shown: Vec<String> =
        wrong.iter().take(4).map(|(op, seen)| format!("{op:?} {value:#x}, argument {seen:#x}")).collect();
    judge("comparisons that come out wrong (the first four)")
        .expected(Vec::<String>::new())
        .seen(shown)
        .cause(|_| {
            let only = |ops: &[Operator]| wrong.iter().all(|(op, _)| ops.contains(op));
            let high = |seen: u64| seen >> 32;
            let (low_half, same_high) = (value & 0xffff_ffff, wrong.iter().all(|(_, seen)| high(*seen) == 5));
            let ignores_high =
                wrong.iter().any(|(op, seen)| *op == Equal && high(*seen) != 5 && seen & 0xffff_ffff == low_half);
            if ignores_high {
                "the high half is not looked at: 2^32 + 38 passes for a kernel that reads only an int, as 38 does"
                    .into()
            } else if wrong.contains(&(Greater, 0x6_0000_0006)) {
                "a greater high half decides at once, whatever the low one: only equal ones ask the low half".into()
            } else if only(&[Greater, GreaterOrEqual, Less, LessOrEqual]) && !same_high {
                "both halves are compared on their own: when the high halves differ, the low ones do not matter".into()
            } else if only(&[Greater, GreaterOrEqual, Less, LessOrEqual]) {
                "at the boundary itself: > and >=, < and <= differ when all bits are equal".into()
            } else {
                "see which operator, and which half of the argument differs from the rule's".into()
            }
        })
        .read(HALVES);
}

/// The names that a profile lets through for a container with these capabilities.
fn allowed(conditions: &str, capabilities: &[&str]) -> bool {
    let rule = format!(r#"{{"names": ["getpid"], "action": "SCMP_ACT_ALLOW", {conditions}}}"#);
    let json = format!(r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{rule}]}}"#);
    let profile = SeccompProfile::from_json(json.as_bytes()).expect("a profile");
    let capabilities: Capabilities =
        capabilities.iter().map(|name| name.parse::<Capability>().expect("a capability")).collect();
    !profile.resolve(&capabilities).syscalls.is_empty()
}

/// The judge of the exercise `profile-conditions`.
#[test]
fn a_rule_counts_under_all_its_conditions() {
    const BOTH: &str = r#""includes": {"caps": ["CAP_BPF", "CAP_PERFMON"]}"#;
    const NEITHER: &str = r#""excludes": {"caps": ["CAP_BPF", "CAP_PERFMON"]}"#;
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("procfs");
    let ours: String = release.split('.').take(2).collect::<Vec<_>>().join(".");
    let (since_ours, before_ours) =
        (format!(r#""includes": {{"minKernel": "{ours}"}}"#), format!(r#""excludes": {{"minKernel": "{ours}"}}"#));
    let cases = [
        ("no condition", r#""args": null"#, &[][..], true),
        ("includes two capabilities, has both", BOTH, &["CAP_BPF", "CAP_PERFMON"], true),
        ("includes two capabilities, has one", BOTH, &["CAP_BPF"], false),
        ("excludes two capabilities, has none", NEITHER, &[], true),
        ("excludes two capabilities, has one", NEITHER, &["CAP_PERFMON"], false),
        ("includes two architectures, one is ours", r#""includes": {"arches": ["arm64", "amd64"]}"#, &[], true),
        ("includes architectures, none is ours", r#""includes": {"arches": ["arm64"]}"#, &[], false),
        ("excludes our architecture", r#""excludes": {"arches": ["s390x", "amd64"]}"#, &[], false),
        ("includes a kernel that we have", r#""includes": {"minKernel": "3.10"}"#, &[], true),
        ("includes a kernel that we do not have", r#""includes": {"minKernel": "1000.0"}"#, &[], false),
        ("excludes a kernel that we have", r#""excludes": {"minKernel": "3.10"}"#, &[], false),
        ("includes the kernel that runs here", &since_ours, &[], true),
        ("excludes the kernel that runs here", &before_ours, &[], false),
        (
            "includes and excludes at once, both hold",
            r#""includes": {"arches": ["amd64"]}, "excludes": {"caps": ["CAP_BPF"]}"#,
            &["CAP_BPF"],
            false,
        ),
    ];
    let wrong: Vec<&str> = cases
        .iter()
        .filter(|(_, conditions, capabilities, expected)| allowed(conditions, capabilities) != *expected)
        .map(|(what, ..)| *what)
        .collect();
    judge("rules that count and should not, or the other way round")
        .expected(Vec::<&str>::new())
        .seen(wrong)
        .cause(|wrong| {
            let has = |what: &str| wrong.iter().any(|case| case.starts_with(what));
            if has("includes and excludes") && has("excludes our architecture") {
                "excludes was not looked at: clone with namespace flags stays allowed for everybody".into()
            } else if has("includes two capabilities, has one") {
                "one capability out of two was enough: a rule includes all that it lists, or it does not count".into()
            } else if has("excludes two capabilities, has one") {
                "only all of them together excluded the rule: one is enough".into()
            } else if has("includes two architectures") {
                "all architectures were asked for: a machine has one, so one of the list is enough".into()
            } else if has("includes a kernel") || has("excludes a kernel") {
                "kernel versions are numbers, compared one after the other: 3.10 is after 3.9, and 6.1 after both"
                    .into()
            } else if has("includes the kernel") || has("excludes the kernel") {
                "minKernel is the first version that counts: a kernel of just that version is one".into()
            } else {
                "a rule without conditions counts always".into()
            }
        })
        .read(PROFILE);
}

/// The judge of the exercise `adjust`: `docker run --cap-add … --cap-drop …`.
#[test]
fn capabilities_are_added_and_dropped_as_docker_does() {
    let base = Capabilities::docker_default();
    let all = Capabilities::all();
    let count = |add: &[&str], drop: &[&str]| base.adjust(add, drop).expect("names").len();
    let seen = [
        ("nothing", count(&[], &[])),
        ("drop CHOWN", count(&[], &["CHOWN"])),
        ("add SYS_PTRACE", count(&["SYS_PTRACE"], &[])),
        ("add CHOWN, drop CHOWN", count(&["CHOWN"], &["CHOWN"])),
        ("drop ALL", count(&[], &["ALL"])),
        ("add CHOWN, drop ALL", count(&["CHOWN"], &["ALL"])),
        ("add ALL", count(&["ALL"], &[])),
        ("add ALL, drop CHOWN", count(&["ALL"], &["CHOWN"])),
    ];
    let expected = [14, 13, 15, 14, 0, 1, all.len(), all.len() - 1];
    let wrong: Vec<(&str, u32)> =
        seen.into_iter().zip(expected).filter(|((_, seen), expected)| seen != expected).map(|(seen, _)| seen).collect();
    judge("options that leave a wrong number of capabilities, and that number")
        .expected(Vec::<(&str, u32)>::new())
        .seen(wrong)
        .cause(|wrong| {
            let has = |what: &str| wrong.iter().any(|(case, _)| *case == what);
            if has("add CHOWN, drop ALL") {
                "ALL was dropped last: docker drops first and adds then, so that `--cap-drop ALL --cap-add CHOWN` leaves one".into()
            } else if has("add CHOWN, drop CHOWN") {
                "a name in both lists was dropped: docker drops first and adds then".into()
            } else if has("add ALL, drop CHOWN") {
                "with ALL added nothing was dropped: `--cap-add ALL --cap-drop CHOWN` means all but one".into()
            } else {
                "start from docker's fourteen, unless one of the lists says ALL".into()
            }
        })
        .read("ch05-confinement, \"Root in forty-one pieces\"");
}
