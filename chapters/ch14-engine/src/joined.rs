//! What a container has of another one that runs: namespaces, the shared memory that goes with them, the name and the files
//! that go with a network. It is looked for at each start, for the other may have another process by then.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;

use layers::DiskError;
use namespaces::{EnterError, Target};
use process::{Diagnose, Failure, FailureKind, IdentityError, has_ended};
use runtime::spec::{Kind, Namespace};
use thiserror::Error;

use crate::create::Create;
use crate::engine::Engine;
use crate::exec_plan::identity;
use crate::record::ContainerRecord;
use crate::saved::{Container, Saved, Status};
use crate::sharing::{Sharing, owner_of};
use crate::state::StateError;

/// Why nothing can be had of the other one. The words are docker's.
#[derive(Debug, Error)]
enum JoinError {
    #[error("failed to join {0} namespace: {1}")]
    Find(&'static str, StateError),
    #[error("failed to join {0} namespace: container {1} is not running")]
    NotRunning(&'static str, String),
    #[error("failed to join {0} namespace: Container {1} is restarting, wait until the container is running")]
    Restarting(&'static str, String),
    #[error(
        "failed to join IPC namespace: container {0}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)"
    )]
    NotShareable(String),
    #[error("joining network namespace of container: {0}")]
    FindNetwork(StateError),
    #[error("cannot join network namespace of a non running container: container {0} is {1}")]
    NetworkNotRunning(String, Status),
    #[error(
        "cannot join network namespace of container: Container {0} is restarting, wait until the container is running"
    )]
    NetworkRestarting(String),
    #[error("cannot join own network namespace")]
    Own,
}

impl Diagnose for JoinError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        match self {
            Self::Find(_, error) | Self::FindNetwork(error) => Some(error),
            _ => None,
        }
    }

    fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::Find(..) | Self::FindNetwork(_) => None,
            _ => Some(FailureKind::Conflict),
        }
    }
}

/// The file in the directory of one who lives that says so.
const TRACED: &str = "traced";

fn may_trace(record: &ContainerRecord) -> bool {
    "CAP_SYS_PTRACE".parse().is_ok_and(|ptrace| record.capabilities.contains(ptrace))
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Joined {
    /// Open, so that they are still those of the other one when its process is not.
    namespaces: Vec<(Kind, File)>,
    /// What it has at `/dev/shm`.
    pub(crate) memory: Option<OwnedFd>,
    /// Where it has the files about its network.
    pub(crate) files: Option<PathBuf>,
}

impl Joined {
    /// For a specification that this process reads.
    pub(crate) fn namespaces(&self) -> Vec<Namespace> {
        let path = |file: &File| Some(format!("/proc/self/fd/{}", file.as_raw_fd()).into());
        self.namespaces.iter().map(|(kind, file)| Namespace { kind: *kind, path: path(file) }).collect()
    }
}

impl Engine {
    /// The wish with ids in place of names of other containers: names can be given to others. Who wants a network of a
    /// container that is not there may have it later, as with docker.
    ///
    /// # Errors
    /// [`StateError::NotFound`].
    pub(crate) fn with_ids<'a>(&self, create: &'a Create) -> Result<Cow<'a, Create>, Failure> {
        let mut create = Cow::Borrowed(create);
        let id_of = |mode: &str| -> Result<Option<String>, StateError> {
            let Some(name) = owner_of(mode).filter(|name| !name.is_empty()) else { return Ok(None) };
            Ok(Some(format!("container:{}", self.store().find(name)?.saved.id)))
        };
        if let Some(mode) = id_of(&create.host.pid_mode)? {
            create.to_mut().host.pid_mode = mode;
        }
        if let Some(mode) = id_of(&create.host.ipc_mode)? {
            create.to_mut().host.ipc_mode = mode;
        }
        if let Ok(Some(mode)) = id_of(&create.host.network_mode) {
            create.to_mut().host.network_mode = mode;
        }
        Ok(create)
    }

    /// The record as it is meant today, and what it names of other containers. What those have of the host is the host's.
    ///
    /// # Errors
    /// [`Failure`], in docker's words.
    pub(crate) fn join<'a>(&self, saved: &'a Saved) -> Result<(Cow<'a, ContainerRecord>, Joined), Failure> {
        let (mut record, mut joined) = (self.named_record(saved), Joined::default());
        if let Some(owner) = saved.record.network.owner() {
            let owner = self.network_owner(saved, owner)?;
            if !joined.join(Kind::Net, &owner)? {
                record.to_mut().network = Sharing::Host;
            }
            let files = self.last_owner(&owner.saved).unwrap_or(owner.saved);
            joined.files = Some(self.store().home(&files.id));
        }
        if let Some(owner) = saved.record.ipc.owner() {
            let owner = self.owner("IPC", owner)?;
            if owner.saved.record.ipc == Sharing::Private {
                return Err(JoinError::NotShareable(owner.saved.id).into());
            }
            if joined.join(Kind::Ipc, &owner)? {
                joined.memory = Some(runtime::shared_memory_of(identity(&owner.state))?);
            } else {
                record.to_mut().ipc = Sharing::Host;
            }
        }
        if let Some(owner) = saved.record.pid.owner() {
            let owner = self.owner("PID", owner)?;
            if may_trace(&saved.record) {
                self.note_tracer(&owner.saved)?;
            }
            if !joined.join(Kind::Pid, &owner)? {
                record.to_mut().pid = Sharing::Host;
            }
        }
        Ok((record, joined))
    }

    /// With the host name that goes with a network. Where its owner is gone, the container's own.
    pub(crate) fn named_record<'a>(&self, saved: &'a Saved) -> Cow<'a, ContainerRecord> {
        let mut record = Cow::Borrowed(&saved.record);
        if let Some(owner) = self.last_owner(saved).filter(|_| record.hostname.is_empty()) {
            let host_name = crate::launch::host_name();
            record.to_mut().hostname = crate::compose::hostname(&owner.record, &owner.id, &host_name);
        }
        record
    }

    /// Whose network it is in the end.
    pub(crate) fn last_owner(&self, saved: &Saved) -> Option<Saved> {
        self.last(saved, |record| &record.network)
    }

    /// Whether somebody in its PID namespace could make a process of ours do his work, by `ptrace(2)`, and is not of this
    /// container.
    pub(crate) fn is_watched(&self, saved: &Saved) -> bool {
        let owner = self.last(saved, |record| &record.pid);
        let owner = owner.as_ref().unwrap_or(saved);
        may_trace(&owner.record) || self.store().life(&owner.id).join(TRACED).exists()
    }

    /// For as long as the owner of a PID namespace lives, it is known that somebody is in there who may trace.
    pub(crate) fn note_tracer(&self, owner: &Saved) -> Result<(), DiskError> {
        let last = self.last(owner, |record| &record.pid);
        let path = self.store().life(&last.as_ref().unwrap_or(owner).id).join(TRACED);
        File::create(&path).map_err(DiskError::at("create", &path)).map(drop)
    }

    /// Whose that is in the end: an owner may have that of yet another one.
    fn last(&self, saved: &Saved, of: fn(&ContainerRecord) -> &Sharing) -> Option<Saved> {
        let (mut seen, mut last) = (BTreeSet::new(), None::<Saved>);
        while let Some(owner) = of(&last.as_ref().unwrap_or(saved).record).owner() {
            let found = self.store().find(owner).ok()?.saved;
            if !seen.insert(found.id.clone()) {
                return None;
            }
            last = Some(found);
        }
        last
    }

    fn owner(&self, what: &'static str, id: &str) -> Result<Container, JoinError> {
        let found = self.store().find(id).map_err(|error| JoinError::Find(what, error))?;
        match found.state.status {
            Status::Running | Status::Paused => Ok(found),
            Status::Restarting => Err(JoinError::Restarting(what, found.saved.id)),
            Status::Created | Status::Exited => Err(JoinError::NotRunning(what, found.saved.id)),
        }
    }

    fn network_owner(&self, saved: &Saved, name: &str) -> Result<Container, JoinError> {
        let found = self.store().find(name).map_err(JoinError::FindNetwork)?;
        if found.saved.id == saved.id {
            return Err(JoinError::Own);
        }
        match found.state.status {
            Status::Running | Status::Paused => Ok(found),
            Status::Restarting => Err(JoinError::NetworkRestarting(found.saved.id)),
            status => Err(JoinError::NetworkNotRunning(found.saved.name, status)),
        }
    }
}

impl Joined {
    /// Opens that namespace of a container that runs; `false` if it is ours.
    fn join(&mut self, kind: Kind, owner: &Container) -> Result<bool, Failure> {
        let init = identity(&owner.state);
        let ended = || EnterError::from(IdentityError::Ended(init.pid));
        let held = init.open().map_err(EnterError::from)?;
        let target = Target::of(init)?;
        if target.foreign(&[kind])?.is_empty() {
            return Ok(false);
        }
        let path = PathBuf::from(format!("/proc/{}/ns/{}", init.pid, kind.proc_name()));
        let file = File::open(&path).map_err(DiskError::at("open", &path))?;
        // As long as it lives, its number is nobody else's.
        if has_ended(held.as_fd()) {
            return Err(ended().into());
        }
        self.namespaces.push((kind, file));
        Ok(true)
    }
}
