//! From names to numbers: what a filter says about each call of one architecture.

use std::collections::BTreeMap;

use nix::errno::Errno;
use process::{Diagnose, FailureKind};
use thiserror::Error;

use super::names;
use super::oci::{Action, Architecture, Argument, Operator, Seccomp};

/// `<linux/seccomp.h>`.
pub(crate) const KILL_THREAD: u32 = 0;
const RET_ERRNO: u32 = 0x0005_0000;
/// The highest error number (`MAX_ERRNO`).
const MAX_ERRNO: u32 = 4095;

/// A rule that cannot be.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RuleError {
    /// An action that needs somebody to ask.
    #[error("seccomp rule for {0}: SCMP_ACT_NOTIFY asks a listener, and there is none")]
    Notify(String),
    /// The call by which the listener hears of us would be asked about before anybody listens. The words are runc's.
    #[error("SCMP_ACT_NOTIFY cannot be used {0}")]
    NotifyAll(&'static str),
    /// A word for a listener that is not there.
    #[error("seccomp: listenerMetadata is given without listenerPath")]
    Metadata,
    /// An argument that no call has.
    #[error("seccomp rule for {call}: argument {index}: calls have arguments 0 to 5")]
    Argument {
        /// The first name of the rule.
        call: String,
        /// The index.
        index: u32,
    },
    /// An error number that is none.
    #[error("seccomp rule for {call}: errnoRet {number} is more than {MAX_ERRNO}")]
    ErrnoRet {
        /// The first name of the rule.
        call: String,
        /// The number.
        number: u32,
    },
    /// An error number where none is given back.
    #[error("seccomp rule for {0}: errnoRet is only for SCMP_ACT_ERRNO and SCMP_ACT_TRACE")]
    ErrnoRetUnused(String),
}

impl Diagnose for RuleError {
    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Notify(_) => FailureKind::Unsupported,
            _ => FailureKind::Invalid,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Notify(_) => Some(
                "give listenerPath; or SCMP_ACT_ERRNO refuses the call, SCMP_ACT_LOG lets it through and logs it"
                    .into(),
            ),
            _ => None,
        }
    }
}

/// What is done with one call: the answers under conditions, first match first, and the answer otherwise, where `None`
/// is the filter's default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Answer {
    pub(crate) conditional: Vec<(Vec<Argument>, u32)>,
    pub(crate) otherwise: Option<u32>,
}

/// The kernel's word for the default.
pub(crate) fn default_answer(seccomp: &Seccomp) -> Result<u32, RuleError> {
    encode(seccomp.default_action, seccomp.default_errno_ret, "all other calls")
}

impl Answer {
    /// Whatever the arguments.
    pub(crate) fn always(action: u32) -> Self {
        Self { conditional: Vec::new(), otherwise: Some(action) }
    }
}

/// For calls that are newer than the profile: newer than all that it names. A C library takes `ENOSYS` for an old kernel
/// and goes another way; `EPERM` it would report. This is runc's rule, so it is docker's. A profile that lets through
/// what it does not know goes on doing so.
pub(crate) fn newer(seccomp: &Seccomp) -> Answer {
    match seccomp.default_action {
        Action::Allow | Action::Log | Action::Trace => Answer::default(),
        Action::Errno | Action::KillThread | Action::KillProcess | Action::Trap | Action::Notify => {
            Answer::always(RET_ERRNO | Errno::ENOSYS as u32)
        }
    }
}

/// Whether somebody is asked about a call. Then there must be somebody, who can be told.
pub(crate) fn notifies(seccomp: &Seccomp) -> Result<bool, RuleError> {
    if seccomp.listener_path.is_empty() && !seccomp.listener_metadata.is_empty() {
        return Err(RuleError::Metadata);
    }
    if seccomp.default_action == Action::Notify {
        return Err(RuleError::NotifyAll("as default action"));
    }
    let mut rules = seccomp.syscalls.iter().filter(|rule| rule.action == Action::Notify).peekable();
    let Some(first) = rules.peek() else { return Ok(false) };
    if seccomp.listener_path.is_empty() {
        return Err(RuleError::Notify(first.names.first().cloned().unwrap_or_default()));
    }
    if rules.any(|rule| rule.names.iter().any(|name| name == "sendmsg")) {
        return Err(RuleError::NotifyAll("for the sendmsg syscall"));
    }
    Ok(true)
}

/// By number, what the rules say on one architecture, of all calls that they name.
///
/// As libseccomp has it, and so docker: a rule without conditions beats all with, and a rule for what happens anyway is
/// no rule.
pub(crate) fn answers(seccomp: &Seccomp, architecture: Architecture) -> Result<BTreeMap<u32, Answer>, RuleError> {
    let default = default_answer(seccomp)?;
    let mut answers: BTreeMap<u32, Answer> = BTreeMap::new();
    for rule in &seccomp.syscalls {
        let first = rule.names.first().map_or("nothing", String::as_str);
        let action = encode(rule.action, rule.errno_ret, first)?;
        if let Some(argument) = rule.args.iter().find(|argument| argument.index > 5) {
            return Err(RuleError::Argument { call: first.into(), index: argument.index });
        }
        // Behind the second door the arguments lie in memory, where a filter cannot look. What is allowed only under
        // conditions stays refused there; what is refused under conditions is refused.
        let through_both = rule.args.is_empty() || !matches!(rule.action, Action::Allow | Action::Log);
        for name in &rule.names {
            if let Some(number) = names::number(name, architecture) {
                let answer = answers.entry(number).or_default();
                if action != default {
                    answer.add(alternatives(&rule.args), action);
                }
            }
            if architecture == Architecture::X86
                && let Some((number, which)) = second_door(name)
            {
                let answer = answers.entry(number).or_default();
                if action != default && through_both {
                    answer.add(vec![vec![which]], action);
                }
            }
        }
    }
    Ok(answers)
}

impl Answer {
    /// `alternatives` is one empty list for a rule without conditions.
    fn add(&mut self, alternatives: Vec<Vec<Argument>>, action: u32) {
        if self.otherwise.is_some() {
            return;
        }
        if alternatives.iter().any(Vec::is_empty) {
            *self = Self::always(action);
        } else {
            self.conditional.extend(alternatives.into_iter().map(|args| (args, action)));
        }
    }
}

/// Conditions on different arguments must all hold. Two on the same argument are alternatives: libseccomp cannot say
/// otherwise, so runc reads profiles this way, and so must we.
fn alternatives(args: &[Argument]) -> Vec<Vec<Argument>> {
    let doubled = args.iter().enumerate().any(|(at, arg)| args[..at].iter().any(|other| other.index == arg.index));
    if doubled { args.iter().map(|arg| vec![*arg]).collect() } else { vec![args.to_vec()] }
}

/// On 32-bit x86 there are two doors to `socket` and its like: a call of its own, if it has one, and `socketcall(1, …)`. A
/// rule that shuts one must shut the other. The number of the second door, and the condition on its first argument.
fn second_door(name: &str) -> Option<(u32, Argument)> {
    let through = |door, list: &[(&str, u64)], mask| {
        let (_, which) = list.iter().find(|(known, _)| *known == name)?;
        let argument = Argument { index: 0, value: mask, value_two: *which, op: Operator::MaskedEqual };
        Some((names::number(door, Architecture::X86)?, argument))
    };
    through("socketcall", &SOCKETCALL, u64::MAX).or_else(|| through("ipc", &IPC, IPC_WHICH))
}

/// `<linux/net.h>`.
const SOCKETCALL: [(&str, u64); 20] = [
    ("socket", 1),
    ("bind", 2),
    ("connect", 3),
    ("listen", 4),
    ("accept", 5),
    ("getsockname", 6),
    ("getpeername", 7),
    ("socketpair", 8),
    ("send", 9),
    ("recv", 10),
    ("sendto", 11),
    ("recvfrom", 12),
    ("shutdown", 13),
    ("setsockopt", 14),
    ("getsockopt", 15),
    ("sendmsg", 16),
    ("recvmsg", 17),
    ("accept4", 18),
    ("recvmmsg", 19),
    ("sendmmsg", 20),
];

/// `<linux/ipc.h>`.
const IPC: [(&str, u64); 12] = [
    ("semop", 1),
    ("semget", 2),
    ("semctl", 3),
    ("semtimedop", 4),
    ("msgsnd", 11),
    ("msgrcv", 12),
    ("msgget", 13),
    ("msgctl", 14),
    ("shmat", 21),
    ("shmdt", 22),
    ("shmget", 23),
    ("shmctl", 24),
];

/// `ipc(2)` keeps a version in bits 16 to 31 of the same argument. A rule that compared them too could be evaded.
const IPC_WHICH: u64 = 0xffff_ffff_0000_ffff;

/// The kernel's word for an action.
fn encode(action: Action, data: Option<u32>, call: &str) -> Result<u32, RuleError> {
    match (action, data) {
        (Action::Errno, Some(number)) if number > MAX_ERRNO => {
            return Err(RuleError::ErrnoRet { call: call.into(), number });
        }
        (Action::Errno | Action::Trace, _) | (_, None) => {}
        (_, Some(_)) => return Err(RuleError::ErrnoRetUnused(call.into())),
    }
    let data = data.unwrap_or(Errno::EPERM as u32) & 0xffff;
    Ok(match action {
        Action::KillProcess => 0x8000_0000,
        Action::KillThread => KILL_THREAD,
        Action::Trap => 0x0003_0000,
        Action::Errno => RET_ERRNO | data,
        Action::Trace => 0x7ff0_0000 | data,
        Action::Log => 0x7ffc_0000,
        Action::Allow => 0x7fff_0000,
        Action::Notify => 0x7fc0_0000,
    })
}
