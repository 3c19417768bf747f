//! Device rules as an eBPF program: v2 has no list in a file, the kernel asks a program of ours instead.
//!
//! The program gets `struct bpf_cgroup_dev_ctx` (`<linux/bpf.h>`): access and kind in one word, major, minor. It returns
//! 1 to allow. Rules are laid out from the last to the first, so that the first that fits decides.

use crate::device::{DeviceKind, DeviceRule};

/// `BPF_DEVCG_DEV_*` and `BPF_DEVCG_ACC_*`.
const KIND_BLOCK: i32 = 1;
const KIND_CHAR: i32 = 2;
const ACCESS_MAKE: i32 = 1;
const ACCESS_READ: i32 = 2;
const ACCESS_WRITE: i32 = 4;

/// Registers that the program uses: context in 1, then kind, access, major, minor, and a scratch register.
const RESULT: u8 = 0;
const CONTEXT: u8 = 1;
const KIND: u8 = 2;
const ACCESS: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;
const SCRATCH: u8 = 6;

/// Operation codes of `<linux/bpf.h>`: class, size or source, operation.
const LOAD_WORD: u8 = 0x61;
const MOVE_REGISTER: u8 = 0xbf;
const MOVE_NUMBER: u8 = 0xb7;
const AND_NUMBER: u8 = 0x54;
const SHIFT_RIGHT_NUMBER: u8 = 0x74;
const JUMP_IF_NOT_EQUAL_NUMBER: u8 = 0x55;
const JUMP: u8 = 0x05;
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
// ANCHOR: program
pub fn device_program(rules: &[DeviceRule]) -> Vec<u64> {
    let mut program = vec![
        instruction(LOAD_WORD, KIND, CONTEXT, 0, 0),
        instruction(MOVE_REGISTER, ACCESS, KIND, 0, 0),
        instruction(AND_NUMBER, KIND, 0, 0, 0xffff),
        instruction(SHIFT_RIGHT_NUMBER, ACCESS, 0, 0, 16),
        instruction(LOAD_WORD, MAJOR, CONTEXT, 4, 0),
        instruction(LOAD_WORD, MINOR, CONTEXT, 8, 0),
    ];
    for rule in rules.iter().rev() {
        program.extend(block(rule));
        if rule.is_total() {
            // Nothing behind a rule about everything can be reached, and the verifier refuses dead code.
            return program;
        }
    }
    program.extend([instruction(MOVE_NUMBER, RESULT, 0, 0, 0), instruction(EXIT, 0, 0, 0, 0)]);
    program
}
// ANCHOR_END: program

/// One rule: comparisons that jump behind the block when they fail, and the answer.
fn block(rule: &DeviceRule) -> Vec<u64> {
    // (register, number) pairs that must be equal.
    let mut equal = Vec::new();
    match rule.kind {
        DeviceKind::All => {}
        DeviceKind::Char => equal.push((KIND, KIND_CHAR)),
        DeviceKind::Block => equal.push((KIND, KIND_BLOCK)),
    }
    if let Some(major) = rule.major {
        equal.push((MAJOR, major.cast_signed()));
    }
    if let Some(minor) = rule.minor {
        equal.push((MINOR, minor.cast_signed()));
    }
    let access = [(rule.make, ACCESS_MAKE), (rule.read, ACCESS_READ), (rule.write, ACCESS_WRITE)];
    let granted: i32 = access.iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum();
    let all = ACCESS_MAKE | ACCESS_READ | ACCESS_WRITE;
    // ANCHOR: ex_access
    // An allow rule fits if nothing is asked that it does not grant; a deny rule if anything is asked that it denies.
    // Both are "these bits of the access are zero": the ones outside the rule, or, for deny, an exit in the middle.
    let mut body = Vec::new();
    if granted != all {
        body.push(instruction(MOVE_REGISTER, SCRATCH, ACCESS, 0, 0));
        if rule.allow {
            body.push(instruction(AND_NUMBER, SCRATCH, 0, 0, all & !granted));
            // Something more is asked: skip the answer.
            body.push(instruction(JUMP_IF_NOT_EQUAL_NUMBER, SCRATCH, 0, 2, 0));
        } else {
            body.push(instruction(AND_NUMBER, SCRATCH, 0, 0, granted));
            // Something denied is asked: go to the answer, over the jump that skips it.
            body.push(instruction(JUMP_IF_NOT_EQUAL_NUMBER, SCRATCH, 0, 1, 0));
            body.push(instruction(JUMP, 0, 0, 2, 0));
        }
    }
    body.push(instruction(MOVE_NUMBER, RESULT, 0, 0, i32::from(rule.allow)));
    body.push(instruction(EXIT, 0, 0, 0, 0));
    // ANCHOR_END: ex_access
    let mut block = Vec::new();
    for (index, (register, number)) in equal.iter().enumerate() {
        let rest = equal.len() - index - 1 + body.len();
        block.push(instruction(
            JUMP_IF_NOT_EQUAL_NUMBER,
            *register,
            0,
            i16::try_from(rest).unwrap_or(i16::MAX),
            *number,
        ));
    }
    block.extend(body);
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Executes a program: an interpreter of the seven operations that it uses.
    fn run(program: &[u64], access: i32, kind: i32, major: i32, minor: i32) -> bool {
        let mut registers = [0_i64; 11];
        let context = [access << 16 | kind, major, minor];
        let mut at = 0;
        loop {
            let bytes = program[at].to_ne_bytes();
            let (to, from) = (usize::from(bytes[1] & 15), usize::from(bytes[1] >> 4));
            let offset = i16::from_ne_bytes([bytes[2], bytes[3]]);
            let number = i32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
            at += 1;
            let jump = |at: usize| at + usize::try_from(offset).expect("only forward");
            match bytes[0] {
                LOAD_WORD => registers[to] = i64::from(context[usize::try_from(offset / 4).expect("an offset")]),
                MOVE_REGISTER => registers[to] = registers[from],
                MOVE_NUMBER => registers[to] = i64::from(number),
                AND_NUMBER => registers[to] &= i64::from(number.cast_unsigned()),
                SHIFT_RIGHT_NUMBER => registers[to] >>= number,
                JUMP_IF_NOT_EQUAL_NUMBER if registers[to] != i64::from(number) => at = jump(at),
                JUMP_IF_NOT_EQUAL_NUMBER => {}
                JUMP => at = jump(at),
                EXIT => return registers[usize::from(RESULT)] == 1,
                other => panic!("operation {other:#x}"),
            }
        }
    }

    /// The rules, applied as their documentation says.
    fn expected(rules: &[DeviceRule], access: i32, kind: i32, major: i32, minor: i32) -> bool {
        let fits = |rule: &&DeviceRule| {
            let bits = i32::from(rule.make) | i32::from(rule.read) << 1 | i32::from(rule.write) << 2;
            let same = |wanted: Option<u32>, number: i32| wanted.is_none_or(|wanted| wanted.cast_signed() == number);
            let kind_fits = match rule.kind {
                DeviceKind::All => true,
                DeviceKind::Char => kind == KIND_CHAR,
                DeviceKind::Block => kind == KIND_BLOCK,
            };
            let access_fits = if rule.allow { access & !bits == 0 } else { access & bits != 0 };
            kind_fits && same(rule.major, major) && same(rule.minor, minor) && access_fits
        };
        rules.iter().rev().find(fits).is_some_and(|rule| rule.allow)
    }

    #[test]
    fn the_program_does_what_the_rules_say() {
        let rules = [
            DeviceRule::all(false),
            DeviceRule::new(true, DeviceKind::Char, None, None, "m"),
            DeviceRule::new(true, DeviceKind::Char, Some(1), Some(3), "rwm"),
            DeviceRule::new(true, DeviceKind::Block, Some(8), None, "r"),
            DeviceRule::new(false, DeviceKind::Block, Some(8), Some(1), "r"),
        ];
        let program = device_program(&rules);
        for access in 1..8 {
            for kind in [KIND_BLOCK, KIND_CHAR] {
                for (major, minor) in [(1, 3), (1, 5), (8, 0), (8, 1), (5, 2)] {
                    assert_eq!(
                        run(&program, access, kind, major, minor),
                        expected(&rules, access, kind, major, minor),
                        "access {access} kind {kind} device {major}:{minor}"
                    );
                }
            }
        }
    }

    #[test]
    fn nothing_stands_behind_a_rule_about_everything() {
        let open =
            device_program(&[DeviceRule::new(true, DeviceKind::Char, Some(1), Some(3), "r"), DeviceRule::all(true)]);
        assert_eq!(open.len(), 8);
    }
}
