//! The program run by an interpreter, against the rules as their documentation says.

use testkit::judge;

use super::*;

const READ: &str = "ch04-cgroups, \"Devices\"";

/// Executes a program: an interpreter of the operations that it uses.
fn run(program: &[u64], access: i32, kind: i32, (major, minor): (i32, i32)) -> bool {
    let context = [access << 16 | kind, major, minor];
    let mut registers = [0_i32; 11];
    let mut at = 0;
    loop {
        let Parts { code, to, from, offset, number } = Parts::of(program[at]);
        at += 1;
        let target = at + usize::try_from(offset.max(0)).expect("only forward");
        match code {
            LOAD_WORD => registers[to] = context[usize::try_from(offset / 4).expect("an offset")],
            MOVE_REGISTER => registers[to] = registers[from],
            MOVE_NUMBER => registers[to] = number,
            AND_NUMBER => registers[to] &= number,
            SHIFT_RIGHT_NUMBER => registers[to] >>= number,
            JUMP_IF_EQUAL if registers[to] == number => at = target,
            JUMP_IF_NOT_EQUAL if registers[to] != number => at = target,
            JUMP_IF_EQUAL | JUMP_IF_NOT_EQUAL => {}
            EXIT => return registers[usize::from(RESULT)] == 1,
            other => panic!("operation {other:#x}"),
        }
    }
}

struct Parts {
    code: u8,
    to: usize,
    from: usize,
    offset: i16,
    number: i32,
}

impl Parts {
    fn of(instruction: u64) -> Self {
        let bytes = instruction.to_ne_bytes();
        Self {
            code: bytes[0],
            to: (bytes[1] & 15).into(),
            from: (bytes[1] >> 4).into(),
            offset: i16::from_ne_bytes([bytes[2], bytes[3]]),
            number: i32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
        }
    }
}

/// What the kernel's verifier would have against a program: fields that an operation does not use are 0, registers are read
/// after they were written, and all instructions can be reached.
fn objection(program: &[u64]) -> Option<String> {
    // Of each instruction, the registers that have a value whichever way led there.
    let mut known: Vec<Option<u32>> = vec![None; program.len()];
    known[0] = Some(1 << CONTEXT);
    for (index, instruction) in program.iter().enumerate() {
        let Parts { code, to, from, offset, number } = Parts::of(*instruction);
        let Some(before) = known[index] else { return Some(format!("{index} cannot be reached")) };
        let unused_is_zero = match code {
            LOAD_WORD => number == 0,
            MOVE_REGISTER => offset == 0 && number == 0,
            EXIT => to == 0 && from == 0 && offset == 0 && number == 0,
            JUMP_IF_EQUAL | JUMP_IF_NOT_EQUAL => from == 0,
            _ => from == 0 && offset == 0,
        };
        if !unused_is_zero {
            return Some(format!("{index} has a number in a field that {code:#x} does not use"));
        }
        let read = match code {
            LOAD_WORD | MOVE_REGISTER => Some(from),
            MOVE_NUMBER => None,
            EXIT => Some(usize::from(RESULT)),
            _ => Some(to),
        };
        if let Some(register) = read.filter(|register| before >> register & 1 == 0) {
            return Some(format!("{index} reads register {register}, which may have no value"));
        }
        let jumps = matches!(code, JUMP_IF_EQUAL | JUMP_IF_NOT_EQUAL);
        let after = if jumps || code == EXIT { before } else { before | 1 << to };
        let past = usize::try_from(offset.max(0)).expect("only forward");
        let next = [(code != EXIT).then_some(index + 1), jumps.then_some(index + 1 + past)];
        for next in next.into_iter().flatten() {
            let Some(there) = known.get_mut(next) else { return Some(format!("{index} leads past the end")) };
            *there = Some(there.map_or(after, |there| there & after));
        }
    }
    None
}

/// As bpftool prints it.
fn disassemble(program: &[u64]) -> String {
    let line = |(index, instruction): (usize, &u64)| {
        let Parts { code, to, from, offset, number } = Parts::of(*instruction);
        let target = index + 1 + usize::try_from(offset.max(0)).expect("only forward");
        let text = match code {
            LOAD_WORD => format!("w{to} = *(u32 *)(r{from} + {offset})"),
            MOVE_REGISTER => format!("r{to} = r{from}"),
            MOVE_NUMBER => format!("r{to} = {number}"),
            AND_NUMBER => format!("w{to} &= {number:#x}"),
            SHIFT_RIGHT_NUMBER => format!("w{to} >>= {number}"),
            JUMP_IF_EQUAL => format!("if w{to} == {number} goto {target}"),
            JUMP_IF_NOT_EQUAL => format!("if w{to} != {number} goto {target}"),
            EXIT => "exit".into(),
            other => format!("{other:#x}?"),
        };
        format!("{index:3}: {text}")
    };
    program.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

/// The rules without a program: each letter asked for is decided by the last rule that names it.
fn expected(rules: &[DeviceRule], access: i32, kind: i32, (major, minor): (i32, i32)) -> bool {
    let about = |rule: &&DeviceRule| {
        let same = |wanted: Option<u32>, number: i32| wanted.is_none_or(|wanted| wanted.cast_signed() == number);
        let same_kind = match rule.kind {
            DeviceKind::All => true,
            DeviceKind::Char => kind == KIND_CHAR,
            DeviceKind::Block => kind == KIND_BLOCK,
        };
        same_kind && same(rule.major, major) && same(rule.minor, minor)
    };
    let last = |letter: i32| rules.iter().rev().filter(about).find(|rule| letters(rule) & letter != 0);
    [ACCESS_MAKE, ACCESS_READ, ACCESS_WRITE]
        .into_iter()
        .filter(|letter| access & letter != 0)
        .all(|letter| last(letter).is_some_and(|rule| rule.allow))
}

const READ_WRITE: i32 = ACCESS_READ | ACCESS_WRITE;

fn rule(allow: bool, device: Option<(u32, u32)>, access: &str) -> DeviceRule {
    let (major, minor) = device.unzip();
    DeviceRule::new(allow, DeviceKind::Char, major, minor, access)
}

#[test]
fn an_allow_rule_grants_its_letters_and_no_more() {
    let program = device_program(&[DeviceRule::all(false), rule(true, Some((1, 3)), "r")]);
    let ask = |access| run(&program, access, KIND_CHAR, (1, 3));
    judge("deny all, allow c 1:3 r: reading, writing, both")
        .expected([true, false, false])
        .seen([ask(ACCESS_READ), ask(ACCESS_WRITE), ask(READ_WRITE)])
        .cause(|seen| match seen {
            [true, false, true] => {
                "one letter that is granted let the others pass: reading and writing was allowed by a rule for reading"
                    .into()
            }
            [true, true, _] => "a rule for reading allowed writing: its letters were not looked at".into(),
            [false, ..] => "a rule for reading did not allow reading".into(),
            _ => "unknown".into(),
        })
        .read(READ);
}

#[test]
fn two_rules_together_grant_what_each_does() {
    let program =
        device_program(&[DeviceRule::all(false), rule(true, Some((1, 3)), "r"), rule(true, Some((1, 3)), "w")]);
    let ask = |access| run(&program, access, KIND_CHAR, (1, 3));
    judge("deny all, allow c 1:3 r, allow c 1:3 w: reading, writing, both at once")
        .expected([true, true, true])
        .seen([ask(ACCESS_READ), ask(ACCESS_WRITE), ask(READ_WRITE)])
        .cause(|seen| match seen {
            [true, true, false] => "one rule has to grant all letters at once: each letter is decided by itself".into(),
            _ => "unknown".into(),
        })
        .read(READ);
}

#[test]
fn one_denied_letter_is_enough() {
    let program = device_program(&[DeviceRule::all(true), rule(false, Some((1, 3)), "w")]);
    let ask = |access| run(&program, access, KIND_CHAR, (1, 3));
    judge("allow all, deny c 1:3 w: reading, writing, both")
        .expected([true, false, false])
        .seen([ask(ACCESS_READ), ask(ACCESS_WRITE), ask(READ_WRITE)])
        .cause(|seen| match seen {
            [true, false, true] => {
                "a denial counted only if all that is asked is denied: who asks for more than that gets it".into()
            }
            [false, ..] => "a denial of writing denied reading too".into(),
            [true, true, _] => "a denial was taken for a grant, or not looked at".into(),
            _ => "unknown".into(),
        })
        .read(READ);
}

#[test]
fn the_last_rule_decides() {
    let null = Some((1, 3));
    let rules = [rule(true, None, "rw"), rule(false, null, "rw"), rule(true, null, "r")];
    let program = device_program(&rules);
    let ask = |access, device| run(&program, access, KIND_CHAR, device);
    judge("allow c *:* rw, deny c 1:3 rw, allow c 1:3 r: reading and writing of 1:3, then of 1:5")
        .expected([true, false, true, true])
        .seen([
            ask(ACCESS_READ, (1, 3)),
            ask(ACCESS_WRITE, (1, 3)),
            ask(ACCESS_READ, (1, 5)),
            ask(ACCESS_WRITE, (1, 5)),
        ])
        .cause(|seen| match seen {
            [true, true, true, true] => {
                "the first rule that fits decided: it is the last one that names a letter".into()
            }
            _ => "unknown".into(),
        })
        .read(READ);
}

/// A judge of the exercise `device-rule`.
#[test]
fn the_verifier_has_nothing_against_the_program() {
    let null = Some((1, 3));
    let lists = [vec![rule(true, null, "r")], vec![rule(false, null, "w")], DeviceRule::docker_defaults()];
    judge("what the kernel's verifier would say of the program for an allow rule, a deny rule, docker's rules")
        .expected([None, None, None])
        .seen(lists.map(|rules| objection(&device_program(&rules))))
        .cause(|seen| {
            let text = seen.iter().flatten().next().map_or("unknown", String::as_str);
            format!("the kernel refuses to load it: instruction {text}")
        })
        .read(READ);
}

/// Every access to every device of interest, under lists that mix everything.
#[test]
fn the_program_does_what_the_rules_say() {
    let block = |allow, major, minor, access| DeviceRule::new(allow, DeviceKind::Block, major, minor, access);
    let lists: [Vec<DeviceRule>; 5] = [
        vec![],
        DeviceRule::docker_defaults(),
        vec![DeviceRule::all(true), block(false, Some(8), None, "w"), block(true, Some(8), Some(1), "rw")],
        vec![
            DeviceRule::new(true, DeviceKind::All, None, None, "m"),
            rule(true, Some((1, 3)), "rwm"),
            block(true, Some(8), None, "r"),
            block(false, Some(8), Some(1), "r"),
        ],
        vec![
            rule(true, Some((1, 5)), "r"),
            DeviceRule::all(true),
            DeviceRule::all(false),
            rule(true, Some((5, 2)), "w"),
        ],
    ];
    for rules in lists {
        let program = device_program(&rules);
        for access in 1..8 {
            for kind in [KIND_BLOCK, KIND_CHAR] {
                for device in [(1, 3), (1, 5), (8, 0), (8, 1), (5, 2), (136, 7)] {
                    assert_eq!(
                        run(&program, access, kind, device),
                        expected(&rules, access, kind, device),
                        "access {access} kind {kind} device {device:?} under {rules:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn nothing_stands_behind_a_rule_about_everything() {
    let open = device_program(&[rule(true, Some((1, 3)), "r"), DeviceRule::all(true)]);
    assert_eq!(open.len(), 8);
}

#[test]
fn the_program_for_dockers_defaults() {
    insta::assert_snapshot!(disassemble(&device_program(&DeviceRule::docker_defaults())));
}
