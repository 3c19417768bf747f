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

fn condition(arg: &Argument, width: Width) -> Vec<Step> {
    // A mask without high bits makes the high half count for nothing.
    let masked_low = arg.op == Operator::MaskedEqual && arg.value >> 32 == 0;
    if width == Width::Low || masked_low { in_low_half(arg) } else { in_two_halves(arg) }
}

fn in_low_half(arg: &Argument) -> Vec<Step> {
    use To::{Fails, Holds};

    let low = low(arg.value);
    let mut steps = vec![Step::Plain(load(argument_low(arg.index)))];
    steps.extend(match arg.op {
        Operator::Equal => vec![Step::Compare(Test::Equal, low, Holds, Fails)],
        Operator::NotEqual => vec![Step::Compare(Test::Equal, low, Fails, Holds)],
        Operator::Greater => vec![Step::Compare(Test::Greater, low, Holds, Fails)],
        Operator::GreaterOrEqual => vec![Step::Compare(Test::GreaterOrEqual, low, Holds, Fails)],
        Operator::Less => vec![Step::Compare(Test::GreaterOrEqual, low, Fails, Holds)],
        Operator::LessOrEqual => vec![Step::Compare(Test::Greater, low, Fails, Holds)],
        Operator::MaskedEqual => {
            vec![Step::Plain(and(low)), Step::Compare(Test::Equal, low & self::low(arg.value_two), Holds, Fails)]
        }
    });
    steps
}

/// The high halves decide, and if they are equal, the low ones.
// ANCHOR: condition
fn in_two_halves(arg: &Argument) -> Vec<Step> {
    use Test::{Equal, Greater, GreaterOrEqual};
    use To::{Fails, Holds, Next};

    let (high, low) = (high(arg.value), low(arg.value));
    let load_high = Step::Plain(load(argument_high(arg.index)));
    let load_low = Step::Plain(load(argument_low(arg.index)));
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
            let high_decides = [Step::Compare(Greater, high, Holds, Next), Step::Compare(Equal, high, Next, Fails)];
            [load_high]
                .into_iter()
                .chain(high_decides)
                .chain([load_low, Step::Compare(test, low, Holds, Fails)])
                .collect()
        }
        Operator::Less | Operator::LessOrEqual => {
            let test = if arg.op == Operator::Less { GreaterOrEqual } else { Greater };
            let high_decides = [Step::Compare(Greater, high, Fails, Next), Step::Compare(Equal, high, Next, Holds)];
            [load_high]
                .into_iter()
                .chain(high_decides)
                .chain([load_low, Step::Compare(test, low, Fails, Holds)])
                .collect()
        }
        Operator::MaskedEqual => masked(arg, load_high, load_low),
    }
    // ANCHOR_END: ex_condition
}
// ANCHOR_END: condition

/// `argument & value == valueTwo & value`, half by half.
fn masked(arg: &Argument, load_high: Step, load_low: Step) -> Vec<Step> {
    let wanted = arg.value & arg.value_two;
    vec![
        load_high,
        Step::Plain(and(high(arg.value))),
        Step::Compare(Test::Equal, high(wanted), To::Next, To::Fails),
        load_low,
        Step::Plain(and(low(arg.value))),
        Step::Compare(Test::Equal, low(wanted), To::Holds, To::Fails),
    ]
}

fn high(value: u64) -> u32 {
    (value >> 32) as u32
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
fn low(value: u64) -> u32 {
    value as u32
}
