//! Classic BPF, as far as a filter needs it: load a word, compare, jump forward, return.
//!
//! The program sees `struct seccomp_data` (`seccomp(2)`): call number, architecture, instruction pointer, six arguments.

use process::sys::SockFilter;

/// `<linux/bpf_common.h>`: class, size, mode, source.
const LOAD_WORD: u16 = 0x20;
const AND: u16 = 0x54;
const JUMP: u16 = 0x05;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_GREATER: u16 = 0x25;
const JUMP_GREATER_OR_EQUAL: u16 = 0x35;
const RETURN: u16 = 0x06;

/// Offsets in `struct seccomp_data`.
pub(crate) const NUMBER: u32 = 0;
pub(crate) const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// Offset of the low half of an argument; the high half follows, on a little-endian machine.
pub(crate) fn argument_low(index: u32) -> u32 {
    ARGUMENTS + 8 * index
}

pub(crate) fn argument_high(index: u32) -> u32 {
    argument_low(index) + 4
}

/// A comparison of the accumulator with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Test {
    Equal,
    Greater,
    GreaterOrEqual,
}

pub(crate) fn load(offset: u32) -> SockFilter {
    SockFilter { code: LOAD_WORD, jt: 0, jf: 0, k: offset }
}

pub(crate) fn and(mask: u32) -> SockFilter {
    SockFilter { code: AND, jt: 0, jf: 0, k: mask }
}

pub(crate) fn give_back(value: u32) -> SockFilter {
    SockFilter { code: RETURN, jt: 0, jf: 0, k: value }
}

/// Skips `yes` instructions if the comparison holds, else `no`.
pub(crate) fn jump_if(test: Test, k: u32, yes: u8, no: u8) -> SockFilter {
    let code = match test {
        Test::Equal => JUMP_EQUAL,
        Test::Greater => JUMP_GREATER,
        Test::GreaterOrEqual => JUMP_GREATER_OR_EQUAL,
    };
    SockFilter { code, jt: yes, jf: no, k }
}

/// `then` if the comparison holds, `otherwise` if not. Both must end by giving back.
///
/// A conditional jump reaches 255 instructions, so the shorter of the two stands first and is jumped over. Where even
/// that is too far, an unconditional jump, which reaches any distance, is one instruction more on the way to the longer.
pub(crate) fn branch(test: Test, k: u32, then: Vec<SockFilter>, otherwise: Vec<SockFilter>) -> Vec<SockFilter> {
    let then_first = then.len() < otherwise.len();
    let (first, second) = if then_first { (then, otherwise) } else { (otherwise, then) };
    let mut program = Vec::with_capacity(first.len() + second.len() + 2);
    match (u8::try_from(first.len()), then_first) {
        (Ok(over), true) => program.push(jump_if(test, k, 0, over)),
        (Ok(over), false) => program.push(jump_if(test, k, over, 0)),
        (Err(_), _) => {
            let (yes, no) = if then_first { (1, 0) } else { (0, 1) };
            program.push(jump_if(test, k, yes, no));
            program.push(SockFilter { code: JUMP, jt: 0, jf: 0, k: u32::try_from(first.len()).unwrap_or(u32::MAX) });
        }
    }
    program.extend(first);
    program.extend(second);
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a program that compares nothing but `accumulator` ends.
    fn run(program: &[SockFilter], accumulator: u32) -> u32 {
        let mut at = 0;
        loop {
            let step = program[at];
            let holds = match step.code {
                RETURN => return step.k,
                JUMP => {
                    at += 1 + step.k as usize;
                    continue;
                }
                _ => accumulator == step.k,
            };
            at += 1 + usize::from(if holds { step.jt } else { step.jf });
        }
    }

    #[test]
    fn branches_arrive_at_any_distance() {
        for (yes, no) in [(1, 1), (1, 255), (255, 1), (256, 255), (256, 256), (256, 3000), (3000, 256), (3000, 3000)] {
            let program = branch(Test::Equal, 7, vec![give_back(1); yes], vec![give_back(2); no]);
            assert_eq!((run(&program, 7), run(&program, 8)), (1, 2), "{yes} {no}");
        }
    }
}
