//! From the numbers of docker and v1 to those of v2, where the two count differently.

use process::{Diagnose, FailureKind};
use thiserror::Error;

/// Memory and swap that do not fit together, in docker's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SwapError {
    /// v2 needs the difference.
    #[error("You should always set the Memory limit when using Memoryswap limit, see usage")]
    Alone {
        /// Bytes.
        both: i64,
    },
    /// The sum is less than one part of it.
    #[error("Minimum memoryswap limit should be larger than memory limit, see usage")]
    BelowMemory {
        /// Bytes of memory.
        limit: i64,
        /// Bytes of both.
        both: i64,
    },
}

impl Diagnose for SwapError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Invalid)
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Alone { both } => {
                format!("{both} bytes are a limit on memory and swap together: say how much of it is memory")
            }
            Self::BelowMemory { limit, both } => format!(
                "{both} bytes are memory and swap together, {limit} bytes memory alone; -1 means as much swap as there is"
            ),
        })
    }
}

/// v2's `memory.swap.max` for docker's `--memory` and `--memory-swap`, all in bytes, -1 for no limit, 0 for none
/// given.
///
/// v1 and docker limit memory and swap *together*, v2 limits swap *alone*. `None` means: leave the file as it is.
///
/// # Errors
/// [`SwapError`] where there is no difference to write.
// ANCHOR: swap_alone
pub fn swap_alone(limit: Option<i64>, both: Option<i64>) -> Result<Option<i64>, SwapError> {
    // ANCHOR: ex_swap
    match (limit, both) {
        (_, None | Some(0)) => Ok(None),
        // No limit on both is no limit on swap, whatever the one on memory; and none on memory leaves none for swap.
        (_, Some(..=-1)) | (Some(..=-1), Some(_)) => Ok(Some(-1)),
        (None | Some(0), Some(both)) => Err(SwapError::Alone { both }),
        (Some(limit), Some(both)) if both < limit => Err(SwapError::BelowMemory { limit, both }),
        // Equal means no swap at all, which is 0 and not "no limit".
        (Some(limit), Some(both)) => Ok(Some(both - limit)),
    }
    // ANCHOR_END: ex_swap
}
// ANCHOR_END: swap_alone

/// v2's weight (1 to 10000, normally 100) for v1's shares (2 to 262144, normally 1024).
///
/// The curve that runc and crun use since 2025: a quadratic in log2 through (2, 1), (1024, 100), (262144, 10000). The
/// straight line before it made the default share of 1024 a weight of 39, far below that of every other group.
/// <https://github.com/opencontainers/cgroups/pull/20>
// ANCHOR: weight_of_shares
pub(crate) fn weight_of_shares(shares: u64) -> u64 {
    match shares {
        ..=2 => 1,
        262_144.. => 10_000,
        _ => {
            #[expect(clippy::cast_precision_loss, reason = "18 bits fit")]
            let log = (shares as f64).log2();
            let exponent = (log * log + 125.0 * log) / 612.0 - 7.0 / 34.0;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 10000")]
            let weight = 10_f64.powf(exponent).ceil() as u64;
            weight.clamp(1, 10_000)
        }
    }
}
// ANCHOR_END: weight_of_shares

/// v2's `io.weight` (1 to 10000) for docker's `--blkio-weight` (10 to 1000).
pub(crate) fn io_weight(weight: u16) -> u32 {
    1 + u32::from(weight.saturating_sub(10)) * 9999 / 990
}

#[cfg(test)]
mod tests {
    use testkit::judge;

    use super::*;

    const READ: &str = "ch04-cgroups, \"Numbers that changed their meaning\"";

    #[test]
    fn shares_keep_their_three_fixed_points() {
        assert_eq!([2, 1024, 262_144].map(weight_of_shares), [1, 100, 10_000]);
        assert!((3..262_144).step_by(997).all(|shares| weight_of_shares(shares) <= weight_of_shares(shares + 997)));
    }

    #[test]
    fn block_weights_keep_their_ends() {
        assert_eq!([0, 10, 1000].map(io_weight), [1, 1, 10_000]);
    }

    const MIB: i64 = 1 << 20;

    #[test]
    fn swap_is_what_is_left_of_both() {
        judge("memory.swap.max for --memory 64m --memory-swap 128m")
            .expected(Ok(Some(64 * MIB)))
            .seen(swap_alone(Some(64 * MIB), Some(128 * MIB)))
            .cause(|seen| match seen {
                Ok(Some(both)) if *both == 128 * MIB => {
                    "docker's number counts memory too: v2 would allow 64 MiB of memory and 128 MiB of swap".into()
                }
                Ok(None) => "the limit on swap is not set at all".into(),
                _ => "unknown".into(),
            })
            .read(READ);
    }

    #[test]
    fn equal_limits_mean_no_swap() {
        judge("memory.swap.max for --memory 64m --memory-swap 64m")
            .expected(Ok(Some(0)))
            .seen(swap_alone(Some(64 * MIB), Some(64 * MIB)))
            .cause(|seen| match seen {
                Ok(Some(-1) | None) => {
                    "0 bytes of swap were taken for \"not set\": a container that may not swap may swap without limit"
                        .into()
                }
                Ok(Some(both)) if *both == 64 * MIB => {
                    "docker's number counts memory too: nothing is left for swap".into()
                }
                Ok(Some(_)) => "unknown".into(),
                Err(_) => "equal limits are allowed: they forbid swap".into(),
            })
            .read(READ);
    }

    #[test]
    fn no_limit_stays_no_limit() {
        let seen = [
            swap_alone(Some(64 * MIB), Some(-1)),
            swap_alone(Some(-1), Some(128 * MIB)),
            swap_alone(Some(-1), Some(-1)),
            swap_alone(Some(64 * MIB), None),
            swap_alone(None, None),
            swap_alone(Some(64 * MIB), Some(0)),
            swap_alone(None, Some(0)),
        ];
        judge("memory.swap.max where a limit is -1, or absent, or 0")
            .expected([Ok(Some(-1)), Ok(Some(-1)), Ok(Some(-1)), Ok(None), Ok(None), Ok(None), Ok(None)])
            .seen(seen)
            .cause(|seen| match seen[0] {
                Ok(Some(bytes)) if bytes < -1 => {
                    "-1 means \"no limit\", and was used as a number to calculate with".into()
                }
                Err(SwapError::BelowMemory { .. }) => "-1 means \"no limit\", and was compared as a number".into(),
                _ if seen[..5] == [Ok(Some(-1)), Ok(Some(-1)), Ok(Some(-1)), Ok(None), Ok(None)] => {
                    "for docker, 0 on memory and swap together means that nobody has set it".into()
                }
                _ => "unknown".into(),
            })
            .read(READ);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let seen = [
            swap_alone(Some(128 * MIB), Some(64 * MIB)),
            swap_alone(None, Some(64 * MIB)),
            swap_alone(Some(0), Some(64 * MIB)),
        ];
        judge("a sum that is less than its part, and a sum without its part, which is absent or 0")
            .expected([
                Err(SwapError::BelowMemory { limit: 128 * MIB, both: 64 * MIB }),
                Err(SwapError::Alone { both: 64 * MIB }),
                Err(SwapError::Alone { both: 64 * MIB }),
            ])
            .seen(seen)
            .cause(|seen| match seen {
                [Ok(Some(bytes)), ..] if *bytes < 0 => {
                    "a negative difference reads as \"no limit\": a limit that makes no sense lifted all limits".into()
                }
                [_, Err(_), Ok(_)] => "a memory limit of 0 is none given, as for docker".into(),
                [_, Ok(_), _] => "without the memory limit there is no difference: it was guessed".into(),
                [Err(_), Err(_), Err(_)] => "these are errors, and not the ones that say what is wrong".into(),
                _ => "unknown".into(),
            })
            .read(READ);
    }
}
