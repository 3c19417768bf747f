//! Device rules as an eBPF program: v2 has no list in a file, the kernel asks a program of ours instead.
//!
//! The program gets `struct bpf_cgroup_dev_ctx` (`<linux/bpf.h>`): access and kind in one word, major, minor. It returns
//! 1 to allow.

use crate::device::{DeviceKind, DeviceRule};

/// `BPF_DEVCG_DEV_*` and `BPF_DEVCG_ACC_*`.
const KIND_BLOCK: i32 = 1;
const KIND_CHAR: i32 = 2;
const ACCESS_MAKE: i32 = 1;
const ACCESS_READ: i32 = 2;
const ACCESS_WRITE: i32 = 4;
const ALL_LETTERS: i32 = ACCESS_MAKE | ACCESS_READ | ACCESS_WRITE;

/// Registers. The kernel puts the context into 1, and takes the answer from 0.
const RESULT: u8 = 0;
const CONTEXT: u8 = 1;
const KIND: u8 = 2;
/// The letters of the access that no rule has decided yet.
const UNDECIDED: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;
const SCRATCH: u8 = 6;

/// Operation codes of `<linux/bpf.h>`: class, size or source, operation. Comparisons are of 32 bits.
const LOAD_WORD: u8 = 0x61;
const MOVE_REGISTER: u8 = 0xbf;
const MOVE_NUMBER: u8 = 0xb7;
const AND_NUMBER: u8 = 0x54;
const SHIFT_RIGHT_NUMBER: u8 = 0x74;
const JUMP_IF_EQUAL: u8 = 0x16;
const JUMP_IF_NOT_EQUAL: u8 = 0x56;
const EXIT: u8 = 0x95;

/// `struct bpf_insn`: code, two registers in one byte, jump offset, number.
fn instruction(code: u8, to: u8, from: u8, offset: i16, number: i32) -> u64 {
    let mut bytes = [0; 8];
    bytes[0] = code;
    // The kernel's bit fields: destination in the low half.
    bytes[1] = from << 4 | to;
    bytes[2..4].copy_from_slice(&offset.to_ne_bytes());
    bytes[4..].copy_from_slice(&number.to_ne_bytes());
    u64::from_ne_bytes(bytes)
}

/// The program for `rules`; what no rule is about is denied.
///
/// Each letter of an access is decided by the last rule that names it. So the rules stand in the program from the last to
/// the first, and a register holds the letters that nobody has decided yet.
pub fn device_program(rules: &[DeviceRule]) -> Vec<u64> {
    let mut program = vec![
        instruction(LOAD_WORD, KIND, CONTEXT, 0, 0),
        instruction(MOVE_REGISTER, UNDECIDED, KIND, 0, 0),
        instruction(AND_NUMBER, KIND, 0, 0, 0xffff),
        instruction(SHIFT_RIGHT_NUMBER, UNDECIDED, 0, 0, 16),
        instruction(LOAD_WORD, MAJOR, CONTEXT, 4, 0),
        instruction(LOAD_WORD, MINOR, CONTEXT, 8, 0),
    ];
    for rule in rules.iter().rev() {
        if rule.is_total() {
            // The verifier refuses instructions that cannot be reached, and behind this answer there are none.
            program.extend(answer(rule.allow));
            return program;
        }
        // ANCHOR: device_program
        let verdict = verdict(rule);
        let tests = conditions(rule);
        for (index, (register, number)) in tests.iter().enumerate() {
            // Another device: on to the next rule, past the other conditions and the verdict.
            let past = tests.len() - index - 1 + verdict.len();
            program.push(jump(JUMP_IF_NOT_EQUAL, *register, past, *number));
        }
        program.extend(verdict);
        // ANCHOR_END: device_program
    }
    program.extend(answer(false));
    program
}

/// What a rule says about the letters, for a device that it is about.
// ANCHOR: verdict
fn verdict(rule: &DeviceRule) -> Vec<u64> {
    let letters = letters(rule);
    let [result, exit] = answer(rule.allow);
    // ANCHOR: ex_verdict
    if rule.allow {
        // Its letters are granted. If that was all that was asked, the answer is yes; else the rest is for older rules.
        let keep = ALL_LETTERS & !letters;
        vec![instruction(AND_NUMBER, UNDECIDED, 0, 0, keep), jump(JUMP_IF_NOT_EQUAL, UNDECIDED, 2, 0), result, exit]
    } else {
        // One letter that is asked and denied is enough for a no.
        vec![
            instruction(MOVE_REGISTER, SCRATCH, UNDECIDED, 0, 0),
            instruction(AND_NUMBER, SCRATCH, 0, 0, letters),
            jump(JUMP_IF_EQUAL, SCRATCH, 2, 0),
            result,
            exit,
        ]
    }
    // ANCHOR_END: ex_verdict
}
// ANCHOR_END: verdict

/// Registers, and the numbers that they hold for a device that the rule is about.
fn conditions(rule: &DeviceRule) -> Vec<(u8, i32)> {
    let kind = match rule.kind {
        DeviceKind::All => None,
        DeviceKind::Char => Some(KIND_CHAR),
        DeviceKind::Block => Some(KIND_BLOCK),
    };
    let number = |number: Option<u32>| number.map(u32::cast_signed);
    [(KIND, kind), (MAJOR, number(rule.major)), (MINOR, number(rule.minor))]
        .into_iter()
        .filter_map(|(register, number)| Some((register, number?)))
        .collect()
}

fn letters(rule: &DeviceRule) -> i32 {
    let access = rule.access;
    [(access.make, ACCESS_MAKE), (access.read, ACCESS_READ), (access.write, ACCESS_WRITE)]
        .into_iter()
        .filter_map(|(set, bit)| set.then_some(bit))
        .sum()
}

fn answer(allow: bool) -> [u64; 2] {
    [instruction(MOVE_NUMBER, RESULT, 0, 0, i32::from(allow)), instruction(EXIT, 0, 0, 0, 0)]
}

/// Skips `past` instructions if the register compares so with the number.
fn jump(code: u8, register: u8, past: usize, number: i32) -> u64 {
    instruction(code, register, 0, i16::try_from(past).unwrap_or(i16::MAX), number)
}

#[cfg(test)]
mod tests;
