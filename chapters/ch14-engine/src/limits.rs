//! Docker's rules for limits: what must go together, what is too little.

use cgroups::{SwapError, swap_alone};
use process::Diagnose;
use runtime::spec::{BlockIo, Cpu, Limits, Memory, Pids};
use thiserror::Error;

use crate::options::LimitOptions;
use crate::units::{Bytes, NanoCpus};

/// Docker's floor for `--memory`.
const LEAST_MEMORY: i64 = 6 << 20;

/// Why a limit makes no sense. The words are docker's.
#[derive(Debug, Error)]
pub enum LimitError {
    /// Too little to start anything.
    #[error("Minimum memory limit allowed is 6MB")]
    Memory,
    /// Memory and swap do not fit together.
    #[error(transparent)]
    Swap(#[from] SwapError),
    /// Soft above hard.
    #[error("Minimum memory limit can not be less than memory reservation limit, see usage")]
    Reservation,
    /// More processors than there are, or none.
    #[error("range of CPUs is from 0.01 to {0}.00, as there are only {0} CPUs available")]
    Cpus(usize),
    /// Out of range.
    #[error("Range of blkio weight is from 10 to 1000")]
    BlockIoWeight,
}

impl Diagnose for LimitError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Swap(error) => error.hint(),
            _ => None,
        }
    }
}

/// Checks the options and turns them into limits, `processors` being what the machine has.
///
/// # Errors
/// [`LimitError`].
pub(crate) fn limits(options: &LimitOptions, processors: usize) -> Result<Limits, LimitError> {
    let weight = options.blkio_weight.filter(|weight| *weight != 0);
    if weight.is_some_and(|weight| !(10..=1000).contains(&weight)) {
        return Err(LimitError::BlockIoWeight);
    }
    Ok(Limits {
        memory: memory(options)?,
        cpu: cpu(options, processors)?,
        // Docker's 0 is no limit; the specification's is one.
        pids: Pids { limit: options.pids.filter(|limit| *limit != 0).map(|limit| limit.max(-1)) },
        block_io: BlockIo { weight, ..BlockIo::default() },
        ..Limits::default()
    })
}

fn memory(options: &LimitOptions) -> Result<Memory, LimitError> {
    let given = |bytes: Option<Bytes>| bytes.map(|Bytes(bytes)| bytes).filter(|bytes| *bytes != 0);
    let (limit, swap) = (given(options.memory), given(options.memory_swap));
    let reservation = given(options.memory_reservation);
    if [limit, reservation].iter().flatten().any(|bytes| *bytes < LEAST_MEMORY) {
        return Err(LimitError::Memory);
    }
    swap_alone(limit, swap)?;
    // Docker's default: as much swap as memory.
    let swap = swap.or_else(|| limit.map(|limit| limit.saturating_mul(2)));
    if let (Some(limit), Some(reservation)) = (limit, reservation)
        && limit < reservation
    {
        return Err(LimitError::Reservation);
    }
    Ok(Memory { limit, swap, reservation, ..Memory::default() })
}

fn cpu(options: &LimitOptions, processors: usize) -> Result<Cpu, LimitError> {
    let cpu = Cpu {
        shares: options.cpu_shares.filter(|shares| *shares != 0),
        cpus: options.cpuset_cpus.clone().unwrap_or_default(),
        ..Cpu::default()
    };
    match options.cpus.filter(|NanoCpus(nanos)| *nanos != 0) {
        None => Ok(cpu),
        Some(NanoCpus(nanos)) if !(10_000_000..=1_000_000_000 * processors as u64).contains(&nanos) => {
            Err(LimitError::Cpus(processors))
        }
        Some(NanoCpus(nanos)) => Ok(cpu.with_nano_cpus(nanos)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(set: impl FnOnce(&mut LimitOptions)) -> Result<Limits, LimitError> {
        let mut options = LimitOptions::default();
        set(&mut options);
        limits(&options, 2)
    }

    #[test]
    fn nothing_asked_nothing_set() {
        assert_eq!(of(|_| {}).expect("no limits"), Limits::default());
    }

    #[test]
    fn swap_defaults_to_as_much_as_memory() {
        let memory = of(|o| o.memory = Some(Bytes(64 << 20))).expect("a limit").memory;
        assert_eq!((memory.limit, memory.swap), (Some(64 << 20), Some(128 << 20)));
    }

    #[test]
    fn cpus_become_a_quota() {
        let cpu = of(|o| o.cpus = Some(NanoCpus(1_500_000_000))).expect("a limit").cpu;
        assert_eq!((cpu.quota, cpu.period), (Some(150_000), Some(100_000)));
    }

    #[test]
    fn nonsense_is_refused_in_dockers_words() {
        let m = |megabytes: i64| Some(Bytes(megabytes << 20));
        let errors = [
            of(|o| o.memory = m(5)),
            of(|o| o.memory_swap = m(64)),
            of(|o| (o.memory, o.memory_swap) = (m(64), m(32))),
            of(|o| (o.memory, o.memory_reservation) = (m(64), m(128))),
            of(|o| o.cpus = Some(NanoCpus(3_000_000_000))),
            of(|o| o.blkio_weight = Some(5)),
        ]
        .map(|result| result.expect_err("nonsense").to_string());
        insta::assert_snapshot!(errors.join("\n"), @r"
        Minimum memory limit allowed is 6MB
        You should always set the Memory limit when using Memoryswap limit, see usage
        Minimum memoryswap limit should be larger than memory limit, see usage
        Minimum memory limit can not be less than memory reservation limit, see usage
        range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available
        Range of blkio weight is from 10 to 1000
        ");
    }
}
