//! What a compiled filter answers, over all calls and all interesting arguments, against two judges: libseccomp's filter in
//! the same machine, and the rules read literally.

mod common;

use std::collections::{BTreeSet, HashMap};

use common::machine::{AARCH64, ALLOW, Call, I386, KILL, X32_BIT, X86_64, answer, errno};
use common::peer;
use confinement::seccomp::{Action, Architecture, Argument, Operator, Rule, number};
use confinement::{Capabilities, Filter, Seccomp, SeccompProfile};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// More than any architecture has.
const NUMBERS: u32 = 600;
/// `ipc` and `socketcall` of 32-bit x86.
const DOORS: [u32; 2] = [117, 102];
/// What is reached through them, of the names below.
const BEHIND: [(&str, u32); 8] = [
    ("socket", 102),
    ("bind", 102),
    ("accept4", 102),
    ("send", 102),
    ("recvmmsg", 102),
    ("shmat", 117),
    ("semtimedop", 117),
    ("msgrcv", 117),
];
const WAYS: [Architecture; 3] = [Architecture::X86_64, Architecture::X86, Architecture::X32];

/// The interesting values of one argument: around each number of a rule, and the same in the other half.
fn values(seccomp: &Seccomp, index: u32) -> Vec<u64> {
    let mut values = BTreeSet::from([0, 1, u64::MAX, u32::MAX.into(), 1 << 32, 1 << 63]);
    for arg in seccomp.syscalls.iter().flat_map(|rule| &rule.args).filter(|arg| arg.index == index) {
        let bits = [1 << 32, 1 << 63, 1, 1 << 31];
        let from = match arg.op {
            Operator::MaskedEqual => vec![arg.value_two, arg.value_two | !arg.value, arg.value],
            _ => vec![arg.value],
        };
        for value in from {
            values.extend([value.wrapping_sub(1), value, value.wrapping_add(1), value << 32, value & 0xffff_ffff]);
            values.extend(bits.map(|bit| value ^ bit));
        }
    }
    values.into_iter().collect()
}

/// All zero, then each interesting value with the others at an interesting value each.
fn arguments(seccomp: &Seccomp) -> Vec<[u64; 6]> {
    let used: BTreeSet<u32> = seccomp.syscalls.iter().flat_map(|rule| &rule.args).map(|arg| arg.index).collect();
    let mut sets = vec![[0; 6]];
    for index in used {
        let values = values(seccomp, index);
        let mut wider = Vec::new();
        for (place, set) in sets.iter().enumerate() {
            // The first of each other argument with all of this one; after that a few, or the product would explode.
            let step = if place == 0 || sets.len() * values.len() < 400 { 1 } else { 11 };
            for value in values.iter().skip(place % step).step_by(step) {
                let mut set = *set;
                set[index as usize] = *value;
                wider.push(set);
            }
        }
        sets.extend(wider);
    }
    sets
}

/// The numbers of calls with conditions, by any name on any architecture, and both doors.
fn conditional_numbers(seccomp: &Seccomp) -> BTreeSet<u32> {
    let rules = seccomp.syscalls.iter().filter(|rule| !rule.args.is_empty());
    let names: Vec<&String> = rules.flat_map(|rule| &rule.names).collect();
    let numbers = names.iter().flat_map(|name| WAYS.into_iter().filter_map(|way| number(name, way)));
    numbers.chain(DOORS).collect()
}

/// Every number on every architecture; where there are conditions, with every set of arguments.
fn calls(seccomp: &Seccomp) -> Vec<Call> {
    let (sets, conditional) = (arguments(seccomp), conditional_numbers(seccomp));
    let mut calls = Vec::new();
    for (architecture, first) in [(X86_64, 0), (I386, 0), (X86_64, X32_BIT), (AARCH64, 0), (0, 0)] {
        for number in (first..first + NUMBERS).chain([X32_BIT - 1, 1 << 31, u32::MAX - 1, u32::MAX]) {
            let sets = if conditional.contains(&(number & !X32_BIT)) { &sets[..] } else { &sets[..1] };
            // The kernel hands a filter nothing in the high half of a 32-bit program's arguments.
            let possible = |set: &&[u64; 6]| architecture != I386 || set.iter().all(|value| value >> 32 == 0);
            calls.extend(sets.iter().filter(possible).map(|set| Call { number, architecture, arguments: *set }));
            if architecture == I386 && DOORS.contains(&number) {
                calls.extend((0..30).map(|which| Call::new(I386, number).with(0, which)));
            }
        }
    }
    calls
}

/// A difference that we want. 32-bit registers of x32 can hold something in their high half: we look at it, and libseccomp
/// does not.
fn x32_with_high_halves(seccomp: &Seccomp) -> impl Fn(&Call) -> bool {
    let args = seccomp.syscalls.iter().flat_map(|rule| &rule.args);
    let wide_rules = args.into_iter().any(|arg| (arg.value | arg.value_two) >> 32 != 0);
    move |call| {
        let x32 = call.architecture == X86_64 && call.number & X32_BIT != 0;
        x32 && (wide_rules || call.arguments.iter().any(|value| value >> 32 != 0))
    }
}

/// The number of calls that were compared, or the first that is answered differently.
fn compare(seccomp: &Seccomp, skip: impl Fn(&Call) -> bool) -> Result<usize, String> {
    let ours = Filter::compile(seccomp).expect("a filter");
    let theirs = peer::compile(seccomp, 2);
    let high = x32_with_high_halves(seccomp);
    let reading = Reading::new(seccomp);
    let calls = calls(seccomp);
    for call in calls.iter().filter(|call| !skip(call) && !high(call) && !reading.is_newer(call)) {
        let (ours, theirs) = (answer(ours.instructions(), call), answer(&theirs, call));
        if ours != theirs {
            return Err(format!("{call:x?}: ours {ours:x}, libseccomp {theirs:x}"));
        }
    }
    Ok(calls.len())
}

/// By which way a call comes in, and its number there.
fn door_and_number(call: &Call) -> Option<(Architecture, u32)> {
    match (call.architecture, call.number) {
        (I386, number) => Some((Architecture::X86, number)),
        (X86_64, u32::MAX) => Some((Architecture::X86_64, u32::MAX)),
        (X86_64, number) if number >= X32_BIT => Some((Architecture::X32, number - X32_BIT)),
        (X86_64, number) => Some((Architecture::X86_64, number)),
        _ => None,
    }
}

/// The rules, read literally.
struct Reading<'a> {
    seccomp: &'a Seccomp,
    /// By way and number, in the profile's order.
    rules: HashMap<(Architecture, u32), Vec<&'a Rule>>,
    /// The highest number on each way.
    newest: [Option<u32>; 3],
}

impl<'a> Reading<'a> {
    fn new(seccomp: &'a Seccomp) -> Self {
        let mut rules: HashMap<(Architecture, u32), Vec<&Rule>> = HashMap::new();
        for rule in &seccomp.syscalls {
            for (name, way) in rule.names.iter().flat_map(|name| WAYS.map(|way| (name, way))) {
                if let Some(number) = number(name, way) {
                    rules.entry((way, number)).or_default().push(rule);
                }
                let behind = BEHIND.iter().find(|(known, _)| way == Architecture::X86 && known == name);
                if let Some((_, door)) = behind {
                    // Counts as named; what it answers is no business of this reading.
                    rules.entry((way, *door)).or_default();
                }
            }
        }
        let newest = WAYS.map(|way| rules.keys().filter(|(door, _)| *door == way).map(|(_, number)| *number).max());
        Self { seccomp, rules, newest }
    }

    /// Whether the call is newer than all that the rules name on its architecture, and the default refuses: then both
    /// runc and we say `ENOSYS`, of which libseccomp knows nothing.
    fn is_newer(&self, call: &Call) -> bool {
        let Some((door, number)) = door_and_number(call) else { return false };
        let newest = WAYS.iter().position(|way| *way == door).and_then(|place| self.newest[place]);
        let permissive = matches!(self.seccomp.default_action, Action::Allow | Action::Log | Action::Trace);
        !permissive && number != u32::MAX && newest.is_some_and(|newest| number > newest)
    }

    fn answer(&self, call: &Call) -> u32 {
        let Some((architecture, number)) = door_and_number(call) else { return KILL };
        let there = |architecture| self.seccomp.architectures.contains(&architecture);
        let skipped = call.architecture == X86_64 && number == u32::MAX;
        if !(there(architecture) || skipped && there(Architecture::X32)) {
            return KILL;
        }
        if self.is_newer(call) {
            return errno(38);
        }
        let default = word(self.seccomp.default_action, self.seccomp.default_errno_ret);
        let says = |rule: &&&Rule| word(rule.action, rule.errno_ret) != default;
        let rules: Vec<&&Rule> = self.rules.get(&(architecture, number)).into_iter().flatten().filter(says).collect();
        let unconditional = rules.iter().find(|rule| rule.args.is_empty());
        let rule = unconditional.or_else(|| rules.iter().find(|rule| applies(rule, call)));
        rule.map_or(default, |rule| word(rule.action, rule.errno_ret))
    }
}

fn applies(rule: &Rule, call: &Call) -> bool {
    let holds = |arg: &Argument| {
        let narrow = if call.architecture == I386 { 0xffff_ffff } else { u64::MAX };
        let (seen, value, value_two) = (call.arguments[arg.index as usize], arg.value & narrow, arg.value_two & narrow);
        match arg.op {
            Operator::NotEqual => seen != value,
            Operator::Less => seen < value,
            Operator::LessOrEqual => seen <= value,
            Operator::Equal => seen == value,
            Operator::GreaterOrEqual => seen >= value,
            Operator::Greater => seen > value,
            Operator::MaskedEqual => seen & value == value_two & value,
        }
    };
    let doubled = |arg: &Argument| rule.args.iter().filter(|other| other.index == arg.index).count() > 1;
    if rule.args.iter().any(doubled) { rule.args.iter().any(holds) } else { rule.args.iter().all(holds) }
}

fn word(action: Action, data: Option<u32>) -> u32 {
    let data = data.unwrap_or(1);
    match action {
        Action::KillProcess => 0x8000_0000,
        Action::KillThread | Action::Notify => KILL,
        Action::Trap => 0x0003_0000,
        Action::Errno => errno(data),
        Action::Trace => 0x7ff0_0000 | data,
        Action::Log => 0x7ffc_0000,
        Action::Allow => ALLOW,
    }
}

fn never(_: &Call) -> bool {
    false
}

#[test]
fn dockers_default_is_compiled_as_libseccomp_does() {
    for capabilities in [Capabilities::empty(), Capabilities::docker_default(), Capabilities::all()] {
        let seccomp = peer::known(SeccompProfile::docker_default().resolve(&capabilities));
        let compared = compare(&seccomp, never).expect("the same answers");
        assert!(compared > 3_000, "{compared}");
    }
}

#[test]
fn podmans_default_is_compiled_as_libseccomp_does() {
    // Package golang-github-containers-common.
    let Ok(profile) = std::fs::read("/usr/share/containers/seccomp.json") else { return };
    let profile = SeccompProfile::from_json(&profile).expect("a profile");
    for capabilities in [Capabilities::docker_default(), Capabilities::all()] {
        let seccomp = peer::known(profile.resolve(&capabilities));
        compare(&seccomp, never).expect("the same answers");
    }
}

/// Calls of all kinds: common, old, new, without a number on some architecture, and those with two doors.
const NAMES: [&str; 30] = [
    "read",
    "write",
    "open",
    "stat",
    "mmap",
    "mmap2",
    "clone",
    "clone3",
    "execve",
    "ptrace",
    "chown32",
    "socket",
    "bind",
    "accept4",
    "send",
    "shmat",
    "semtimedop",
    "msgrcv",
    "ioctl",
    "personality",
    "_llseek",
    "waitpid",
    "preadv2",
    "statx",
    "openat2",
    "rt_sigaction",
    "futex_time64",
    "io_uring_setup",
    "arch_prctl",
    "recvmmsg",
];

fn any_action() -> impl Strategy<Value = (Action, Option<u32>)> {
    prop_oneof![
        Just((Action::Allow, None)),
        Just((Action::Errno, None)),
        (0_u32..200).prop_map(|number| (Action::Errno, Some(number))),
        Just((Action::KillThread, None)),
        Just((Action::KillProcess, None)),
        Just((Action::Trap, None)),
        Just((Action::Log, None)),
        (0_u32..200).prop_map(|number| (Action::Trace, Some(number))),
    ]
}

fn any_argument() -> impl Strategy<Value = Argument> {
    use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, MaskedEqual, NotEqual};
    let value = || {
        prop_oneof![
            0_u64..4,
            select(vec![38, 0x7e02_0000, 0xffff_ffff, 1 << 32, (1 << 32) + 5, u64::MAX]),
            any::<u64>()
        ]
    };
    let op = select(vec![Equal, NotEqual, Greater, GreaterOrEqual, Less, LessOrEqual, MaskedEqual]);
    (0_u32..3, value(), value(), op).prop_map(|(index, value, value_two, op)| {
        let value_two = if op == MaskedEqual { value_two } else { 0 };
        Argument { index, value, value_two, op }
    })
}

/// Up to `alternatives` rules on one call, with up to `conditions` each. They all say the same: where rules contradict each
/// other, libseccomp's answer depends on how it sorts.
fn any_seccomp(alternatives: usize, conditions: usize) -> impl Strategy<Value = Seccomp> {
    use Architecture::{X32, X86, X86_64};
    let conditions = prop_oneof![2 => Just(Vec::new()), 3 => vec(any_argument(), 1..=conditions)];
    let rules = vec((any_action(), select(NAMES.to_vec()), vec(conditions, 1..=alternatives)), 0..12);
    let architectures = subsequence(vec![X86_64, X86, X32], 1..=3);
    (any_action(), architectures, rules).prop_map(|((default_action, default_errno_ret), architectures, rules)| {
        let mut seen = BTreeSet::new();
        let rules =
            rules.into_iter().filter(|(_, name, _)| seen.insert(*name)).flat_map(|((action, errno_ret), name, all)| {
                all.into_iter().map(move |args| Rule { names: vec![name.into()], action, errno_ret, args })
            });
        let syscalls = rules.collect();
        Seccomp {
            default_action,
            default_errno_ret,
            architectures,
            flags: Vec::new(),
            listener_path: String::new(),
            listener_metadata: String::new(),
            syscalls,
        }
    })
}

/// `ipc` and `socketcall`, about which no rule speaks by name.
fn door(call: &Call) -> bool {
    call.architecture == I386 && DOORS.contains(&call.number)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// One rule for each call, and one condition for each argument: with more, libseccomp 2.5 merges the trees of some
    /// comparisons wrongly.
    #[test]
    fn random_filters_are_compiled_as_libseccomp_does(mut seccomp in any_seccomp(1, 2)) {
        for rule in &mut seccomp.syscalls {
            rule.args.dedup_by_key(|arg| arg.index);
        }
        // Where libseccomp compares a condition that it cannot see, we differ on purpose.
        let behind = |rule: &Rule| BEHIND.iter().any(|(name, _)| rule.names.iter().any(|known| known == name));
        let conditional = seccomp.syscalls.iter().any(|rule| !rule.args.is_empty() && behind(rule));
        prop_assert_eq!(compare(&peer::known(seccomp), |call| conditional && door(call)).map(drop), Ok(()));
    }

    #[test]
    fn random_filters_mean_what_they_say(seccomp in any_seccomp(3, 3)) {
        let filter = Filter::compile(&seccomp).expect("a filter");
        let reading = Reading::new(&seccomp);
        for call in calls(&seccomp).iter().filter(|call| !door(call)) {
            prop_assert_eq!(answer(filter.instructions(), call), reading.answer(call), "{:x?}", call);
        }
    }
}
