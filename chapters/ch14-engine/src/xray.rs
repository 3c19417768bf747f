//! `xray`: a container as the kernel sees it, beside the machine that it runs on. Everything is read from outside: no program
//! of the container runs for it, and it is asked nothing. It may end at any moment; what could not be seen any more is
//! absent.
//!
//! The JSON of [`Xray`] is an interface: names stay, and what is new is added.

mod files;
mod mounts;
mod namespaces;
mod network;
mod privileges;
mod processes;
mod sockets;

use ::namespaces::IdRange;
use cgroups::{Cgroup, Layout, Membership};
use process::{Failure, Identity, ProcDir};
use serde::Serialize;

use crate::engine::Engine;
use crate::saved::{Container, State, Status};

pub use files::{ChangedFile, Files, LayerSeen};
pub use mounts::{MountSeen, Mounts};
pub use namespaces::NamespaceSeen;
pub use network::{Link, Network, Route};
pub use privileges::Rights;
pub use processes::{ProcessSeen, Processes};
pub use sockets::Listening;

/// All that can be seen of one container.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Xray {
    /// 64 digits.
    #[serde(rename = "ID")]
    pub id: String,
    /// Its name.
    pub name: String,
    /// The image, as it was asked for.
    pub image: String,
    /// Where it is in its life.
    pub status: Status,
    /// Its first process, as the host counts; 0 if there is none.
    pub pid: i32,
    /// How its program ended last.
    pub exit_code: u8,
    /// Namespaces, one of each kind; none if nothing runs.
    pub namespaces: Vec<NamespaceSeen>,
    /// What runs in it.
    pub processes: Processes,
    /// User ids inside and outside; empty if nothing runs.
    pub users: Vec<IdRange>,
    /// The same of groups.
    pub groups: Vec<IdRange>,
    /// What its first process may do.
    pub rights: Option<Rights>,
    /// Control groups. Of a container that does not run: those that are left, which is a fault.
    pub cgroups: Vec<Membership>,
    /// Layers, and what it has written.
    pub files: Files,
    /// What is mounted in it.
    pub mounts: Option<Mounts>,
    /// Devices, routes and ports.
    pub network: Option<Network>,
}

impl Engine {
    /// Looks at a container from all sides.
    ///
    /// # Errors
    /// [`Failure`]: there is none, or its layers are damaged.
    pub fn xray(&self, name: &str) -> Result<Xray, Failure> {
        let container = self.find(name)?;
        let files = self.files_seen(&container)?;
        let first = first_process(&container.state);
        let group = container.saved.record.group(&container.saved.id);
        let layout = Layout::detect()?;
        let Container { saved, state } = &container;
        let mut xray = Xray {
            id: saved.id.clone(),
            name: saved.name.clone(),
            image: saved.create.config.image.clone(),
            status: state.status,
            pid: if first.is_some() { state.pid } else { 0 },
            exit_code: state.exit_code,
            namespaces: Vec::new(),
            processes: Processes::default(),
            users: Vec::new(),
            groups: Vec::new(),
            rights: None,
            cgroups: Vec::new(),
            files,
            mounts: None,
            network: None,
        };
        let Some(first) = first else {
            xray.cgroups = left(&layout, &group);
            return Ok(xray);
        };
        let table = |file: &str| IdRange::table(&first.text(file).unwrap_or_default());
        (xray.users, xray.groups) = (table("uid_map"), table("gid_map"));
        xray.namespaces = namespaces::look(&first, &self.others(&saved.id)?);
        let members = Cgroup::open(&layout, &group).and_then(|group| group.procs()).unwrap_or_default();
        xray.processes = processes::look(&first, &members, &xray.users);
        xray.rights = privileges::look(&first);
        xray.cgroups = Membership::of(&layout, &first.text("cgroup").unwrap_or_default());
        xray.mounts = mounts::look(&first);
        xray.network = network::look(&first, &members, &xray.processes);
        Ok(xray)
    }

    /// The first processes of the other containers that run, with their names.
    fn others(&self, id: &str) -> Result<Vec<(String, ProcDir)>, Failure> {
        let others = self.containers()?.into_iter().filter(|container| container.saved.id != id);
        Ok(others.filter_map(|other| Some((other.saved.name, first_process(&other.state)?))).collect())
    }
}

fn first_process(state: &State) -> Option<ProcDir> {
    let lives = matches!(state.status, Status::Running | Status::Paused);
    let identity = Identity { pid: state.pid, start_time: state.start_time };
    lives.then(|| ProcDir::of(identity)).flatten()
}

/// Groups of a container that does not run.
fn left(layout: &Layout, group: &std::path::Path) -> Vec<Membership> {
    let directories = Cgroup::open(layout, group).map(|group| group.paths()).unwrap_or_default();
    let membership = |directory| Membership {
        version: if matches!(layout, Layout::V2(_)) { 2 } else { 1 },
        controllers: Vec::new(),
        path: group.display().to_string(),
        directory: Some(directory),
        limits: Vec::new(),
        usage: Vec::new(),
    };
    directories.into_iter().map(membership).collect()
}
