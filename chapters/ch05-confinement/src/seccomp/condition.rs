//! Conditions on arguments. BPF compares 32 bits, arguments have 64.

use process::sys::SockFilter;

use super::bpf::{Test, and, argument_high, argument_low, give_back, jump_if, load};
use super::oci::{Argument, Operator};

/// How many bits of an argument count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// The kernel has zeroed the high half of a 32-bit program's registers.
    Low,
    /// Both halves. Also on x32: its registers are the whole ones.
    Both,
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
pub(crate) fn rule(args: &[Argument], width: Width, action: u32) -> Vec<SockFilter> {
    let conditions: Vec<Vec<Step>> = args.iter().map(|arg| condition(arg, width)).collect();
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

/// `<` holds where `>=` fails, so three tests do for all operators: the test, and where it leads.
fn condition(arg: &Argument, width: Width) -> Vec<Step> {
    use To::{Fails, Holds};

    let (test, yes, no) = match arg.op {
        Operator::Equal | Operator::MaskedEqual => (Test::Equal, Holds, Fails),
        Operator::NotEqual => (Test::Equal, Fails, Holds),
        Operator::Greater => (Test::Greater, Holds, Fails),
        Operator::LessOrEqual => (Test::Greater, Fails, Holds),
        Operator::GreaterOrEqual => (Test::GreaterOrEqual, Holds, Fails),
        Operator::Less => (Test::GreaterOrEqual, Fails, Holds),
    };
    let (mask, value) = match arg.op {
        Operator::MaskedEqual => (arg.value, arg.value & arg.value_two),
        _ => (u64::MAX, arg.value),
    };
    let low_only = width == Width::Low || high(mask) == 0;
    let load_low = load_half(argument_low(arg.index), low(mask));
    if low_only {
        return load_low.into_iter().chain([Step::Compare(test, low(value), yes, no)]).collect();
    }
    in_two_halves(test, value, load_half(argument_high(arg.index), high(mask)), load_low, yes, no)
}

fn load_half(offset: u32, mask: u32) -> Vec<Step> {
    let mask = (mask != u32::MAX).then(|| Step::Plain(and(mask)));
    [Step::Plain(load(offset))].into_iter().chain(mask).collect()
}

/// The high halves decide; if they are equal, the low ones do. `yes` and `no` say where the test leads.
// ANCHOR: in_two_halves
fn in_two_halves(test: Test, value: u64, load_high: Vec<Step>, load_low: Vec<Step>, yes: To, no: To) -> Vec<Step> {
    let (high, low) = (high(value), low(value));
    // ANCHOR: ex_in_two_halves
    let mut steps = load_high;
    if test != Test::Equal {
        steps.push(Step::Compare(Test::Greater, high, yes, To::Next));
    }
    steps.push(Step::Compare(Test::Equal, high, To::Next, no));
    steps.extend(load_low);
    steps.push(Step::Compare(test, low, yes, no));
    steps
    // ANCHOR_END: ex_in_two_halves
}
// ANCHOR_END: in_two_halves

fn high(value: u64) -> u32 {
    (value >> 32) as u32
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
fn low(value: u64) -> u32 {
    value as u32
}
