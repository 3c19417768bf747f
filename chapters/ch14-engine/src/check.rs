//! `system check`: what is on the disk, looked through. A killed command leaves nothing to be found here, for the next one
//! clears it up; what is found was made by a disk, or by somebody else.

use layers::{Cure, Fault};
use process::Failure;

use crate::engine::Engine;
use crate::saved::Container;

/// What a check has found.
#[derive(Debug)]
pub struct Checked {
    /// Everything that is wrong, with whether it was repaired.
    pub faults: Vec<(Fault, bool)>,
    /// How many containers, images and layers were looked at.
    pub counts: [usize; 3],
}

impl Engine {
    /// Looks through everything; with `repair`, what can be repaired is.
    ///
    /// # Errors
    /// [`Failure`]: what keeps from looking.
    pub fn check(&self, repair: bool) -> Result<Checked, Failure> {
        let mut faults = self.layers().check()?;
        faults.extend(self.images_store().check(self.layers())?);
        let (found, containers) = self.check_containers()?;
        faults.extend(found);
        let counts = [containers, self.images_store().list().map_or(0, |list| list.len()), self.layers().list()?.len()];
        let mut checked = Vec::with_capacity(faults.len());
        for fault in faults {
            let repaired = repair && fault.repair(self.root())?;
            checked.push((fault, repaired));
        }
        Ok(Checked { faults: checked, counts })
    }

    fn check_containers(&self) -> Result<(Vec<Fault>, usize), Failure> {
        let store = self.store();
        // Names that lead nowhere mean nothing, and are no fault.
        store.clear_up_names()?;
        let (mut faults, mut count) = (Vec::new(), 0);
        for id in store.ids()? {
            let object = format!("container {id}");
            match store.load(&id) {
                Ok(Some(container)) => {
                    count += 1;
                    faults.extend(self.check_container(&container));
                }
                Ok(None) if store.life(&id).exists() => {}
                Ok(None) => faults.push(Fault::new(object, "it has no record", Cure::Remove(store.home(&id)))),
                Err(error) => {
                    let cure = Cure::ByHand(
                        "what it wrote is in its directory, below upper/: save that, then remove the directory",
                    );
                    faults.push(Fault::new(object, error.to_string(), cure));
                }
            }
        }
        Ok((faults, count))
    }

    fn check_container(&self, container: &Container) -> Vec<Fault> {
        let object = format!("container {}", container.saved.id);
        let mut faults = Vec::new();
        if let Err(error) = self.store().state_of(&container.saved.id) {
            faults.push(Fault::new(
                &object,
                error.to_string(),
                Cure::Remove(self.store().state_path(&container.saved.id)),
            ));
        }
        for id in &container.saved.layers {
            if !id.parse().is_ok_and(|id| self.layers().get(&id).is_ok()) {
                let cure = Cure::ByHand("it cannot start: make or import its image anew, or remove it");
                faults.push(Fault::new(&object, format!("its layer {id} is not there"), cure));
            }
        }
        if !self.store().has_name(&container.saved) {
            let cure = Cure::ByHand("give it another name: mini-docker rename ID NAME");
            faults.push(Fault::new(&object, format!("its name {:?} does not lead to it", container.saved.name), cure));
        }
        faults
    }
}
