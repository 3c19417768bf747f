//! Which namespaces a new process gets: new ones, its maker's, or somebody else's; and the calls, in order, that make
//! it so.

use std::collections::BTreeMap;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::sched::CloneFlags;
use process::{Diagnose, FailureKind, step};
use serde::{Deserialize, Serialize};

use crate::handle::{Handle, HandleError};
use crate::kind::{self, Kind};
use crate::time::{self, Offsets, TimeError};

/// The plan is impossible, or the kernel refused a part of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NamespacesError {
    /// The same kind twice in a list.
    #[error("{0} namespace is listed twice")]
    Duplicate(Kind),
    /// A namespace to join.
    #[error(transparent)]
    Handle(#[from] HandleError),
    /// The new time namespace.
    #[error(transparent)]
    Time(#[from] TimeError),
}

impl Diagnose for NamespacesError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Handle | Time)
    }

    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::Duplicate(_) => FailureKind::Invalid,
            _ => return None,
        })
    }
}

/// One entry of the OCI specification's `linux.namespaces`: to be made, or, with a path, to be joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The one to join. Empty is as good as absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
}

impl Namespace {
    /// What docker gives a container by default: new mount, uts, ipc, pid, network and cgroup namespaces.
    pub fn docker_default() -> Vec<Self> {
        [Kind::Mount, Kind::Uts, Kind::Ipc, Kind::Pid, Kind::Net, Kind::Cgroup].map(Self::from).into()
    }
}

/// A new one.
impl From<Kind> for Namespace {
    fn from(kind: Kind) -> Self {
        Self { kind, path: None }
    }
}

/// What happens to one kind of namespace.
#[derive(Debug)]
// ANCHOR: mode
pub enum Mode {
    /// Stay in the maker's.
    Host,
    /// A new one, made by `clone3`.
    New,
    /// One that exists.
    Join(Handle),
}
// ANCHOR_END: mode

/// The namespaces of a process to be made. A kind that is not mentioned stays the maker's.
///
/// In this order: [`join_before_clone`](Self::join_before_clone) by the maker,
/// [`clone_flags`](Self::clone_flags) into `clone3`, [`Visit::end`] by the maker, [`join`](Self::join) by the child.
#[derive(Debug, Default)]
pub struct Namespaces {
    modes: BTreeMap<Kind, Mode>,
    offsets: Offsets,
}

impl Namespaces {
    /// All of the maker's: no isolation.
    pub fn host() -> Self {
        Self::default()
    }

    /// What docker gives a container by default, see [`Namespace::docker_default`].
    pub fn docker_default() -> Self {
        Namespace::docker_default().into_iter().fold(Self::host(), |plan, new| plan.with_new(new.kind))
    }

    /// From the OCI specification's list.
    ///
    /// A path to the maker's own namespace is a long way to say that it is shared. Who asks [`Namespaces::is_host`],
    /// because what he does next would change the host, must hear so.
    ///
    /// # Errors
    /// A kind twice; a path that cannot be opened or is no namespace of that kind.
    pub fn from_list(list: &[Namespace]) -> Result<Self, NamespacesError> {
        let mut plan = Self::host();
        for Namespace { kind, path } in list {
            let path = path.as_ref().filter(|path| !path.as_os_str().is_empty());
            let mode = match path.map(|path| Handle::open(*kind, path)).transpose()? {
                None => Mode::New,
                Some(handle) if handle.is_ours()? => Mode::Host,
                Some(handle) => Mode::Join(handle),
            };
            if plan.modes.insert(*kind, mode).is_some() {
                return Err(NamespacesError::Duplicate(*kind));
            }
        }
        Ok(plan)
    }

    /// With a new namespace of `kind`.
    #[must_use]
    pub fn with_new(mut self, kind: Kind) -> Self {
        self.modes.insert(kind, Mode::New);
        self
    }

    /// With the namespace that is open as `handle`.
    #[must_use]
    pub fn with_joined(mut self, handle: Handle) -> Self {
        self.modes.insert(handle.kind(), Mode::Join(handle));
        self
    }

    /// With clocks that are off by `offsets`; used if the time namespace is new.
    #[must_use]
    pub fn with_time_offsets(mut self, offsets: Offsets) -> Self {
        self.offsets = offsets;
        self
    }

    /// What happens to `kind`.
    pub fn mode(&self, kind: Kind) -> &Mode {
        self.modes.get(&kind).unwrap_or(&Mode::Host)
    }

    /// Whether `kind` will be new.
    pub fn is_new(&self, kind: Kind) -> bool {
        matches!(self.mode(kind), Mode::New)
    }

    /// Whether `kind` stays the maker's.
    pub fn is_host(&self, kind: Kind) -> bool {
        matches!(self.mode(kind), Mode::Host)
    }

    /// The flags for `clone3`.
    ///
    /// A new time namespace is not among them: `clone3` would put the child inside at once, and from then on its
    /// offsets cannot be set. [`Namespaces::join`] makes it.
    // ANCHOR: clone_flags
    pub fn clone_flags(&self) -> CloneFlags {
        // ANCHOR: ex_clone_flags
        self.modes
            .iter()
            .filter(|(kind, mode)| matches!(mode, Mode::New) && **kind != Kind::Time)
            .map(|(kind, _)| kind.clone_flag())
            .collect()
        // ANCHOR_END: ex_clone_flags
    }
    // ANCHOR_END: clone_flags

    /// Takes the calling thread into those namespaces that its next child must be born in, and remembers the way back.
    ///
    /// - A pid namespace: `setns` moves children only.
    /// - A user namespace: the namespaces that `clone3` makes belong to the user namespace of their maker. From there
    ///   no way leads back, so a caller that needs its rights later does this in a process of its own.
    /// - All but the mount namespace, if a user namespace is joined or new: inside it, the right to join is gone.
    ///
    /// # Errors
    /// [`NamespacesError::Handle`].
    // ANCHOR: join_before_clone
    pub fn join_before_clone(&self) -> Result<Visit, NamespacesError> {
        let user_changes = !self.is_host(Kind::User);
        let user_joined = matches!(self.mode(Kind::User), Mode::Join(_));
        let mut visit = Visit::at_home();
        let mut refused = Vec::new();
        for handle in self.joined().filter(|handle| match handle.kind() {
            Kind::Pid => true,
            Kind::User | Kind::Mount => false,
            _ => user_changes,
        }) {
            let home = Handle::own(handle.kind())?;
            match handle.join() {
                Ok(()) => visit.way_back.push(home),
                // Perhaps it belongs to the user namespace that comes next.
                Err(HandleError::Join { errno: Errno::EPERM, .. }) if user_joined => refused.push(handle),
                Err(error) => {
                    // The first error is the one to tell.
                    let _ = visit.end();
                    return Err(error.into());
                }
            }
        }
        if let Mode::Join(user) = self.mode(Kind::User)
            && !user.is_ours()?
        {
            user.join()?;
            visit.way_back.clear();
            step!(2, "joined user namespace {}", user.path().display());
        }
        refused.into_iter().try_for_each(Handle::join)?;
        Ok(visit)
    }
    // ANCHOR_END: join_before_clone

    /// The child's part: joins what is left to join, the mount namespace last, and makes the time namespace.
    ///
    /// # Errors
    /// [`NamespacesError::Handle`], [`NamespacesError::Time`].
    // ANCHOR: join
    pub fn join(&self) -> Result<(), NamespacesError> {
        if self.is_new(Kind::Time) {
            time::enter_time(&self.offsets)?;
        }
        // BTreeMap iterates in the order of Kind: user first, mount last.
        for handle in self.joined() {
            if !handle.is_ours()? {
                handle.join()?;
            }
            step!(2, "in {} namespace {}", handle.kind(), handle.path().display());
        }
        Ok(())
    }
    // ANCHOR_END: join

    fn joined(&self) -> impl Iterator<Item = &Handle> {
        self.modes.values().filter_map(|mode| match mode {
            Mode::Join(handle) => Some(handle),
            Mode::Host | Mode::New => None,
        })
    }

    /// One line for people: `new mount, uts; joined network; host user`.
    pub fn summary(&self) -> String {
        let of = |wanted: fn(&Mode) -> bool| kind::list(Kind::ALL.into_iter().filter(|kind| wanted(self.mode(*kind))));
        [
            ("new", of(|mode| matches!(mode, Mode::New))),
            ("joined", of(|mode| matches!(mode, Mode::Join(_)))),
            ("host", of(|mode| matches!(mode, Mode::Host))),
        ]
        .into_iter()
        .filter(|(_, kinds)| !kinds.is_empty())
        .map(|(what, kinds)| format!("{what} {kinds}"))
        .collect::<Vec<_>>()
        .join("; ")
    }
}

/// The maker is away in other namespaces; [`Visit::end`] brings it home.
#[derive(Debug)]
#[must_use = "the maker stays in the joined namespaces until `end` is called"]
pub struct Visit {
    way_back: Vec<Handle>,
}

impl Visit {
    pub(crate) fn at_home() -> Self {
        Self { way_back: Vec::new() }
    }

    pub(crate) fn back_to(home: Handle) -> Self {
        Self { way_back: vec![home] }
    }

    /// Back to where the maker was. After a user namespace was joined there is no way back and this does nothing.
    ///
    /// # Errors
    /// [`NamespacesError::Handle`].
    pub fn end(self) -> Result<(), NamespacesError> {
        self.way_back.iter().try_for_each(Handle::join).map_err(NamespacesError::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_listed_twice_is_refused() {
        let error = Namespaces::from_list(&[Kind::Net, Kind::Net].map(Namespace::from)).unwrap_err();
        insta::assert_snapshot!(error, @"network namespace is listed twice");
    }

    #[test]
    fn dockers_default_in_one_line() {
        insta::assert_snapshot!(
            Namespaces::docker_default().summary(),
            @"new cgroup, ipc, uts, network, pid, mount; host user, time"
        );
    }

    #[test]
    fn the_specifications_json_is_read_and_written() {
        let text = serde_json::json!([{"type": "network", "path": "/run/netns/x"}, {"type": "mount"}]);
        let list: Vec<Namespace> = serde_json::from_value(text.clone()).expect("namespaces");
        assert_eq!(serde_json::to_value(&list).expect("JSON"), text);
        let text = serde_json::json!({"boottime": {"secs": -60, "nanosecs": 5}});
        let offsets: Offsets = serde_json::from_value(text.clone()).expect("offsets");
        assert_eq!(serde_json::to_value(offsets).expect("JSON"), text);
    }

    #[test]
    fn an_empty_path_joins_nothing() {
        let new = Namespace { kind: Kind::Net, path: Some(PathBuf::new()) };
        assert!(Namespaces::from_list(&[new]).expect("a plan").is_new(Kind::Net));
    }
}
