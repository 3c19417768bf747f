//! The containers of a runtime that is a program of its own: what one of its processes has made, the next one finds.
//!
//! A directory each, below one that a reboot empties. What is in it never says how a container fares: that is asked of the
//! kernel. Whoever changes a container holds its directory locked; whoever looks at it does not.

mod error;
mod life;

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use layers::{Durability, read_json, write_json};
use process::Identity;
use rootfs::Root;
use serde::{Deserialize, Serialize};

use crate::container::{Container, Running};
use crate::door::Door;
use crate::hooks;
use crate::inside::Setup;
use crate::plan::{cgroup_of, is_id};
use crate::spec::Spec;
use crate::state::{State, Status};
use crate::stdio::Stdio;

use error::failed;

pub use error::ContainersError;

const STATE: &str = "state.json";

/// What is to be made.
#[derive(Debug)]
pub struct Request<'a> {
    /// Its name.
    pub id: &'a str,
    /// The directory that `spec` was read from, absolute.
    pub bundle: &'a Path,
    /// The description.
    pub spec: Spec,
    /// Its streams.
    pub stdio: Stdio,
    /// Whether the program ends with us.
    pub attached: bool,
    /// Whether the program waits for [`Entry::start`].
    pub waits: bool,
    /// Descriptors of ours that the program gets, from 3 on.
    pub preserved: i32,
    /// The program keeps our session keyring.
    pub keep_keyring: bool,
}

/// What is written down.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Its name.
    pub id: String,
    /// Its first process, once there is one.
    pub init: Option<Identity>,
    /// Where its description was.
    pub bundle: PathBuf,
    /// When it was made, as RFC 3339 writes it.
    pub created: String,
    /// Its control group, from the top of each hierarchy.
    pub cgroup: PathBuf,
    /// Its description.
    pub spec: Spec,
}

/// The directory of all containers.
#[derive(Debug)]
pub struct Containers(PathBuf);

/// One of them.
#[derive(Debug)]
pub struct Entry {
    directory: PathBuf,
    /// Locked, for who changes something.
    _mark: Option<File>,
    /// What is written down of it.
    pub record: Record,
}

impl Containers {
    /// Those in `root`, which is made when it is needed.
    pub fn at(root: &Path) -> Self {
        Self(root.into())
    }

    /// One, to look at it.
    ///
    /// # Errors
    /// [`ContainersError::Missing`], [`ContainersError::Disk`].
    pub fn find(&self, id: &str) -> Result<Entry, ContainersError> {
        self.read(id, None)
    }

    /// One, to change it: waits until nobody else does.
    ///
    /// # Errors
    /// As [`Containers::find`].
    pub fn find_to_change(&self, id: &str) -> Result<Entry, ContainersError> {
        let directory = self.directory(id)?;
        let mark = match File::open(&directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ContainersError::Missing),
            other => other.map_err(failed("open", &directory))?,
        };
        mark.lock().map_err(failed("lock", &directory))?;
        self.read(id, Some(mark))
    }

    /// All, by name. What is just being made or removed is not among them.
    ///
    /// # Errors
    /// [`ContainersError::Directory`].
    pub fn list(&self) -> Result<Vec<Entry>, ContainersError> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(failed("read", &self.0))?,
        };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut found: Vec<Entry> = names.filter_map(|name| self.find(&name).ok()).collect();
        found.sort_by(|one, other| one.record.id.cmp(&other.record.id));
        Ok(found)
    }

    fn directory(&self, id: &str) -> Result<PathBuf, ContainersError> {
        if is_id(id) { Ok(self.0.join(id)) } else { Err(ContainersError::Id) }
    }

    fn read(&self, id: &str, mark: Option<File>) -> Result<Entry, ContainersError> {
        let directory = self.directory(id)?;
        match read_json(&directory.join(STATE))? {
            Some(record) => Ok(Entry { directory, _mark: mark, record }),
            None => Err(ContainersError::Missing),
        }
    }

    /// Makes one. Its first process waits, or has become the program, as the request says.
    ///
    /// # Errors
    /// [`ContainersError`]; nothing is left behind.
    pub fn create(&self, request: &Request) -> Result<(Entry, Running), ContainersError> {
        let mut entry = self.add(request)?;
        match entry.make(request) {
            Ok(running) => Ok((entry, running)),
            Err(error) => {
                // The first error is the one to tell.
                let _ = fs::remove_dir_all(&entry.directory);
                Err(error)
            }
        }
    }

    /// Written down before anything of it exists: what a killed creation has left can be deleted.
    fn add(&self, request: &Request) -> Result<Entry, ContainersError> {
        let directory = self.directory(request.id)?;
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0).map_err(failed("create", &self.0))?;
        DirBuilder::new().mode(0o700).create(&directory).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => ContainersError::Exists,
            _ => failed("create", &directory)(error),
        })?;
        let mark = File::open(&directory).map_err(failed("open", &directory))?;
        mark.lock().map_err(failed("lock", &directory))?;
        let named = &request.spec.linux.cgroups_path;
        let record = Record {
            id: request.id.into(),
            init: None,
            bundle: request.bundle.into(),
            created: jiff::Timestamp::now().to_string(),
            cgroup: if named.is_empty() { cgroup_of(request.id) } else { named.into() },
            spec: request.spec.clone(),
        };
        let entry = Entry { directory, _mark: Some(mark), record };
        entry.save()?;
        Ok(entry)
    }
}

impl Entry {
    fn make(&mut self, request: &Request) -> Result<Running, ContainersError> {
        let spec = &request.spec;
        let door = if request.waits { Some(Door::make(&self.directory)?) } else { None };
        let root = spec.root.as_ref().map(|root| root.path.clone()).unwrap_or_default();
        let (id, stdio, attached) = (request.id, request.stdio, request.attached);
        let container = Container { id, spec, root: Root::Directory(root), stdio, cache: None, attached };
        let creating = State { status: Status::Creating, ..self.state() };
        let setup = Setup {
            door: door.as_ref(),
            state: Some(creating.clone()),
            preserved: request.preserved,
            keep_keyring: request.keep_keyring,
            ..Setup::default()
        };
        let created = container.create(setup)?;
        let init = Identity::of(created.pid())?;
        self.record.init = Some(init);
        self.save()?;
        let creating = State { pid: init.pid, ..creating };
        hooks::run("prestart", &spec.hooks.prestart, &creating)?;
        hooks::run("createRuntime", &spec.hooks.create_runtime, &creating)?;
        let running = created.start()?;
        if !request.waits {
            self.after_start()?;
        }
        Ok(running)
    }

    fn save(&self) -> Result<(), ContainersError> {
        Ok(write_json(&self.directory.join(STATE), &self.record, Durability::Death)?)
    }
}
