//! Taking names from images, and images from the disk. The rules are docker's.

use layers::{Digest, LayerStore};
use process::{Diagnose, FailureKind};
use thiserror::Error;

use crate::chain;
use crate::reference::Reference;
use crate::store::{ImageStore, find};
use crate::store_error::ImageStoreError;
use crate::sweep::{self, Needs, Swept, Use};
use crate::table::{self, Table};

/// What has happened, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// A name is gone: `busybox:latest`.
    Untagged(String),
    /// An image, or a layer of it (by its chain id) that no other image has.
    Deleted(Digest),
}

/// What is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct RemoveWish {
    /// Though it has several names, or a stopped container.
    pub force: bool,
    /// And leave what it was made from.
    pub keep_parents: bool,
}

/// Why an image stays.
#[derive(Debug, Error)]
pub enum RemoveError {
    /// Its only name is what a container is known by.
    #[error(
        "conflict: unable to remove repository reference {name:?} (must force) - container {container} is using its \
         referenced image {image}"
    )]
    Reference {
        /// The name.
        name: String,
        /// Whose.
        container: String,
        /// What it stands for.
        image: String,
    },
    /// It is needed.
    #[error("conflict: unable to delete {image} ({}) - {reason}", if *.hard { "cannot be forced" } else { "must be forced" })]
    Needed {
        /// Its short id.
        image: String,
        /// Whether `force` does not help.
        hard: bool,
        /// What for.
        reason: String,
    },
    /// Anything else.
    #[error(transparent)]
    Store(#[from] ImageStoreError),
}

impl Diagnose for RemoveError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Store)
    }

    fn kind(&self) -> Option<FailureKind> {
        (!matches!(self, Self::Store(_))).then_some(FailureKind::Conflict)
    }
}

/// What keeps an image.
struct Conflict {
    hard: bool,
    used: bool,
    reason: String,
}

/// A removal under way.
struct Removal<'a> {
    store: &'a ImageStore,
    table: Table,
    uses: &'a [Use],
    done: Vec<Removed>,
    candidates: Needs,
    /// Images that are to go, each with its chain.
    gone: Vec<(Digest, Vec<Digest>)>,
}

impl ImageStore {
    /// Takes a name from an image, or all of them; and if it has none left, removes it with what only it needs. `uses` is
    /// asked which containers there are, at a moment when none can begin to need an image.
    ///
    /// # Errors
    /// [`RemoveError`]; then nothing has changed.
    pub fn remove<E: From<RemoveError>>(
        &self,
        layers: &LayerStore,
        text: &str,
        wish: RemoveWish,
        uses: impl FnOnce() -> Result<Vec<Use>, E>,
    ) -> Result<Vec<Removed>, E> {
        let lock = table::lock(&self.images).map_err(store_error)?;
        let uses = uses()?;
        let table = self.table().map_err(store_error)?;
        let mut removal = Removal {
            store: self,
            table,
            uses: &uses,
            done: Vec::new(),
            candidates: Needs::default(),
            gone: Vec::new(),
        };
        removal.decide(text, wish)?;
        let (done, left) = removal.carry_out(layers)?;
        drop(lock);
        clear(left)?;
        Ok(done)
    }

    /// Removes images that have no name with a tag, or with `all` every one that no container was made of, if `wanted` says
    /// so of it; and whatever else is of no use to anybody. What was removed, and how many bytes that were.
    ///
    /// # Errors
    /// [`RemoveError`].
    pub fn prune<E: From<RemoveError>>(
        &self,
        layers: &LayerStore,
        all: bool,
        wanted: impl Fn(&crate::image::Known) -> bool,
        uses: impl FnOnce() -> Result<Vec<Use>, E>,
    ) -> Result<(Vec<Removed>, u64), E> {
        let lock = table::lock(&self.images).map_err(store_error)?;
        let uses = uses()?;
        let table = self.table().map_err(store_error)?;
        let mut removal = Removal {
            store: self,
            table,
            uses: &uses,
            done: Vec::new(),
            candidates: Needs::default(),
            gone: Vec::new(),
        };
        let ids: Vec<Digest> = removal.table.images.keys().cloned().collect();
        for id in ids {
            // One that was removed with its child; and one that cannot be read is for a check to find.
            let Ok(known) = self.known(&removal.table, &id) else { continue };
            let used = uses.iter().any(|container| container.image == known.image.id);
            if !removal.table.images.contains_key(&id) || used || known.is_intermediate() || !wanted(&known) {
                continue;
            }
            if all || known.is_dangling() {
                // What it was made from goes with it, as far as nothing else needs that.
                let _ = removal.delete(&id, true, true, true);
            }
        }
        removal.candidates = sweep::all(self, layers).map_err(RemoveError::from)?;
        let partial = sweep::partial(self).map_err(store_error)?;
        sweep::unfinished(self).map_err(store_error)?;
        let (done, left) = removal.carry_out(layers)?;
        drop(lock);
        let bytes = left.bytes;
        clear(left)?;
        Ok((done, bytes + partial))
    }
}

impl Removal<'_> {
    fn decide(&mut self, text: &str, wish: RemoveWish) -> Result<(), RemoveError> {
        let id = find(&self.table, text)?;
        let (mut tags, digests) = self.table.names_of(&id);
        tags.extend(digests);
        let single = is_single(&tags);
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        if id.hex().starts_with(digits) && !tags.iter().any(|name| is_called(name, text)) {
            if single {
                if let Some(conflict) = self.conflict(&id, !wish.force, false) {
                    return Err(conflict.error(&id));
                }
                self.untag_all(&id);
            }
            return self.delete(&id, wish.force, !wish.keep_parents, false);
        }
        // The way `find` went, so that it is one.
        let name: Reference = text.parse().map_err(ImageStoreError::from)?;
        let name = name.canonical();
        if !self.table.references.contains_key(&name) {
            // It was found by what the digest is of, and has no such name that could be taken away.
            return Err(ImageStoreError::NotFound(text.into()).into());
        }
        if !wish.force
            && single
            && let Some(container) = self.uses.iter().find(|container| container.image == id.to_string())
        {
            let (container, image) = (short(&container.container), short(id.hex()));
            return Err(RemoveError::Reference { name: text.into(), container, image });
        }
        // What it stands for goes with the name.
        self.candidates.image(self.store, &self.table, &id);
        self.take(&name, &id, wish)
    }

    // ANCHOR: take
    /// Takes a name from an image, and from its repository what registries call it, if that was the last tag there. With
    /// the last name the image goes, unless something else keeps it.
    fn take(&mut self, name: &Reference, id: &Digest, wish: RemoveWish) -> Result<(), RemoveError> {
        // ANCHOR: ex_untag
        self.untag(name);
        let (tags, digests) = self.table.names_of(id);
        let beside = |other: &&Reference| other.name() == name.name();
        if name.digest().is_none() && !tags.iter().any(|tag| beside(&tag)) {
            for digest in digests.iter().filter(beside) {
                self.untag(digest);
            }
        }
        if self.table.references.values().any(|named| named.image == *id) {
            return Ok(());
        }
        self.delete(id, wish.force, !wish.keep_parents, true)
        // ANCHOR_END: ex_untag
    }
    // ANCHOR_END: take

    /// Removes an image, unless something keeps it. `quiet`: then it stays, and that is no error.
    fn delete(&mut self, id: &Digest, force: bool, parents: bool, quiet: bool) -> Result<(), RemoveError> {
        if let Some(conflict) = self.conflict(id, !force, true) {
            let has_names = self.table.references.values().any(|named| named.image == *id);
            let dangling = !has_names && !self.table.parents().contains(id);
            return if quiet && (!dangling || conflict.used) { Ok(()) } else { Err(conflict.error(id)) };
        }
        self.candidates.image(self.store, &self.table, id);
        self.untag_all(id);
        let chain = self.store.load(id).map(|image| chain::ids(&image.layers())).unwrap_or_default();
        let parent = self.table.images.remove(id).and_then(|row| row.parent);
        self.gone.push((id.clone(), chain));
        self.done.push(Removed::Deleted(id.clone()));
        match parent.filter(|parent| parents && self.table.images.contains_key(parent)) {
            Some(parent) => self.delete(&parent, false, true, true),
            None => Ok(()),
        }
    }

    /// What keeps it. `soft`: also what force overcomes.
    fn conflict(&self, id: &Digest, soft: bool, names: bool) -> Option<Conflict> {
        let of = |running| self.uses.iter().find(move |one| one.image == id.to_string() && one.running == running);
        if self.table.parents().contains(id) {
            return Some(Conflict { hard: true, used: false, reason: "image has dependent child images".into() });
        }
        if let Some(container) = of(true) {
            let reason = format!("image is being used by running container {}", short(&container.container));
            return Some(Conflict { hard: true, used: true, reason });
        }
        if soft && names && self.table.references.values().any(|named| named.image == *id) {
            let reason = "image is referenced in multiple repositories".into();
            return Some(Conflict { hard: false, used: false, reason });
        }
        let container = of(false).filter(|_| soft)?;
        let reason = format!("image is being used by stopped container {}", short(&container.container));
        Some(Conflict { hard: false, used: true, reason })
    }

    fn untag_all(&mut self, id: &Digest) {
        let (tags, digests) = self.table.names_of(id);
        for name in tags.iter().chain(&digests) {
            self.untag(name);
        }
    }

    fn untag(&mut self, name: &Reference) {
        if self.table.references.remove(name).is_some() {
            self.done.push(Removed::Untagged(name.familiar()));
        }
    }

    /// Writes the table, then removes what it does not need any more. The report, and what is left to be removed.
    fn carry_out(mut self, layers: &LayerStore) -> Result<(Vec<Removed>, Swept), RemoveError> {
        if !self.done.is_empty() {
            self.store.write(&self.table).map_err(ImageStoreError::from)?;
        }
        // A chain is gone when nobody has it: no image, and no container.
        let mut kept: Vec<Digest> = Vec::new();
        for id in self.table.images.keys() {
            kept.extend(self.store.load(id).map(|image| chain::ids(&image.layers())).unwrap_or_default());
        }
        for container in self.uses {
            kept.extend(chain::ids(&container.layers));
        }
        for (id, chain) in std::mem::take(&mut self.gone) {
            let at = self.done.iter().position(|done| *done == Removed::Deleted(id.clone())).map_or(0, |at| at + 1);
            let released: Vec<Removed> =
                chain.into_iter().rev().filter(|link| !kept.contains(link)).map(Removed::Deleted).collect();
            let new: Vec<Removed> = released.into_iter().filter(|link| !self.done.contains(link)).collect();
            self.done.splice(at..at, new);
        }
        let swept = sweep::sweep(self.store, layers, &self.table, self.uses, &self.candidates)?;
        Ok((self.done, swept))
    }
}

impl Conflict {
    fn error(self, id: &Digest) -> RemoveError {
        RemoveError::Needed { image: short(id.hex()), hard: self.hard, reason: self.reason }
    }
}

fn clear(swept: Swept) -> Result<(), RemoveError> {
    for layer in swept.layers {
        layer.remove().map_err(ImageStoreError::from)?;
    }
    Ok(())
}

fn store_error(error: layers::DiskError) -> RemoveError {
    ImageStoreError::from(error).into()
}

fn is_called(name: &Reference, text: &str) -> bool {
    text.parse::<Reference>().is_ok_and(|asked| asked.canonical() == *name)
}

/// Whether all names are of one repository, with at most one tag: what a pull by tag leaves.
fn is_single(names: &[Reference]) -> bool {
    let tags: Vec<&Reference> = names.iter().filter(|name| name.digest().is_none()).collect();
    let one_repository = names.iter().all(|name| name.name() == names[0].name());
    names.len() <= 1 || tags.len() <= 1 && one_repository
}

fn short(id: &str) -> String {
    id.chars().take(12).collect()
}
