//! `linux.seccomp` of the runtime specification:
//! <https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#seccomp>.

use serde::{Deserialize, Serialize};

/// What to do with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Action {
    /// Let it through.
    #[serde(rename = "SCMP_ACT_ALLOW")]
    Allow,
    /// Refuse it with an error number.
    #[serde(rename = "SCMP_ACT_ERRNO")]
    Errno,
    /// End the thread.
    #[serde(rename = "SCMP_ACT_KILL", alias = "SCMP_ACT_KILL_THREAD")]
    KillThread,
    /// End the process.
    #[serde(rename = "SCMP_ACT_KILL_PROCESS")]
    KillProcess,
    /// Send `SIGSYS`.
    #[serde(rename = "SCMP_ACT_TRAP")]
    Trap,
    /// Ask a tracer.
    #[serde(rename = "SCMP_ACT_TRACE")]
    Trace,
    /// Let it through, and log it.
    #[serde(rename = "SCMP_ACT_LOG")]
    Log,
    /// Ask another process, over a descriptor.
    #[serde(rename = "SCMP_ACT_NOTIFY")]
    Notify,
}

/// A way into the kernel. Rules for the ways of other machines are read, and have no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the specification's names say all there is")]
pub enum Architecture {
    /// 64 bits on x86.
    #[serde(rename = "SCMP_ARCH_X86_64")]
    X86_64,
    /// 32 bits on x86.
    #[serde(rename = "SCMP_ARCH_X86")]
    X86,
    /// 64-bit registers and 32-bit pointers on x86.
    #[serde(rename = "SCMP_ARCH_X32")]
    X32,
    #[serde(rename = "SCMP_ARCH_ARM")]
    Arm,
    #[serde(rename = "SCMP_ARCH_AARCH64")]
    Aarch64,
    #[serde(rename = "SCMP_ARCH_LOONGARCH64")]
    Loongarch64,
    #[serde(rename = "SCMP_ARCH_M68K")]
    M68k,
    #[serde(rename = "SCMP_ARCH_MIPS")]
    Mips,
    #[serde(rename = "SCMP_ARCH_MIPS64")]
    Mips64,
    #[serde(rename = "SCMP_ARCH_MIPS64N32")]
    Mips64n32,
    #[serde(rename = "SCMP_ARCH_MIPSEL")]
    Mipsel,
    #[serde(rename = "SCMP_ARCH_MIPSEL64")]
    Mipsel64,
    #[serde(rename = "SCMP_ARCH_MIPSEL64N32")]
    Mipsel64n32,
    #[serde(rename = "SCMP_ARCH_PARISC")]
    Parisc,
    #[serde(rename = "SCMP_ARCH_PARISC64")]
    Parisc64,
    #[serde(rename = "SCMP_ARCH_PPC")]
    Ppc,
    #[serde(rename = "SCMP_ARCH_PPC64")]
    Ppc64,
    #[serde(rename = "SCMP_ARCH_PPC64LE")]
    Ppc64le,
    #[serde(rename = "SCMP_ARCH_RISCV64")]
    Riscv64,
    #[serde(rename = "SCMP_ARCH_S390")]
    S390,
    #[serde(rename = "SCMP_ARCH_S390X")]
    S390x,
    #[serde(rename = "SCMP_ARCH_SH")]
    Sh,
    #[serde(rename = "SCMP_ARCH_SHEB")]
    Sheb,
}

/// How to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operator {
    /// Not equal.
    #[serde(rename = "SCMP_CMP_NE")]
    NotEqual,
    /// Less.
    #[serde(rename = "SCMP_CMP_LT")]
    Less,
    /// Less or equal.
    #[serde(rename = "SCMP_CMP_LE")]
    LessOrEqual,
    /// Equal.
    #[serde(rename = "SCMP_CMP_EQ")]
    Equal,
    /// Greater or equal.
    #[serde(rename = "SCMP_CMP_GE")]
    GreaterOrEqual,
    /// Greater.
    #[serde(rename = "SCMP_CMP_GT")]
    Greater,
    /// `argument & value == valueTwo`.
    #[serde(rename = "SCMP_CMP_MASKED_EQ")]
    MaskedEqual,
}

/// A condition on an argument, which is an unsigned number of 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Argument {
    /// Which one, from 0 to 5.
    pub index: u32,
    /// To compare with; the mask for `SCMP_CMP_MASKED_EQ`.
    pub value: u64,
    /// The result that a mask must give.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub value_two: u64,
    /// How.
    pub op: Operator,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What to do with some calls, under conditions that must all hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Names of system calls. Those that an architecture does not have are passed over.
    pub names: Vec<String>,
    /// What to do.
    pub action: Action,
    /// Error number for `SCMP_ACT_ERRNO`, message for `SCMP_ACT_TRACE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errno_ret: Option<u32>,
    /// Conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub args: Vec<Argument>,
}

/// Go writes an empty list as `null`.
pub(crate) fn null_is_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The whole filter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seccomp {
    /// For calls that no rule is about.
    pub default_action: Action,
    /// Error number for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_errno_ret: Option<u32>,
    /// Ways into the kernel that the rules are for; the others are shut. None means the native one.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub architectures: Vec<Architecture>,
    /// `SECCOMP_FILTER_FLAG_*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub flags: Vec<String>,
    /// The socket of whoever is asked by `SCMP_ACT_NOTIFY`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub listener_path: String,
    /// What is told to them besides.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub listener_metadata: String,
    /// Rules.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub syscalls: Vec<Rule>,
}
