//! Runs a filter as the kernel would, and counts. Slow and plain: it is what the fast things are compared with.

use process::sys::SockFilter;

pub(crate) const X86_64: u32 = 0xc000_003e;
pub(crate) const I386: u32 = 0x4000_0003;
pub(crate) const AARCH64: u32 = 0xc000_00b7;
pub(crate) const X32_BIT: u32 = 0x4000_0000;

pub(crate) const ALLOW: u32 = 0x7fff_0000;
pub(crate) const KILL: u32 = 0;

pub(crate) fn errno(number: u32) -> u32 {
    0x0005_0000 | number
}

/// `struct seccomp_data`, without the instruction pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) number: u32,
    pub(crate) architecture: u32,
    pub(crate) arguments: [u64; 6],
}

impl Call {
    pub(crate) fn new(architecture: u32, number: u32) -> Self {
        Self { number, architecture, arguments: [0; 6] }
    }

    pub(crate) fn with(mut self, index: usize, value: u64) -> Self {
        self.arguments[index] = value;
        self
    }

    fn word(&self, offset: u32) -> u32 {
        match offset {
            0 => self.number,
            4 => self.architecture,
            16..64 if offset.is_multiple_of(4) => {
                let argument = self.arguments[((offset - 16) / 8) as usize];
                let half = if offset.is_multiple_of(8) { argument } else { argument >> 32 };
                u32::try_from(half & 0xffff_ffff).expect("a half")
            }
            _ => panic!("a load from {offset}"),
        }
    }
}

/// What the filter answers, and how many instructions that took.
pub(crate) fn run(program: &[SockFilter], call: &Call) -> (u32, u32) {
    let (mut at, mut accumulator, mut executed) = (0, 0, 0);
    loop {
        let SockFilter { code, jt, jf, k } = program[at];
        executed += 1;
        at += 1;
        let branch = |holds: bool| usize::from(if holds { jt } else { jf });
        match code {
            0x20 => accumulator = call.word(k),
            0x54 => accumulator &= k,
            0x05 => at += k as usize,
            0x15 => at += branch(accumulator == k),
            0x25 => at += branch(accumulator > k),
            0x35 => at += branch(accumulator >= k),
            0x45 => at += branch(accumulator & k != 0),
            0x06 => return (k, executed),
            _ => panic!("instruction {code:#x}"),
        }
    }
}

pub(crate) fn answer(program: &[SockFilter], call: &Call) -> u32 {
    run(program, call).0
}
