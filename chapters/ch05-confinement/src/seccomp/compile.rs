//! The whole program: which way the call came in, then its number.

use std::collections::BTreeMap;

use nix::errno::Errno;
use process::sys::SockFilter;
use process::{Diagnose, FailureKind};
use thiserror::Error;

use super::bpf::{ARCHITECTURE, NUMBER, Program, Test};
use super::condition::Width;
use super::dispatch::{Row, dispatch};
use super::names;
use super::oci::{Architecture, Seccomp};
use super::rules::{Answer, KILL_THREAD, RuleError, answers, default_answer, newer};

/// `<linux/audit.h>`.
const AUDIT_ARCH_X86_64: u32 = 0xc000_003e;
const AUDIT_ARCH_I386: u32 = 0x4000_0003;
/// Marks a number as x32's.
const X32_BIT: u32 = 0x4000_0000;
/// What a tracer sets as number to skip a call. It is not x32's.
const SKIPPED: u32 = u32::MAX;
/// The kernel takes no longer program (`BPF_MAXINSNS`).
const LONGEST: usize = 4096;

/// What most programs call most, on x86-64.
const HOT: [&str; 24] = [
    "read",
    "write",
    "close",
    "openat",
    "open",
    "fstat",
    "newfstatat",
    "stat",
    "lstat",
    "mmap",
    "munmap",
    "brk",
    "lseek",
    "poll",
    "epoll_wait",
    "futex",
    "recvfrom",
    "sendto",
    "recvmsg",
    "sendmsg",
    "rt_sigaction",
    "rt_sigprocmask",
    "clock_gettime",
    "getdents64",
];

/// Why there is no filter.
#[derive(Debug, Error)]
pub enum SeccompError {
    /// One of its rules cannot be.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// A flag that we do not know.
    #[error("unknown seccomp flag {0:?}")]
    Flag(String),
    /// Too much for the kernel.
    #[error("the seccomp filter has {0} instructions, and the kernel takes {LONGEST}")]
    TooLong(usize),
    /// The kernel refused.
    #[error("load the seccomp filter: {0}")]
    Load(Errno),
}

impl Diagnose for SeccompError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Rule)
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Flag(_) | Self::TooLong(_) => FailureKind::Invalid,
            Self::Load(errno) => (*errno).into(),
            Self::Rule(_) => return None,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Load(Errno::EACCES) => Some("needs CAP_SYS_ADMIN, or no_new_privs".into()),
            Self::Load(Errno::EINVAL) => Some("the kernel may lack CONFIG_SECCOMP_FILTER".into()),
            Self::Load(Errno::ENOMEM) => Some("filters add up, to 32768 instructions for one process".into()),
            Self::TooLong(_) => Some("fewer rules with conditions on arguments".into()),
            Self::Flag(_) => Some("flags are SECCOMP_FILTER_FLAG_LOG, _SPEC_ALLOW, _TSYNC".into()),
            _ => None,
        }
    }
}

/// The program for the kernel. What comes in by a way that the filter does not name is shut, as libseccomp does it.
pub(crate) fn compile(seccomp: &Seccomp) -> Result<Vec<SockFilter>, SeccompError> {
    let default = default_answer(seccomp)?;
    let mut program = Program::default();
    let mut next = program.give_back(KILL_THREAD);
    if let Some(row) = narrow(seccomp)? {
        let tree = dispatch(&mut program, &row.ranges(&[]), Width::Low, default);
        let number = program.load(NUMBER, tree);
        next = program.branch(Test::Equal, AUDIT_ARCH_I386, number, next);
    }
    // ANCHOR: doors
    if let Some(row) = wide(seccomp)? {
        let hot: Vec<u32> = HOT.iter().filter_map(|name| names::number(name, Architecture::X86_64)).collect();
        let tree = dispatch(&mut program, &row.ranges(&hot), Width::Both, default);
        let number = program.load(NUMBER, tree);
        next = program.branch(Test::Equal, AUDIT_ARCH_X86_64, number, next);
    }
    program.load(ARCHITECTURE, next);
    // ANCHOR_END: doors
    let program = program.finish();
    if program.len() > LONGEST { Err(SeccompError::TooLong(program.len())) } else { Ok(program) }
}

/// The answers on an architecture, if the filter names it. None named means the native one.
fn named(seccomp: &Seccomp, architecture: Architecture) -> Result<Option<BTreeMap<u32, Answer>>, RuleError> {
    let native = [Architecture::X86_64];
    let architectures = if seccomp.architectures.is_empty() { &native[..] } else { &seccomp.architectures };
    architectures.contains(&architecture).then(|| answers(seccomp, architecture)).transpose()
}

/// 32-bit x86.
fn narrow(seccomp: &Seccomp) -> Result<Option<Row>, RuleError> {
    Ok(named(seccomp, Architecture::X86)?.map(|answers| {
        let mut row = Row::default();
        row.section(0, answers, &Answer::default(), &newer(seccomp));
        row.section(SKIPPED, BTreeMap::new(), &Answer::default(), &Answer::default());
        row
    }))
}

/// x86-64 and x32 come in by the same way, told apart by a bit of the number. So they are one row of numbers, and telling
/// them apart costs a common call nothing.
fn wide(seccomp: &Seccomp) -> Result<Option<Row>, RuleError> {
    let (native, x32) = (named(seccomp, Architecture::X86_64)?, named(seccomp, Architecture::X32)?);
    if native.is_none() && x32.is_none() {
        return Ok(None);
    }
    let mut row = Row::default();
    let shut = Answer::always(KILL_THREAD);
    for (start, answers) in [(0, native), (X32_BIT, x32)] {
        let gap = if answers.is_some() { &Answer::default() } else { &shut };
        row.section(start, answers.unwrap_or_default(), gap, &newer(seccomp));
    }
    row.section(SKIPPED, BTreeMap::new(), &Answer::default(), &Answer::default());
    Ok(Some(row))
}
