//! The `process` part of a specification, checked: the same for a container's first process and for one that joins it.

use std::path::{Path, PathBuf};

use confinement::{CapabilitySets, Filter, Labels, Rlimit};
use nix::unistd::{Gid, Uid};
use process::Program;

use crate::attributes::Attributes;
use crate::error::PlanError;
use crate::spec::{ConsoleSize, Linux, Process, User};

/// What a process becomes, ready to use.
#[derive(Debug)]
pub(crate) struct ProcessPlan {
    pub(crate) capabilities: CapabilitySets,
    pub(crate) rlimits: Vec<Rlimit>,
    pub(crate) attributes: Attributes,
    pub(crate) labels: Labels,
    pub(crate) no_new_privileges: bool,
    pub(crate) filter: Option<Filter>,
    pub(crate) user: (Uid, Gid, Vec<Gid>),
    pub(crate) umask: Option<u32>,
    pub(crate) oom_score_adj: Option<i32>,
    pub(crate) cwd: PathBuf,
    pub(crate) program: Program,
    pub(crate) console: Option<ConsoleSize>,
}

impl ProcessPlan {
    /// Reads all of `process`; the filter and more are the whole container's. Compiled filters are kept in `cache`, if that is given.
    pub(crate) fn new(process: &Process, linux: &Linux, cache: Option<&Path>) -> Result<Self, PlanError> {
        if !process.cwd.is_absolute() {
            return Err(PlanError::Invalid { field: "process.cwd", value: process.cwd.display().to_string() });
        }
        let filter = match (&linux.seccomp, cache) {
            (Some(seccomp), Some(cache)) => Some(Filter::cached(seccomp, cache)?),
            (Some(seccomp), None) => Some(Filter::compile(seccomp)?),
            (None, _) => None,
        };
        Ok(Self {
            capabilities: process.capabilities.unwrap_or_default(),
            rlimits: rlimits(process)?,
            attributes: Attributes::new(process, linux)?,
            labels: Labels::new(&process.apparmor_profile, &process.selinux_label)?,
            no_new_privileges: process.no_new_privileges,
            filter,
            user: user(&process.user)?,
            umask: process.user.umask,
            oom_score_adj: process.oom_score_adj,
            cwd: process.cwd.clone(),
            program: Program::new(&process.args, &process.env)?,
            console: process.console_size,
        })
    }
}

/// Ids are 0 to 2147483647: the kernel takes (2^32)-1 for "as before", which would be root.
fn user(user: &User) -> Result<(Uid, Gid, Vec<Gid>), PlanError> {
    let valid = |field, id: u32| match i32::try_from(id) {
        Ok(_) => Ok(id),
        Err(_) => Err(PlanError::Invalid { field, value: format!("{id}, which is not between 0 and 2147483647") }),
    };
    let groups = user.additional_gids.iter().map(|gid| valid("process.user.additionalGids", *gid).map(Gid::from_raw));
    Ok((
        Uid::from_raw(valid("process.user.uid", user.uid)?),
        Gid::from_raw(valid("process.user.gid", user.gid)?),
        groups.collect::<Result<_, PlanError>>()?,
    ))
}

/// The specification wants an error for the same limit twice.
fn rlimits(process: &Process) -> Result<Vec<Rlimit>, PlanError> {
    for (index, limit) in process.rlimits.iter().enumerate() {
        limit.checked()?;
        if process.rlimits[..index].iter().any(|other| other.kind == limit.kind) {
            return Err(PlanError::Invalid { field: "process.rlimits", value: format!("{} twice", limit.kind.name()) });
        }
    }
    Ok(process.rlimits.clone())
}
