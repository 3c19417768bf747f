//! What shims and commands leave that were killed, and how the next command clears it up. Nobody has to tell who lives: the
//! kernel takes the mark of a directory back from whoever dies.

use layers::{DiskError, Held};

use super::{Store, remove};
use crate::ids::ids;
use crate::saved::{Container, RECORD, Saved, group_of};

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

    /// One that counts as alive although its directory among the living is gone: somebody has cleaned up below `/run`. Its
    /// shim cannot be called any more.
    pub(super) fn conclude_if_lost(&self, id: &str) -> Result<(), DiskError> {
        let Some(_lock) = self.lock(id)? else { return Ok(()) };
        if self.life(id).exists() || !self.state_of(id)?.is_some_and(|state| state.status.is_alive()) {
            return Ok(());
        }
        cgroups::remove_abandoned(&group_of(&self.home(id), id));
        self.conclude(id)
    }

    /// What becomes of a container whose shim, or maker, is gone. The caller has its lock and its mark.
    fn conclude(&self, id: &str) -> Result<(), DiskError> {
        match self.load(id) {
            Ok(Some(Container { saved, state })) => {
                // In `load`, one that was lost with the machine has ended already.
                let lived = self.state_of(id)?.is_some_and(|state| state.status.is_alive());
                let told = state.status.is_alive();
                if !saved.lasting {
                    // Its record is not where the group was looked for.
                    cgroups::remove_abandoned(&saved.record.group(id));
                }
                let ended = state.without_shim(&self.boot);
                if told {
                    self.journal.record(&[saved.event_of_end(&ended)]);
                }
                if saved.is_temporary() && (lived || !saved.lasting) {
                    self.destroy(&saved)
                } else {
                    self.write_state(&saved, &ended)
                }
            }
            // Killed before there was a record.
            Ok(None) => remove(&self.root.discard_unmarked(&self.home(id))?),
            // It is damaged, and whoever asks for it is told.
            Err(_) => Ok(()),
        }
    }

    fn destroy(&self, saved: &Saved) -> Result<(), DiskError> {
        remove(&self.forget(saved)?)?;
        self.journal.record(&[saved.event("destroy")]);
        Ok(())
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

    /// A container that was to be removed at its end, and ended with the machine.
    fn lost_with_the_machine(&self, id: &str) -> Option<Saved> {
        let state = self.state_of(id).ok()??;
        // What is damaged is left for `system check`.
        let Container { saved, .. } = self.load(id).ok()??;
        (saved.is_temporary() && state.status.is_alive() && state.boot != self.boot).then_some(saved)
    }

    /// After a boot: nothing lives, and what stood in the run directory is gone, or means nothing any more.
    pub(super) fn clear_up_homes(&self) -> Result<(), DiskError> {
        for id in ids(&self.homes)? {
            if self.life(&id).exists() {
                continue;
            }
            let home = self.home(&id);
            let there = home.join(RECORD).exists();
            let lost = if there { self.lost_with_the_machine(&id) } else { None };
            if there && lost.is_none() {
                continue;
            }
            if let Some(_lock) = self.lock(&id)? {
                match lost {
                    Some(saved) => self.destroy(&saved)?,
                    None => remove(&self.root.discard_unmarked(&home)?)?,
                }
            }
        }
        self.clear_up_names()
    }
}
