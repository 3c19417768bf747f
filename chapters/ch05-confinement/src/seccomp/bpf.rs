//! Classic BPF, as far as a filter needs it: load a word, compare, jump forward, return.
//!
//! Written from the end: the answers first, then the questions that lead to them. So each jump goes to what is known already,
//! and an answer can be shared. The program sees `struct seccomp_data` (`seccomp(2)`): call number, architecture, instruction pointer, six arguments.

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

/// A conditional jump skips at most this many instructions.
const REACH: usize = 255;
/// An answer farther away than this is not shared: the jumps to come are farther still.
const NEAR: usize = 200;

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

/// A place in a program: how many instructions there are from it to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Label(usize);

/// A program in the making, its last instruction first.
#[derive(Debug, Default)]
pub(crate) struct Program {
    reversed: Vec<SockFilter>,
    /// The nearest place that gives each answer.
    answers: Vec<(u32, Label)>,
}

impl Program {
    fn push(&mut self, code: u16, jt: u8, jf: u8, k: u32) -> Label {
        self.reversed.push(SockFilter { code, jt, jf, k });
        Label(self.reversed.len())
    }

    /// Ends the program with this answer.
    pub(crate) fn give_back(&mut self, answer: u32) -> Label {
        let known = self.answers.iter().position(|(value, _)| *value == answer);
        if let Some(place) = known
            && self.distance(self.answers[place].1) <= NEAR
        {
            return self.answers[place].1;
        }
        let label = self.push(RETURN, 0, 0, answer);
        match known {
            Some(place) => self.answers[place].1 = label,
            None => self.answers.push((answer, label)),
        }
        label
    }

    /// Loads a word into the accumulator, then goes on at `next`.
    // ANCHOR: load
    pub(crate) fn load(&mut self, offset: u32, next: Label) -> Label {
        self.then(next);
        self.push(LOAD_WORD, 0, 0, offset)
    }
    // ANCHOR_END: load

    /// Keeps only the bits of `mask`, then goes on at `next`.
    pub(crate) fn and(&mut self, mask: u32, next: Label) -> Label {
        self.then(next);
        self.push(AND, 0, 0, mask)
    }

    /// Goes on at `yes` if the comparison holds, else at `no`.
    pub(crate) fn branch(&mut self, test: Test, k: u32, yes: Label, no: Label) -> Label {
        // What is out of reach gets an unconditional jump on the way, which reaches any distance. One may push the other
        // out of reach, so the farther one comes first.
        let (yes, no) = if yes.0 < no.0 {
            let yes = self.within_reach(yes);
            (yes, self.within_reach(no))
        } else {
            let no = self.within_reach(no);
            (self.within_reach(yes), no)
        };
        let code = match test {
            Test::Equal => JUMP_EQUAL,
            Test::Greater => JUMP_GREATER,
            Test::GreaterOrEqual => JUMP_GREATER_OR_EQUAL,
        };
        let [yes, no] = [yes, no].map(|label| u8::try_from(self.distance(label)).unwrap_or(u8::MAX));
        self.push(code, yes, no, k)
    }

    /// How many instructions lie between here and `label`.
    fn distance(&self, label: Label) -> usize {
        self.reversed.len() - label.0
    }

    /// Makes the next instruction to be written run into `next`.
    fn then(&mut self, next: Label) {
        if self.distance(next) > 0 {
            self.jump(next);
        }
    }

    /// One less than the reach: a jump may still come between.
    fn within_reach(&mut self, label: Label) -> Label {
        if self.distance(label) < REACH { label } else { self.jump(label) }
    }

    fn jump(&mut self, to: Label) -> Label {
        let distance = self.distance(to);
        self.push(JUMP, 0, 0, u32::try_from(distance).unwrap_or(u32::MAX))
    }

    /// In the order in which it runs.
    pub(crate) fn finish(mut self) -> Vec<SockFilter> {
        self.reversed.reverse();
        self.reversed
    }
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

    /// The first program of the book's page on filters: all calls but `mount`, and only by the 64-bit way.
    #[test]
    fn a_small_program_reads_forward_and_is_written_backward() {
        const X86_64: u32 = 0xc000_003e;
        const MOUNT: u32 = 165;
        let (allow, refuse, kill) = (0x7fff_0000, 0x0005_0001, 0);
        // ANCHOR: small
        let mut program = Program::default();
        let allow = program.give_back(allow);
        let refuse = program.give_back(refuse);
        let is_mount = program.branch(Test::Equal, MOUNT, refuse, allow);
        let number = program.load(NUMBER, is_mount);
        let kill = program.give_back(kill);
        let is_64_bit = program.branch(Test::Equal, X86_64, number, kill);
        program.load(ARCHITECTURE, is_64_bit);
        // ANCHOR_END: small
        let line = |(at, step): (usize, &SockFilter)| match step.code {
            LOAD_WORD => format!("{at} load {}", step.k),
            JUMP_EQUAL => format!("{at} A = {:#x}? {} : {}", step.k, step.jt, step.jf),
            _ => format!("{at} answer {:#x}", step.k),
        };
        let text: Vec<String> = program.finish().iter().enumerate().map(line).collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        0 load 4
        1 A = 0xc000003e? 1 : 0
        2 answer 0x0
        3 load 0
        4 A = 0xa5? 0 : 1
        5 answer 0x50001
        6 answer 0x7fff0000
        ");
    }

    fn fill(program: &mut Program, count: usize) {
        for _ in 0..count {
            program.push(RETURN, 0, 0, 3);
        }
    }

    #[test]
    fn branches_arrive_at_any_distance() {
        for (far, near) in
            [(0, 0), (0, 253), (0, 254), (0, 255), (0, 256), (300, 0), (300, 254), (300, 255), (3000, 3000)]
        {
            for swapped in [false, true] {
                let mut program = Program::default();
                let first = program.give_back(1);
                fill(&mut program, far);
                let second = program.give_back(2);
                fill(&mut program, near);
                let (yes, no) = if swapped { (second, first) } else { (first, second) };
                program.branch(Test::Equal, 7, yes, no);
                let program = program.finish();
                let ends = (run(&program, 7), run(&program, 8));
                assert_eq!(ends, if swapped { (2, 1) } else { (1, 2) }, "{far} {near}");
            }
        }
    }

    #[test]
    fn near_answers_are_shared() {
        let mut program = Program::default();
        let first = program.give_back(1);
        program.give_back(2);
        assert_eq!(program.give_back(1), first);
        assert_eq!(program.finish().len(), 2);
    }
}
