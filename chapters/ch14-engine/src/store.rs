//! Containers on disk.
//!
//! ```text
//! containers/<id>/        one directory for each container: record.json, state.json, its log, what it writes
//! names/<name>            a link to the id
//! run/containers/<id>/    what lives: held as long as its shim lives, with the shim's socket
//! run/boot                the boot in which the rest of run/ was written
//! ```
//!
//! A container of `run --rm` is nobody's business after a reboot: its record and state stand in the run directory, and
//! nothing of it is waited for. Of the others the record outlives a power cut.
//!
//! Whoever makes a container holds its directory below `run/` first: killed half-way, it leaves a directory that can be
//! taken, and the next command [clears it up](Store::reconcile). No command looks at what has ended, apart from those
//! that ask for it.

mod links;
mod reconcile;

use std::cmp::Reverse;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use layers::{DataRoot, DiskError, Durability, Held, Lock, Rank, read_json, remove_all, write_json, write_over};
use process::step;
use serde::Serialize;

use self::links::Links;
use crate::events::Journal;
use crate::ids::{ids, is_id};
use crate::saved::{Container, RECORD, Saved, State, Status};
use crate::state::{StateError, is_name};

const STATE: &str = "state.json";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// All containers of a data root.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    root: DataRoot,
    homes: PathBuf,
    names: Links,
    lives: PathBuf,
    boot: String,
    journal: Journal,
}

impl Store {
    /// Those of `root`; what commands and shims that were killed have left is cleared up.
    ///
    /// # Errors
    /// [`DiskError`].
    pub(crate) fn open(root: &DataRoot) -> Result<Self, DiskError> {
        let run = root.run_directory()?;
        let lives = run.join("containers");
        match fs::create_dir(&lives) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => other.map_err(DiskError::at("create", &lives))?,
        }
        let boot = fs::read_to_string(BOOT_ID).map_err(DiskError::at("read", BOOT_ID))?.trim().to_owned();
        let homes = root.directory("containers")?;
        let store = Self {
            homes,
            names: Links::new(root.directory("names")?),
            lives,
            boot,
            root: root.clone(),
            journal: Journal::open(root)?,
        };
        // What finds no room to be cleared up keeps nobody from making some.
        match store.reconcile() {
            Err(error) if error.is_full() => step!(14, "what is left of a container is not cleared up: {error}"),
            other => other?,
        }
        let mark = run.join("boot");
        if fs::read_to_string(&mark).is_ok_and(|boot| boot == store.boot) {
            return Ok(store);
        }
        // The first command after a boot, or ever.
        store.clear_up_homes()?;
        layers::write_atomically(&mark, store.boot.as_bytes(), Durability::Death)?;
        Ok(store)
    }

    /// Every container's id.
    pub(crate) fn ids(&self) -> Result<Vec<String>, DiskError> {
        ids(&self.homes)
    }

    /// Whether the container's name leads to it.
    pub(crate) fn has_name(&self, saved: &Saved) -> bool {
        self.names.owner(&saved.name).is_some_and(|id| id == saved.id)
    }

    /// Where its state is, or would be.
    pub(crate) fn state_path(&self, id: &str) -> PathBuf {
        let paths = [self.home(id), self.life(id)].map(|directory| directory.join(STATE));
        let [home, life] = paths;
        if home.exists() { home } else { life }
    }

    /// Its state, as it stands there.
    pub(crate) fn state_of(&self, id: &str) -> Result<Option<State>, DiskError> {
        read_json(&self.state_path(id))
    }

    /// The boot of the machine that we are in.
    pub(crate) fn boot(&self) -> &str {
        &self.boot
    }

    /// Where a container keeps what it writes.
    pub(crate) fn home(&self, id: &str) -> PathBuf {
        self.homes.join(id)
    }

    /// Where a container that lives is found.
    pub(crate) fn life(&self, id: &str) -> PathBuf {
        self.lives.join(id)
    }

    /// Makes a container, with its name (one is made up for it if it has none), and the mark that somebody is alive for
    /// it.
    ///
    /// # Errors
    /// [`StateError`]; then there is none.
    pub(crate) fn make(&self, saved: &mut Saved) -> Result<Held, StateError> {
        if !saved.name.is_empty() && !is_name(&saved.name) {
            return Err(StateError::BadName(saved.name.clone()));
        }
        let mut life = Held::create(&self.life(&saved.id))?;
        match self.furnish(saved) {
            Ok(()) => Ok(life),
            Err(error) => {
                // What happened is the news.
                let _ = self.forget(saved).and_then(|left| remove_all(&left).map_err(DiskError::at("remove", &left)));
                let _ = self.root.discard(&mut life).and_then(|()| life.remove());
                Err(error)
            }
        }
    }

    fn furnish(&self, saved: &mut Saved) -> Result<(), StateError> {
        let home = self.home(&saved.id);
        fs::create_dir(&home).map_err(DiskError::at("create", &home))?;
        process::fault!("claim a name").map_err(DiskError::at("claim a name for", &home))?;
        // The directory comes before the name: a name without a directory means nothing.
        if saved.name.is_empty() {
            saved.name = self.names.claim_some(&saved.id)?;
        } else {
            self.names.claim(&saved.name, &saved.id, |owner| self.owns(owner, &saved.name))?;
        }
        self.write(saved, RECORD, saved, Durability::PowerFailure)?;
        self.write_state(saved, &State { boot: self.boot.clone(), ..State::default() })?;
        Ok(())
    }

    /// Writes the state; on a full disk, over the one before: how a program ended is known once only.
    ///
    /// # Errors
    /// [`DiskError`].
    pub(crate) fn write_state(&self, saved: &Saved, state: &State) -> Result<(), DiskError> {
        self.write(saved, STATE, state, Durability::Death).or_else(|error| match serde_json::to_vec(state) {
            Ok(bytes) if error.is_full() => write_over(&self.state_path(&saved.id), &bytes).map_err(|_| error),
            _ => Err(error),
        })
    }

    /// Writes the record anew: after `rename`, or `update`. To be called with the container's lock.
    ///
    /// # Errors
    /// [`DiskError`].
    pub(crate) fn write_record(&self, saved: &Saved) -> Result<(), DiskError> {
        self.write(saved, RECORD, saved, Durability::PowerFailure)
    }

    fn write(&self, saved: &Saved, name: &str, value: &impl Serialize, wish: Durability) -> Result<(), DiskError> {
        let (directory, durability) =
            if saved.lasting { (self.home(&saved.id), wish) } else { (self.life(&saved.id), Durability::Death) };
        write_json(&directory.join(name), value, durability)
    }

    /// The container with these 64 digits.
    ///
    /// # Errors
    /// [`DiskError`].
    pub(crate) fn load(&self, id: &str) -> Result<Option<Container>, DiskError> {
        for directory in [self.home(id), self.life(id)] {
            let Some(saved) = read_json(&directory.join(RECORD))? else { continue };
            // After a power cut the record is there, and the state may be anything.
            let state = match read_json::<State>(&directory.join(STATE)) {
                Ok(state) => state.unwrap_or_else(|| State { boot: self.boot.clone(), ..State::default() }),
                Err(_) => State { status: Status::Exited, exit_code: 255, ..State::default() },
            };
            let state = if state.boot == self.boot { state } else { state.without_shim(&self.boot) };
            return Ok(Some(Container { saved, state }));
        }
        Ok(None)
    }

    /// Every container, the youngest first.
    ///
    /// # Errors
    /// [`DiskError`].
    pub(crate) fn list(&self) -> Result<Vec<Container>, DiskError> {
        self.load_all(&self.homes)
    }

    /// Those for which somebody is alive, and no file of any other is read.
    ///
    /// # Errors
    /// [`DiskError`].
    pub(crate) fn list_alive(&self) -> Result<Vec<Container>, DiskError> {
        self.load_all(&self.lives)
    }

    fn load_all(&self, directory: &Path) -> Result<Vec<Container>, DiskError> {
        let mut list = Vec::new();
        for id in ids(directory)? {
            list.extend(self.load(&id)?);
        }
        list.sort_by_key(|container: &Container| Reverse(container.saved.created));
        Ok(list)
    }

    /// The container of this name, id, or beginning of an id.
    ///
    /// # Errors
    /// [`StateError::NotFound`], [`StateError::Ambiguous`], [`StateError::Disk`].
    pub(crate) fn find(&self, text: &str) -> Result<Container, StateError> {
        let not_found = || StateError::NotFound(text.into());
        let load = |id: &str| self.load(id)?.ok_or_else(not_found);
        let name = text.strip_prefix('/').unwrap_or(text);
        if self.home(text).is_dir() && is_id(text) {
            return load(text);
        }
        if is_name(name)
            && let Some(id) = self.names.owner(name)
            && let Some(container) = self.load(&id)?
        {
            return Ok(container);
        }
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(not_found());
        }
        let mut matching = ids(&self.homes)?.into_iter().filter(|id| id.starts_with(text));
        match (matching.next(), matching.next()) {
            (Some(id), None) => load(&id),
            (Some(_), Some(_)) => Err(StateError::Ambiguous(text.into())),
            (None, _) => Err(not_found()),
        }
    }

    /// Nobody else changes the container meanwhile. `None` if it is gone.
    ///
    /// # Errors
    /// [`DiskError`].
    pub(crate) fn lock(&self, id: &str) -> Result<Option<Lock>, DiskError> {
        Lock::wait_if_there(Rank::Container, &self.home(id))
    }

    /// The mark that somebody is alive for a container that was made before; `None` if somebody is.
    ///
    /// # Errors
    /// [`DiskError`].
    pub(crate) fn claim_life(&self, id: &str) -> Result<Option<Held>, DiskError> {
        let path = self.life(id);
        match Held::create(&path) {
            Err(DiskError::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            other => other.map(Some),
        }
    }

    /// Waits until nobody is alive for the container; not for ever, for it may just have begun to live. Whoever calls this
    /// looks again.
    ///
    /// # Errors
    /// [`DiskError`].
    pub(crate) fn wait_for_end_of_life(&self, id: &str) -> Result<(), DiskError> {
        const PATIENCE: Duration = Duration::from_millis(100);
        Held::wait_until_free(&self.life(id), PATIENCE)?;
        self.reconcile()?;
        self.conclude_if_lost(id)
    }

    /// Ends what `claim_life` and `make` began.
    ///
    /// # Errors
    /// [`DiskError`].
    pub(crate) fn end_life(&self, mut life: Held) -> Result<(), DiskError> {
        self.root.discard(&mut life)?;
        life.remove()
    }

    /// Gives the container another name.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn rename(&self, saved: &mut Saved, name: &str) -> Result<(), StateError> {
        if !is_name(name) {
            return Err(StateError::BadName(format!("/{name}")));
        }
        self.names.claim(name, &saved.id, |owner| self.owns(owner, name))?;
        process::fault!("rename a container").map_err(DiskError::at("rename", self.home(&saved.id)))?;
        let old = std::mem::replace(&mut saved.name, name.into());
        self.write_record(saved)?;
        self.names.release(&old, &saved.id)?;
        Ok(())
    }

    /// Takes the container's directory out of sight, and gives its name back. What is returned is left to be removed. The
    /// caller has the container's lock, or is alone with it.
    ///
    /// # Errors
    /// [`DiskError`].
    pub(crate) fn forget(&self, saved: &Saved) -> Result<PathBuf, DiskError> {
        let left = self.root.discard_unmarked(&self.home(&saved.id))?;
        // A name that leads nowhere means nothing: it need not go for the container to be gone.
        let _ = process::fault!("release a name");
        let _ = self.names.release(&saved.name, &saved.id);
        Ok(left)
    }

    /// Whether it is this container that has the name. One that is just being made may have no record yet; one that was
    /// to be renamed, by a command that was killed, has a link too many.
    fn owns(&self, id: &str, name: &str) -> bool {
        // Of one whose record is damaged nothing else is known.
        self.life(id).exists()
            || self.load(id).map_or(true, |container| container.is_some_and(|container| container.saved.name == name))
    }
}

fn remove(path: &Path) -> Result<(), DiskError> {
    remove_all(path).map_err(DiskError::at("remove", path))
}
