//! Rules to BPF.
//!
//! A profile of 360 names would be 360 comparisons in a row. Here the numbers are sorted, neighbours with the same answer
//! become one range, and the ranges a balanced tree: six or seven comparisons for any call.

use std::collections::BTreeMap;

use nix::errno::Errno;
use process::Diagnose;
use process::sys::SockFilter;
use thiserror::Error;

use super::bpf::{ARCHITECTURE, NUMBER, Test, and, argument_high, argument_low, branch, give_back, jump_if, load};
use super::names;
use super::oci::{Action, Architecture, Argument, Operator, Seccomp};

/// `<linux/audit.h>`.
const AUDIT_ARCH_X86_64: u32 = 0xc000_003e;
const AUDIT_ARCH_I386: u32 = 0x4000_0003;
/// Marks a number as x32's.
const X32_BIT: u32 = 0x4000_0000;
/// `<linux/seccomp.h>`.
const RET_KILL_THREAD: u32 = 0;
/// The kernel takes no longer program.
const LONGEST: usize = 4096;
/// The highest error number.
const MAX_ERRNO: u32 = 4095;

/// Why there is no filter.
#[derive(Debug, Error)]
pub enum SeccompError {
    /// An action that needs somebody to ask.
    #[error("seccomp rule for {0}: SCMP_ACT_NOTIFY needs a listener, which there is none of")]
    Notify(String),
    /// An argument that no call has.
    #[error("seccomp rule for {call}: argument {index}: calls have arguments 0 to 5")]
    Argument {
        /// The first name of the rule.
        call: String,
        /// The index.
        index: u32,
    },
    /// An error number that is none.
    #[error("seccomp rule for {call}: errnoRet {number} is more than 4095")]
    ErrnoRet {
        /// The first name of the rule.
        call: String,
        /// The number.
        number: u32,
    },
    /// A flag that we do not know.
    #[error("unknown seccomp flag {0:?}")]
    Flag(String),
    /// Too much for the kernel.
    #[error("the seccomp filter has {0} instructions, and the kernel takes 4096")]
    TooLong(usize),
    /// The kernel refused.
    #[error("load the seccomp filter: {0}")]
    Load(Errno),
}

impl Diagnose for SeccompError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Load(Errno::EACCES) => Some("needs CAP_SYS_ADMIN, or no_new_privs".into()),
            Self::Load(Errno::EINVAL) => Some("the kernel may lack CONFIG_SECCOMP_FILTER".into()),
            Self::TooLong(_) => Some("fewer rules with conditions on arguments".into()),
            _ => None,
        }
    }
}

/// What is done with one call: the answers under conditions, first match first, and the answer otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Answer {
    conditional: Vec<(Vec<Argument>, u32)>,
    otherwise: Option<u32>,
}

/// The whole program.
pub(crate) fn compile(seccomp: &Seccomp) -> Result<Vec<SockFilter>, SeccompError> {
    let default = encode(seccomp.default_action, seccomp.default_errno_ret, "the default")?;
    let native = [Architecture::X86_64];
    let architectures = if seccomp.architectures.is_empty() { &native[..] } else { &seccomp.architectures };
    let tree = |architecture| -> Result<Option<Vec<SockFilter>>, SeccompError> {
        if !architectures.contains(&architecture) {
            return Ok(None);
        }
        Ok(Some(dispatch(&ranges(&answers(seccomp, architecture)?), default)))
    };
    // What comes in another way is shut, as libseccomp does it.
    let shut = vec![give_back(RET_KILL_THREAD)];
    let numbered = |tree: Vec<SockFilter>| [vec![load(NUMBER)], tree].concat();
    let wide = match (tree(Architecture::X86_64)?, tree(Architecture::X32)?) {
        (None, None) => None,
        (native, x32) => Some(numbered(branch(
            Test::GreaterOrEqual,
            X32_BIT,
            match x32 {
                Some(tree) => [vec![and(!X32_BIT)], tree].concat(),
                // -1 is what a tracer sets to skip a call; it is not x32's.
                None => branch(Test::Equal, u32::MAX, vec![give_back(default)], shut.clone()),
            },
            native.unwrap_or_else(|| shut.clone()),
        ))),
    };
    let narrow = tree(Architecture::X86)?.map(numbered);
    let others = match narrow {
        Some(tree) => branch(Test::Equal, AUDIT_ARCH_I386, tree, shut),
        None => shut,
    };
    let program = match wide {
        Some(tree) => {
            // The common way first, and without a jump.
            let mut program = vec![load(ARCHITECTURE)];
            program.extend(branch(Test::Equal, AUDIT_ARCH_X86_64, tree, others));
            program
        }
        None => [vec![load(ARCHITECTURE)], others].concat(),
    };
    if program.len() > LONGEST { Err(SeccompError::TooLong(program.len())) } else { Ok(program) }
}

/// The kernel's word for an action.
fn encode(action: Action, data: Option<u32>, call: &str) -> Result<u32, SeccompError> {
    let data = data.unwrap_or(Errno::EPERM as u32);
    if data > MAX_ERRNO && action == Action::Errno {
        return Err(SeccompError::ErrnoRet { call: call.into(), number: data });
    }
    Ok(match action {
        Action::KillProcess => 0x8000_0000,
        Action::KillThread => RET_KILL_THREAD,
        Action::Trap => 0x0003_0000,
        Action::Errno => 0x0005_0000 | data,
        Action::Trace => 0x7ff0_0000 | data & 0xffff,
        Action::Log => 0x7ffc_0000,
        Action::Allow => 0x7fff_0000,
        Action::Notify => return Err(SeccompError::Notify(call.into())),
    })
}

/// By number: what the rules say on one architecture. A rule without conditions beats all with.
fn answers(seccomp: &Seccomp, architecture: Architecture) -> Result<BTreeMap<u32, Answer>, SeccompError> {
    let mut answers: BTreeMap<u32, Answer> = BTreeMap::new();
    for rule in &seccomp.syscalls {
        let first = rule.names.first().map_or("nothing", String::as_str);
        let action = encode(rule.action, rule.errno_ret, first)?;
        if let Some(argument) = rule.args.iter().find(|argument| argument.index > 5) {
            return Err(SeccompError::Argument { call: first.into(), index: argument.index });
        }
        for number in rule.names.iter().filter_map(|name| names::number(name, architecture)) {
            let answer = answers.entry(number).or_default();
            match (rule.args.is_empty(), answer.otherwise) {
                (true, None) => *answer = Answer { conditional: Vec::new(), otherwise: Some(action) },
                (false, None) => answer.conditional.extend(alternatives(&rule.args).map(|args| (args, action))),
                (_, Some(_)) => {}
            }
        }
    }
    Ok(answers)
}

/// Conditions on different arguments must all hold. Two on the same argument are alternatives: libseccomp cannot say
/// otherwise, so runc reads profiles this way, and so must we.
fn alternatives(args: &[Argument]) -> impl Iterator<Item = Vec<Argument>> {
    let doubled = args.iter().enumerate().any(|(at, arg)| args[..at].iter().any(|other| other.index == arg.index));
    let sets = if doubled { args.iter().map(|arg| vec![*arg]).collect() } else { vec![args.to_vec()] };
    sets.into_iter()
}

/// From each of these numbers on, this answer: sorted, without gaps, neighbours different.
fn ranges(answers: &BTreeMap<u32, Answer>) -> Vec<(u32, Answer)> {
    let mut ranges: Vec<(u32, Answer)> = vec![(0, Answer::default())];
    let mut add = |from: u32, answer: Answer| {
        if ranges.last().is_some_and(|last| last.0 == from) {
            ranges.pop();
        }
        if ranges.last().is_none_or(|last| last.1 != answer) {
            ranges.push((from, answer));
        }
    };
    for (number, answer) in answers {
        add(*number, answer.clone());
        add(*number + 1, Answer::default());
    }
    ranges
}

/// A balanced tree over the ranges. The accumulator holds the number.
// ANCHOR: dispatch
fn dispatch(ranges: &[(u32, Answer)], default: u32) -> Vec<SockFilter> {
    // ANCHOR: ex_dispatch
    match ranges {
        [] => vec![give_back(default)],
        [(_, answer)] => decide(answer, default),
        _ => {
            let (low, high) = ranges.split_at(ranges.len() / 2);
            branch(Test::GreaterOrEqual, high[0].0, dispatch(high, default), dispatch(low, default))
        }
    }
    // ANCHOR_END: ex_dispatch
}
// ANCHOR_END: dispatch

fn decide(answer: &Answer, default: u32) -> Vec<SockFilter> {
    let mut program = Vec::new();
    for (args, action) in &answer.conditional {
        program.extend(rule(args, *action));
    }
    program.push(give_back(answer.otherwise.unwrap_or(default)));
    program
}

/// Where a comparison leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    /// The next instruction.
    Next,
    /// The next condition: this one holds.
    Holds,
    /// Behind this rule: it does not apply.
    Fails,
}

/// A comparison with places in it, or any other instruction.
enum Step {
    Plain(SockFilter),
    Compare(Test, u32, To, To),
}

/// One rule: gives `action` back if all conditions hold, else falls through.
fn rule(args: &[Argument], action: u32) -> Vec<SockFilter> {
    let conditions: Vec<Vec<Step>> = args.iter().map(condition).collect();
    let total: usize = conditions.iter().map(Vec::len).sum::<usize>() + 1;
    let mut program = Vec::with_capacity(total);
    for steps in conditions {
        let end = program.len() + steps.len();
        for step in steps {
            // A jump counts from the instruction behind it.
            let here = program.len() + 1;
            // A rule has at most six conditions of six instructions: every distance fits.
            let distance = |to: To| match to {
                To::Next => 0,
                To::Holds => u8::try_from(end - here).unwrap_or(u8::MAX),
                To::Fails => u8::try_from(total - here).unwrap_or(u8::MAX),
            };
            program.push(match step {
                Step::Plain(instruction) => instruction,
                Step::Compare(test, k, yes, no) => jump_if(test, k, distance(yes), distance(no)),
            });
        }
    }
    program.push(give_back(action));
    program
}

/// BPF compares 32 bits, arguments have 64: the high halves decide, and if they are equal, the low ones.
// ANCHOR: condition
fn condition(arg: &Argument) -> Vec<Step> {
    use Test::{Equal, Greater, GreaterOrEqual};
    use To::{Fails, Holds, Next};

    let (high, low) = ((arg.value >> 32) as u32, (arg.value & 0xffff_ffff) as u32);
    let (load_high, load_low) =
        (Step::Plain(load(argument_high(arg.index))), Step::Plain(load(argument_low(arg.index))));
    // ANCHOR: ex_condition
    match arg.op {
        Operator::Equal => {
            vec![load_high, Step::Compare(Equal, high, Next, Fails), load_low, Step::Compare(Equal, low, Holds, Fails)]
        }
        Operator::NotEqual => {
            vec![load_high, Step::Compare(Equal, high, Next, Holds), load_low, Step::Compare(Equal, low, Fails, Holds)]
        }
        Operator::Greater | Operator::GreaterOrEqual => {
            let test = if arg.op == Operator::Greater { Greater } else { GreaterOrEqual };
            vec![
                load_high,
                Step::Compare(Greater, high, Holds, Next),
                Step::Compare(Equal, high, Next, Fails),
                load_low,
                Step::Compare(test, low, Holds, Fails),
            ]
        }
        Operator::Less | Operator::LessOrEqual => {
            let test = if arg.op == Operator::Less { GreaterOrEqual } else { Greater };
            vec![
                load_high,
                Step::Compare(Greater, high, Fails, Next),
                Step::Compare(Equal, high, Next, Holds),
                load_low,
                Step::Compare(test, low, Fails, Holds),
            ]
        }
        Operator::MaskedEqual => {
            let (wanted_high, wanted_low) = ((arg.value_two >> 32) as u32, (arg.value_two & 0xffff_ffff) as u32);
            vec![
                load_high,
                Step::Plain(and(high)),
                Step::Compare(Equal, wanted_high, Next, Fails),
                load_low,
                Step::Plain(and(low)),
                Step::Compare(Equal, wanted_low, Holds, Fails),
            ]
        }
    }
    // ANCHOR_END: ex_condition
}
// ANCHOR_END: condition
