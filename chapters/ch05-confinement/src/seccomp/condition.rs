//! Conditions on arguments. BPF compares 32 bits, arguments have 64.

use super::bpf::{Label, Program, Test, argument_high, argument_low};
use super::oci::{Argument, Operator};

/// How many bits of an argument count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// The kernel has zeroed the high half of a 32-bit program's registers.
    Low,
    /// Both halves. Also on x32: its registers are the whole ones.
    Both,
}

/// A comparison of one argument.
#[derive(Debug, Clone, Copy)]
struct Comparison {
    index: u32,
    test: Test,
    mask: u64,
    value: u64,
}

/// Goes on at `holds` if all conditions hold, else at `fails`.
pub(crate) fn all(program: &mut Program, args: &[Argument], width: Width, holds: Label, fails: Label) -> Label {
    args.iter().rev().fold(holds, |next, arg| condition(program, arg, width, next, fails))
}

/// `<` holds where `>=` fails, so three tests do for all operators.
fn condition(program: &mut Program, arg: &Argument, width: Width, holds: Label, fails: Label) -> Label {
    let (test, yes, no) = match arg.op {
        Operator::Equal | Operator::MaskedEqual => (Test::Equal, holds, fails),
        Operator::NotEqual => (Test::Equal, fails, holds),
        Operator::Greater => (Test::Greater, holds, fails),
        Operator::LessOrEqual => (Test::Greater, fails, holds),
        Operator::GreaterOrEqual => (Test::GreaterOrEqual, holds, fails),
        Operator::Less => (Test::GreaterOrEqual, fails, holds),
    };
    let (mask, value) = match arg.op {
        Operator::MaskedEqual => (arg.value, arg.value & arg.value_two),
        _ => (u64::MAX, arg.value),
    };
    let comparison = Comparison { index: arg.index, test, mask, value };
    if width == Width::Low || high(mask) == 0 {
        in_low_half(program, &comparison, yes, no)
    } else {
        in_two_halves(program, &comparison, yes, no)
    }
}

fn in_low_half(program: &mut Program, comparison: &Comparison, yes: Label, no: Label) -> Label {
    let test = program.branch(comparison.test, low(comparison.value), yes, no);
    load_low(program, comparison, test)
}

/// The high halves decide; if they are equal, the low ones do.
// ANCHOR: in_two_halves
fn in_two_halves(program: &mut Program, comparison: &Comparison, yes: Label, no: Label) -> Label {
    let Comparison { test, value, .. } = *comparison;
    // ANCHOR: ex_in_two_halves
    // Read from the bottom: the program is written from its end.
    let low_test = program.branch(test, low(value), yes, no);
    let low_half = load_low(program, comparison, low_test);
    let mut high_test = program.branch(Test::Equal, high(value), low_half, no);
    if test != Test::Equal {
        high_test = program.branch(Test::Greater, high(value), yes, high_test);
    }
    load_high(program, comparison, high_test)
    // ANCHOR_END: ex_in_two_halves
}
// ANCHOR_END: in_two_halves

fn load_low(program: &mut Program, comparison: &Comparison, next: Label) -> Label {
    load_half(program, argument_low(comparison.index), low(comparison.mask), next)
}

fn load_high(program: &mut Program, comparison: &Comparison, next: Label) -> Label {
    load_half(program, argument_high(comparison.index), high(comparison.mask), next)
}

fn load_half(program: &mut Program, offset: u32, mask: u32, next: Label) -> Label {
    let next = if mask == u32::MAX { next } else { program.and(mask, next) };
    program.load(offset, next)
}

fn high(value: u64) -> u32 {
    (value >> 32) as u32
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
fn low(value: u64) -> u32 {
    value as u32
}
