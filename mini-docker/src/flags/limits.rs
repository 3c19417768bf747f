//! Flags about what a container may use, that can be set when it is made and changed later.

use engine::create::Resources;

use super::values;

// A doc comment would become the command's description.
#[derive(Debug, clap::Args)]
pub(crate) struct LimitFlags {
    /// Relative weight of disk traffic, 10 to 1000, or 0 for none.
    #[arg(long, value_name = "WEIGHT", value_parser = values::uint16)]
    blkio_weight: Option<u16>,
    /// Microseconds in which --cpu-quota counts.
    #[arg(long, value_name = "NUMBER", value_parser = values::int64)]
    cpu_period: Option<i64>,
    /// Microseconds of processor time in each period.
    #[arg(long, value_name = "NUMBER", value_parser = values::int64)]
    cpu_quota: Option<i64>,
    /// Relative weight of processor time; 1024 is normal.
    #[arg(short, long, value_name = "WEIGHT", value_parser = values::int64)]
    cpu_shares: Option<i64>,
    /// Number of processors, as 1.5.
    #[arg(long, value_name = "NUMBER", value_parser = values::cpus)]
    cpus: Option<i64>,
    /// Processors to use, as 0-2,4.
    #[arg(long, value_name = "LIST")]
    cpuset_cpus: Option<String>,
    /// Memory nodes to use, the same.
    #[arg(long, value_name = "LIST")]
    cpuset_mems: Option<String>,
    /// Memory limit, as 64m or 1.5g.
    #[arg(short, long, value_name = "BYTES", value_parser = values::bytes)]
    memory: Option<i64>,
    /// Soft memory limit.
    #[arg(long, value_name = "BYTES", value_parser = values::bytes)]
    memory_reservation: Option<i64>,
    /// Limit of memory and swap together; -1 for no limit.
    #[arg(long, value_name = "BYTES", value_parser = values::swap)]
    memory_swap: Option<i64>,
    /// Number of processes; -1 for no limit.
    #[arg(long, value_name = "NUMBER", value_parser = values::int64)]
    pids_limit: Option<i64>,
}

impl LimitFlags {
    /// In docker's fields; what was not asked for is 0.
    pub(crate) fn resources(self) -> Resources {
        Resources {
            blkio_weight: self.blkio_weight.unwrap_or_default(),
            cpu_period: self.cpu_period.unwrap_or_default(),
            cpu_quota: self.cpu_quota.unwrap_or_default(),
            cpu_shares: self.cpu_shares.unwrap_or_default(),
            nano_cpus: self.cpus.unwrap_or_default(),
            cpuset_cpus: self.cpuset_cpus.unwrap_or_default(),
            cpuset_mems: self.cpuset_mems.unwrap_or_default(),
            memory: self.memory.unwrap_or_default(),
            memory_reservation: self.memory_reservation.unwrap_or_default(),
            memory_swap: self.memory_swap.unwrap_or_default(),
            pids_limit: self.pids_limit,
            ..Resources::default()
        }
    }
}
