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

/// `then` if the comparison holds, `otherwise` if not. Both must end by giving back. A conditional jump reaches 255
/// instructions; beyond, it jumps over an unconditional one, which reaches any distance.
pub(crate) fn branch(test: Test, k: u32, then: Vec<SockFilter>, otherwise: Vec<SockFilter>) -> Vec<SockFilter> {
    let mut program = Vec::with_capacity(then.len() + otherwise.len() + 2);
    if let Ok(distance) = u8::try_from(otherwise.len()) {
        program.push(jump_if(test, k, distance, 0));
    } else {
        program.push(jump_if(test, k, 0, 1));
        program.push(SockFilter { code: JUMP, jt: 0, jf: 0, k: u32::try_from(otherwise.len()).unwrap_or(u32::MAX) });
    }
    program.extend(otherwise);
    program.extend(then);
    program
}
