//! libseccomp, used as runc uses it.

use std::fs::File;
use std::io::{Read, Seek};

use confinement::Seccomp;
use confinement::seccomp::{Action, Architecture, Argument, Operator, Rule, number};
use libseccomp::{ScmpAction, ScmpArch, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall};
use nix::sys::memfd::{MFdFlags, memfd_create};
use process::sys::SockFilter;

/// The profile without the names of which only one side has heard: libseccomp may be older than our table, or newer.
pub(crate) fn known(mut seccomp: Seccomp) -> Seccomp {
    for rule in &mut seccomp.syscalls {
        rule.names.retain(|name| seccomp.architectures.iter().all(|way| is_shared(name, *way)));
    }
    seccomp
}

/// Whether both or neither have a number for it.
fn is_shared(name: &str, way: Architecture) -> bool {
    /// Above it, libseccomp gives negative numbers to what hides behind `socketcall` and `ipc`; from it on down, to what an
    /// architecture does not have (`__PNR_*` in seccomp.h).
    const NOT_THERE: i32 = -10_000;
    let theirs = ScmpSyscall::from_name_by_arch(name, architecture(way)).ok().map(ScmpSyscall::as_raw_syscall);
    // Only calls that are new can be known to one alone: a table with an older one missing must not pass.
    let is_new = |number: u32| number >= 335;
    match (number(name, way), theirs) {
        (Some(ours), theirs) => theirs.is_some_and(|theirs| theirs > NOT_THERE) || !is_new(ours),
        (None, Some(theirs)) => !u32::try_from(theirs).is_ok_and(is_new),
        // Nobody's: of another architecture, or of neither.
        (None, None) => false,
    }
}

fn architecture(way: Architecture) -> ScmpArch {
    match way {
        Architecture::X86_64 => ScmpArch::X8664,
        Architecture::X86 => ScmpArch::X86,
        Architecture::X32 => ScmpArch::X32,
        other => panic!("{other:?}"),
    }
}

/// libseccomp's program for it, with (2) or without (1) its binary tree.
pub(crate) fn compile(seccomp: &Seccomp, optimization: u32) -> Vec<SockFilter> {
    let default = action(seccomp.default_action, seccomp.default_errno_ret);
    let mut filter = ScmpFilterContext::new(default).expect("a filter");
    filter.set_ctl_optimize(optimization).expect("an optimization");
    filter.remove_arch(ScmpArch::Native).expect("no architecture");
    for architecture in &seccomp.architectures {
        filter.add_arch(self::architecture(*architecture)).expect("an architecture");
    }
    for rule in &seccomp.syscalls {
        add(&mut filter, rule, default);
    }
    export(&filter)
}

fn add(filter: &mut ScmpFilterContext, rule: &Rule, default: ScmpAction) {
    let action = action(rule.action, rule.errno_ret);
    if action == default {
        return;
    }
    let doubled = |arg: &Argument| rule.args.iter().filter(|other| other.index == arg.index).count() > 1;
    let conditions: Vec<ScmpArgCompare> = rule.args.iter().map(compare).collect();
    for name in &rule.names {
        let call = ScmpSyscall::from_name(name).expect("a known name");
        if rule.args.iter().any(doubled) {
            for condition in &conditions {
                filter.add_rule_conditional(action, call, &[*condition]).expect(name);
            }
        } else {
            filter.add_rule_conditional(action, call, &conditions).expect(name);
        }
    }
}

fn compare(arg: &Argument) -> ScmpArgCompare {
    let (op, datum) = match arg.op {
        Operator::NotEqual => (ScmpCompareOp::NotEqual, arg.value),
        Operator::Less => (ScmpCompareOp::Less, arg.value),
        Operator::LessOrEqual => (ScmpCompareOp::LessOrEqual, arg.value),
        Operator::Equal => (ScmpCompareOp::Equal, arg.value),
        Operator::GreaterOrEqual => (ScmpCompareOp::GreaterEqual, arg.value),
        Operator::Greater => (ScmpCompareOp::Greater, arg.value),
        Operator::MaskedEqual => (ScmpCompareOp::MaskedEqual(arg.value), arg.value_two),
    };
    ScmpArgCompare::new(arg.index, op, datum)
}

fn action(action: Action, data: Option<u32>) -> ScmpAction {
    let data = data.unwrap_or(1);
    match action {
        Action::Allow => ScmpAction::Allow,
        Action::Errno => ScmpAction::Errno(data.cast_signed()),
        Action::KillThread => ScmpAction::KillThread,
        Action::KillProcess => ScmpAction::KillProcess,
        Action::Trap => ScmpAction::Trap,
        Action::Trace => ScmpAction::Trace(u16::try_from(data).expect("16 bits")),
        Action::Log => ScmpAction::Log,
        Action::Notify => panic!("nobody listens"),
    }
}

fn export(filter: &ScmpFilterContext) -> Vec<SockFilter> {
    let mut file = File::from(memfd_create(c"filter", MFdFlags::empty()).expect("memfd_create"));
    filter.export_bpf(&file).expect("export");
    file.rewind().expect("rewind");
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).expect("read");
    let instructions = bytes.as_chunks::<8>().0.iter();
    instructions
        .map(|&[c0, c1, jt, jf, k0, k1, k2, k3]| SockFilter {
            code: u16::from_ne_bytes([c0, c1]),
            jt,
            jf,
            k: u32::from_ne_bytes([k0, k1, k2, k3]),
        })
        .collect()
}
