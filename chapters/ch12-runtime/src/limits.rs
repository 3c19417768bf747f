//! Docker's rules for limits: what must go together, what is too little.

use cgroups::{Cpu, Limits, Memory, SwapError, swap_alone};
use process::{Diagnose, FailureKind};
use thiserror::Error;

/// Docker's floor for `--memory`.
const LEAST_MEMORY: i64 = 6 << 20;

/// Why a limit makes no sense. The words are docker's.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum LimitError {
    /// Too little to start anything.
    #[error("Minimum memory limit allowed is 6MB")]
    Memory,
    /// The same for the soft limit.
    #[error("Minimum memory reservation allowed is 6MB")]
    LeastReservation,
    /// Memory and swap do not fit together.
    #[error(transparent)]
    Swap(#[from] SwapError),
    /// Soft above hard.
    #[error("Minimum memory limit can not be less than memory reservation limit, see usage")]
    Reservation,
    /// Not a share of anything.
    #[error("invalid value: {0}, valid memory swappiness range is 0-100")]
    Swappiness(u64),
    /// More processors than there are, or none.
    #[error("range of CPUs is from 0.01 to {0}.00, as there are only {0} CPUs available")]
    Cpus(usize),
    /// Two ways to say the same.
    #[error("Conflicting options: Nano CPUs and CPU {0} cannot both be set")]
    CpusAnd(&'static str),
    /// Out of range.
    #[error("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)")]
    Period,
    /// Out of range.
    #[error("CPU cfs quota can not be less than 1ms (i.e. 1000)")]
    Quota,
    /// The kernel would set another number, and say nothing.
    #[error("the {1} allowed cpu-shares is {2}, not {0}")]
    Shares(u64, &'static str, u64),
    /// Out of range.
    #[error("Range of blkio weight is from 10 to 1000")]
    BlockIoWeight,
}

impl Diagnose for LimitError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        if let Self::Swap(error) = self { Some(error) } else { None }
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Invalid)
    }
}

/// Limits as they were wished for, `--cpus` aside, become limits that can be set: 0 is "not asked for", and swap as much as
/// memory. `processors` is what the machine has.
///
/// # Errors
/// [`LimitError`].
pub fn check(limits: Limits, nano_cpus: u64, processors: usize) -> Result<Limits, LimitError> {
    let Limits { memory, cpu, mut pids, mut block_io, .. } = limits.clone();
    block_io.weight = block_io.weight.filter(|weight| *weight != 0);
    let weights = block_io.weight_device.iter().map(|device| device.weight).chain(block_io.weight);
    if weights.into_iter().any(|weight| !(10..=1000).contains(&weight)) {
        return Err(LimitError::BlockIoWeight);
    }
    // Docker's 0 is no limit; the specification's is one.
    pids.limit = pids.limit.filter(|limit| *limit != 0).map(|limit| limit.max(-1));
    Ok(Limits {
        memory: checked_memory(memory)?,
        cpu: checked_cpu(cpu, nano_cpus, processors)?,
        pids,
        block_io,
        ..limits
    })
}

fn given<T: Default + PartialEq>(number: Option<T>) -> Option<T> {
    number.filter(|number| *number != T::default())
}

fn checked_memory(memory: Memory) -> Result<Memory, LimitError> {
    let (limit, swap, reservation) = (given(memory.limit), given(memory.swap), given(memory.reservation));
    let too_little = |bytes: Option<i64>| bytes.is_some_and(|bytes| bytes < LEAST_MEMORY);
    if too_little(limit) {
        return Err(LimitError::Memory);
    }
    if too_little(reservation) {
        return Err(LimitError::LeastReservation);
    }
    swap_alone(limit, swap)?;
    if let (Some(limit), Some(reservation)) = (limit, reservation)
        && limit < reservation
    {
        return Err(LimitError::Reservation);
    }
    if let Some(share) = memory.swappiness.filter(|share| *share > 100) {
        return Err(LimitError::Swappiness(share));
    }
    // Docker's default: as much swap as memory.
    let swap = swap.or_else(|| limit.map(|limit| limit.saturating_mul(2)));
    Ok(Memory { limit, swap, reservation, ..memory })
}

fn checked_cpu(cpu: Cpu, nano_cpus: u64, processors: usize) -> Result<Cpu, LimitError> {
    let (shares, quota, period) = (given(cpu.shares), given(cpu.quota), given(cpu.period));
    if period.is_some_and(|period| !(1_000..=1_000_000).contains(&period)) {
        return Err(LimitError::Period);
    }
    if quota.is_some_and(|quota| (1..1_000).contains(&quota)) {
        return Err(LimitError::Quota);
    }
    match shares {
        Some(shares @ ..2) => return Err(LimitError::Shares(shares, "minimum", 2)),
        Some(shares @ 262_145..) => return Err(LimitError::Shares(shares, "maximum", 262_144)),
        _ => {}
    }
    let cpu = Cpu { shares, quota, period, ..cpu };
    match nano_cpus {
        0 => Ok(cpu),
        _ if period.is_some() => Err(LimitError::CpusAnd("Period")),
        _ if quota.is_some() => Err(LimitError::CpusAnd("Quota")),
        nanos if !(10_000_000..=1_000_000_000 * processors as u64).contains(&nanos) => {
            Err(LimitError::Cpus(processors))
        }
        nanos => Ok(cpu.with_nano_cpus(nanos)),
    }
}

#[cfg(test)]
mod tests {
    use cgroups::BlockIo;

    use super::*;

    const MIB: i64 = 1 << 20;

    fn memory(limit: i64, swap: i64, reservation: i64) -> Limits {
        let memory =
            Memory { limit: Some(limit), swap: Some(swap), reservation: Some(reservation), ..Memory::default() };
        Limits { memory, ..Limits::default() }
    }

    fn cpu(shares: u64, quota: i64, period: u64) -> Limits {
        let cpu = Cpu { shares: Some(shares), quota: Some(quota), period: Some(period), ..Cpu::default() };
        Limits { cpu, ..Limits::default() }
    }

    #[test]
    fn nothing_asked_nothing_set() {
        assert_eq!(check(Limits::default(), 0, 2), Ok(Limits::default()));
        assert_eq!(check(memory(0, 0, 0), 0, 2), Ok(Limits::default()));
        assert_eq!(check(cpu(0, 0, 0), 0, 2), Ok(Limits::default()));
        assert_eq!(check(Limits { pids: 0.into(), ..Limits::default() }, 0, 2), Ok(Limits::default()));
        let io = BlockIo { weight: Some(0), ..BlockIo::default() };
        assert_eq!(check(Limits { block_io: io, ..Limits::default() }, 0, 2), Ok(Limits::default()));
    }

    #[test]
    fn swap_defaults_to_as_much_as_memory() {
        let checked = check(memory(64 * MIB, 0, 0), 0, 2).expect("a limit").memory;
        assert_eq!((checked.limit, checked.swap), (Some(64 * MIB), Some(128 * MIB)));
        assert_eq!(check(memory(64 * MIB, -1, 0), 0, 2).expect("a limit").memory.swap, Some(-1));
    }

    #[test]
    fn cpus_become_a_quota() {
        let cpu = check(Limits::default(), 1_500_000_000, 2).expect("a limit").cpu;
        assert_eq!((cpu.quota, cpu.period), (Some(150_000), Some(100_000)));
    }

    #[test]
    fn nonsense_is_refused_in_dockers_words() {
        let swappiness = Memory { swappiness: Some(101), ..Memory::default() };
        let io = BlockIo { weight: Some(5), ..BlockIo::default() };
        let errors = [
            check(memory(5 * MIB, 0, 0), 0, 2),
            check(memory(0, 0, MIB), 0, 2),
            check(memory(0, 64 * MIB, 0), 0, 2),
            check(memory(64 * MIB, 32 * MIB, 0), 0, 2),
            check(memory(64 * MIB, 0, 128 * MIB), 0, 2),
            check(Limits { memory: swappiness, ..Limits::default() }, 0, 2),
            check(Limits::default(), 3_000_000_000, 2),
            check(Limits::default(), 1, 2),
            check(cpu(0, 0, 100_000), 1_000_000_000, 2),
            check(cpu(0, 50_000, 0), 1_000_000_000, 2),
            check(cpu(0, 0, 999), 0, 2),
            check(cpu(0, 999, 0), 0, 2),
            check(cpu(1, 0, 0), 0, 2),
            check(cpu(262_145, 0, 0), 0, 2),
            check(Limits { block_io: io, ..Limits::default() }, 0, 2),
        ]
        .map(|result| result.expect_err("nonsense").to_string());
        insta::assert_snapshot!(errors.join("\n"), @r"
        Minimum memory limit allowed is 6MB
        Minimum memory reservation allowed is 6MB
        You should always set the Memory limit when using Memoryswap limit, see usage
        Minimum memoryswap limit should be larger than memory limit, see usage
        Minimum memory limit can not be less than memory reservation limit, see usage
        invalid value: 101, valid memory swappiness range is 0-100
        range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available
        range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available
        Conflicting options: Nano CPUs and CPU Period cannot both be set
        Conflicting options: Nano CPUs and CPU Quota cannot both be set
        CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)
        CPU cfs quota can not be less than 1ms (i.e. 1000)
        the minimum allowed cpu-shares is 2, not 1
        the maximum allowed cpu-shares is 262144, not 262145
        Range of blkio weight is from 10 to 1000
        ");
    }
}
