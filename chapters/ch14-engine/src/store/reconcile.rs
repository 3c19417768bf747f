//! What shims and commands leave that were killed, and how the next command clears it up. Nobody has to tell who lives: the
//! kernel takes the mark of a directory back from whoever dies.

use layers::{DiskError, Held};

use super::{Store, remove};
use crate::ids::ids;
use crate::saved::{Container, RECORD, group_of};

impl Store {
    /// Clears up after shims and commands that were killed: what they ran is ended, how it ended is recorded, and what was
    /// to go with its end goes.
    // ANCHOR: reconcile
    pub(crate) fn reconcile(&self) -> Result<(), DiskError> {
        for id in ids(&self.lives)? {
            // A look without the lock: that may be somebody else's for a while.
            if Held::take(&self.life(&id))?.is_some() {
                self.clear_up_after(&id)?;
            }
        }
        Ok(())
    }
    // ANCHOR_END: reconcile

    /// Does what the shim has left to do. Others may be about to do it, too.
    // ANCHOR: clear_up_after
    fn clear_up_after(&self, id: &str) -> Result<(), DiskError> {
        // ANCHOR: ex_reconcile
        // The lock first, then the mark: whoever starts a container has the one and waits for the other.
        let lock = self.lock(id)?;
        let Some(life) = Held::take(&self.life(id))? else { return Ok(()) };
        cgroups::remove_abandoned(&group_of(&self.home(id), id));
        if lock.is_some() {
            self.conclude(id)?;
        }
        self.end_life(life)
        // ANCHOR_END: ex_reconcile
    }
    // ANCHOR_END: clear_up_after

    /// What becomes of a container whose shim, or maker, is gone. The caller has its lock and its mark.
    fn conclude(&self, id: &str) -> Result<(), DiskError> {
        match self.load(id) {
            Ok(Some(Container { saved, state })) => {
                let goes = saved.is_temporary() && (state.status.is_alive() || !saved.lasting);
                if goes {
                    remove(&self.forget(&saved)?)
                } else {
                    self.write_state(&saved, &state.without_shim(&self.boot))
                }
            }
            // Killed before there was a record.
            Ok(None) => remove(&self.root.discard_unmarked(&self.home(id))?),
            // It is damaged, and whoever asks for it is told.
            Err(_) => Ok(()),
        }
    }

    /// Removes the names that nobody has: of commands that were killed between a name and a record.
    pub(crate) fn clear_up_names(&self) -> Result<(), DiskError> {
        for (name, id) in self.names.all()? {
            if !self.owns(&id, &name) {
                self.names.release(&name, &id)?;
            }
        }
        Ok(())
    }

    /// After a boot: nothing lives, and what stood in the run directory is gone, or means nothing any more.
    pub(super) fn clear_up_homes(&self) -> Result<(), DiskError> {
        for id in ids(&self.homes)? {
            let home = self.home(&id);
            if home.join(RECORD).exists() || self.life(&id).exists() {
                continue;
            }
            if let Some(_lock) = self.lock(&id)? {
                remove(&self.root.discard_unmarked(&home)?)?;
            }
        }
        self.clear_up_names()
    }
}
