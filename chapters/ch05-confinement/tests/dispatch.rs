//! How many instructions a call costs.

mod common;

use common::machine::{ALLOW, Call, I386, KILL, X32_BIT, X86_64, answer, errno, run};
use common::peer;
use confinement::seccomp::{Action, Architecture, Rule, number};
use confinement::{Capabilities, Filter, Seccomp, SeccompProfile};
use process::sys::SockFilter;
use testkit::judge;

const READ: &str = "ch05-confinement, \"From a list to a tree\"";

/// `(name, how often)`: what a script of busybox commands calls.
fn session() -> Vec<(&'static str, u32)> {
    let lines = include_str!("data/busybox.syscalls").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(' ')).map(|(name, count)| (name, count.parse().expect(name))).collect()
}

/// Instructions for each call of the session, on average.
fn average(program: &[SockFilter]) -> f64 {
    let (mut calls, mut instructions) = (0, 0);
    for (name, count) in session() {
        let call = Call::new(X86_64, number(name, Architecture::X86_64).expect(name));
        let (answer, executed) = run(program, &call);
        assert_eq!(answer, ALLOW, "{name}");
        calls += count;
        instructions += count * executed;
    }
    f64::from(instructions) / f64::from(calls)
}

#[test]
fn a_session_costs_less_than_with_libseccomps_binary_tree() {
    let seccomp = peer::known(SeccompProfile::docker_default().resolve(&Capabilities::docker_default()));
    let ours = Filter::compile(&seccomp).expect("a filter");
    let (list, tree) = (peer::compile(&seccomp, 1), peer::compile(&seccomp, 2));
    let costs = [ours.instructions(), &tree, &list].map(average);
    println!(
        "instructions for a call: ours {:.1}, libseccomp's tree {:.1}, its list {:.1}",
        costs[0], costs[1], costs[2]
    );
    println!(
        "instructions in all: ours {}, libseccomp's tree {}, its list {}",
        ours.instructions().len(),
        tree.len(),
        list.len()
    );
    assert!(costs[0] <= costs[1], "{costs:?}");
}

fn allow(names: &[&str]) -> Seccomp {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Seccomp {
        default_action: Action::Errno,
        default_errno_ret: None,
        architectures: vec![Architecture::X86_64, Architecture::X32],
        flags: Vec::new(),
        listener_path: String::new(),
        listener_metadata: String::new(),
        syscalls: vec![Rule { names, action: Action::Allow, errno_ret: None, args: Vec::new() }],
    }
}

/// The judge of the exercise `dispatch`: right first, then fast.
#[test]
fn every_number_finds_its_answer_in_few_steps() {
    // Every other number from 0 on: as many ranges as possible.
    let names = [
        "read",
        "open",
        "stat",
        "lstat",
        "lseek",
        "mprotect",
        "brk",
        "rt_sigprocmask",
        "ioctl",
        "pwrite64",
        "writev",
        "pipe",
        "sched_yield",
        "msync",
        "madvise",
        "shmat",
        "dup",
        "pause",
        "getitimer",
        "setitimer",
        "sendfile",
    ];
    let seccomp = allow(&names);
    let filter = Filter::compile(&seccomp).expect("a filter");
    let allowed: Vec<u32> = names.iter().filter_map(|name| number(name, Architecture::X86_64)).collect();
    let newest = allowed.iter().copied().max().unwrap_or(0);
    let expected = |number: u32| match number {
        allow if allowed.contains(&allow) => ALLOW,
        // Newer than the profile: ENOSYS.
        newer if newer > newest => errno(38),
        _ => errno(1),
    };
    let seen: Vec<(u32, u32)> =
        (0..600).map(|number| (number, answer(filter.instructions(), &Call::new(X86_64, number)))).collect();
    let wrong: Vec<(u32, u32)> = seen.into_iter().filter(|(number, answer)| *answer != expected(*number)).collect();
    judge("numbers with a wrong answer, and that answer")
        .expected(Vec::<(u32, u32)>::new())
        .seen(wrong.clone())
        .cause(|wrong| {
            let shifted = wrong.iter().all(|(number, answer)| {
                *answer == expected(number.wrapping_sub(1)) || *answer == expected(*number + 1)
            });
            let first = wrong.iter().any(|(number, _)| *number == 0);
            if wrong.len() > 40 && !shifted {
                "the sides are swapped: at or above the boundary a number belongs to the high half".into()
            } else if shifted && !first {
                "the number at a boundary goes to the low half: the high half begins with it, so the test is >=, not >"
                    .into()
            } else {
                "some ranges are never reached".into()
            }
        })
        .read(READ);
    let deepest = (0..600).map(|number| run(filter.instructions(), &Call::new(X86_64, number)).1).max().unwrap_or(0);
    println!("the longest way is {deepest} instructions");
    judge("whether the longest way is short (at most 16 instructions for about 40 ranges)")
        .expected(true)
        .seen(deepest <= 16)
        .cause(|_| "the ranges are asked one after the other; each comparison should leave about half of them".into())
        .read(READ);
}

#[test]
fn other_ways_into_the_kernel_are_shut() {
    let seccomp = Seccomp { architectures: vec![Architecture::X86_64], ..allow(&["read"]) };
    let filter = Filter::compile(&seccomp).expect("a filter");
    let answer = |architecture, number| answer(filter.instructions(), &Call::new(architecture, number));
    assert_eq!(answer(X86_64, 0), ALLOW);
    // The same number means read on x86-64 and restart_syscall on 32-bit x86.
    assert_eq!(answer(I386, 0), KILL);
    assert_eq!(answer(X86_64, X32_BIT), KILL);
    // What a tracer sets to skip a call.
    assert_eq!(answer(X86_64, u32::MAX), errno(1));
}

/// `EPERM` would make a new C library give up where on an old kernel it goes another way.
#[test]
fn what_is_newer_than_the_profile_does_not_exist() {
    let filter = Filter::compile(&allow(&["read", "mmap", "clone3"])).expect("a filter");
    let answer = |number| answer(filter.instructions(), &Call::new(X86_64, number));
    assert_eq!(
        [answer(0), answer(1), answer(435), answer(436), answer(9999)],
        [ALLOW, errno(1), ALLOW, errno(38), errno(38)]
    );
    assert_eq!([answer(X32_BIT + 434), answer(X32_BIT + 436)], [errno(1), errno(38)]);
    let open = Seccomp { default_action: Action::Log, ..allow(&["read"]) };
    let filter = Filter::compile(&open).expect("a filter");
    assert_eq!(self::answer(filter.instructions(), &Call::new(X86_64, 9999)), 0x7ffc_0000);
}

#[test]
fn both_doors_to_a_call_of_32_bit_x86_are_shut() {
    let deny = Seccomp {
        default_action: Action::Allow,
        architectures: vec![Architecture::X86],
        syscalls: vec![Rule {
            // The last has no number of its own there.
            names: vec!["socket".into(), "shmat".into(), "send".into()],
            action: Action::Errno,
            errno_ret: None,
            args: Vec::new(),
        }],
        ..allow(&[])
    };
    let filter = Filter::compile(&deny).expect("a filter");
    let answer = |name, first| {
        let number = number(name, Architecture::X86).expect(name);
        answer(filter.instructions(), &Call::new(I386, number).with(0, first))
    };
    assert_eq!(answer("socket", 0), errno(1));
    let [socket, bind, send] = [1, 2, 9].map(|which| answer("socketcall", which));
    assert_eq!([socket, bind, send], [errno(1), ALLOW, errno(1)]);
    // The version in the upper half does not open it again.
    assert_eq!((answer("ipc", 21), answer("ipc", 0x1_0015), answer("ipc", 22)), (errno(1), errno(1), ALLOW));
}

/// Docker's choice, and ours: a filter sees that `socketcall` is to open a socket, and not of which family, for that is in
/// memory. Refusing the call altogether breaks 32-bit programs, those built by Go for one; docker did so, and took it back
/// (moby#52547). SECURITY.md says what this leaves open.
#[test]
fn the_families_refused_to_socket_are_open_to_32_bit_socketcall() {
    let profile = SeccompProfile::docker_default().resolve(&Capabilities::docker_default());
    let filter = Filter::compile(&profile).expect("a filter");
    let answer = |architecture, way, name, first| {
        let number = number(name, way).expect(name);
        answer(filter.instructions(), &Call::new(architecture, number).with(0, first))
    };
    // AF_ALG and AF_VSOCK.
    for family in [38, 40] {
        for (architecture, way) in [(X86_64, Architecture::X86_64), (I386, Architecture::X86)] {
            assert_eq!(answer(architecture, way, "socket", family), errno(1), "{family}");
        }
    }
    assert_eq!(answer(I386, Architecture::X86, "socketcall", 1), ALLOW);
    assert_eq!(number("socketcall", Architecture::X86_64), None);
}
