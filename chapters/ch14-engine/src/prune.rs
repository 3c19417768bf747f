//! `prune`: what nobody uses goes.

use images::{Digest, Image, Known, Reference, Removed};
use jiff::Timestamp;
use process::Failure;

use crate::engine::Engine;
use crate::filters::{FilterError, Filters};
use crate::image_list::{created, labels};
use crate::moment::moment;
use crate::saved::Container;

/// What `prune` took away, or would.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// Ids.
    pub containers: Vec<String>,
    /// Names and images, in the order in which they went.
    pub images: Vec<Removed>,
    /// Packed layers.
    pub blobs: Vec<Digest>,
    /// Bytes that all of them had.
    pub bytes: u64,
}

impl Engine {
    /// Removes the containers that do not run, and that the filters let through; `dry_run` only finds them.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn prune_containers(&self, filters: &Filters, dry_run: bool) -> Result<Pruned, Failure> {
        filters.check(&["label", "label!", "until"])?;
        let until = until(filters)?;
        let mut pruned = Pruned::default();
        for container in self.containers()? {
            let Container { saved, state } = &container;
            let labels = &saved.record.labels;
            let spared = state.status.is_alive()
                || until.is_some_and(|until| saved.created > until)
                || !filters.matches_labels("label", labels)
                || (filters.has("label!") && filters.matches_labels("label!", labels));
            if spared {
                continue;
            }
            let size = self.size(&container)?.written + self.log_size(saved);
            // One that was started meanwhile stays.
            if dry_run || self.remove(&saved.id, false).is_ok() {
                pruned.bytes += size;
                pruned.containers.push(saved.id.clone());
            }
        }
        Ok(pruned)
    }

    /// Removes the images without a name, or with `all` those that no container was made of, if the filters let them
    /// through; `dry_run` only finds them.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn prune_unused_images(&self, filters: &Filters, all: bool, dry_run: bool) -> Result<Pruned, Failure> {
        filters.check(&["dangling", "label", "label!", "until"])?;
        let all = all || filters.switch("dangling")? == Some(false);
        let until = until(filters)?;
        let wanted = |known: &Known| {
            let labels = labels(known);
            until.is_none_or(|until| created(known) <= until)
                && filters.matches_labels("label", &labels)
                && !(filters.has("label!") && filters.matches_labels("label!", &labels))
        };
        if !dry_run {
            let (images, bytes) = self.prune_images(all, wanted)?;
            return Ok(Pruned { images, bytes, ..Pruned::default() });
        }
        let used = self.containers_by_image()?;
        let mut pruned = Pruned::default();
        let (mut goes_with, mut stays) = (Vec::new(), Vec::new());
        for usage in self.disk_usage()?.images {
            let known = self.image(&usage.image.id)?;
            let goes = if all { !known.is_intermediate() } else { known.is_dangling() };
            if goes && !used.contains_key(&known.image.id) && wanted(&known) {
                pruned.images.extend(known.tags.iter().map(Reference::familiar).map(Removed::Untagged));
                pruned.images.push(Removed::Deleted(known.image.id.parse()?));
                pruned.bytes += usage.size - usage.shared;
                goes_with.push(usage.image);
            } else {
                stays.push(usage.image);
            }
        }
        let content = |images: &[&Vec<Image>]| self.images_store().content_of(images.iter().copied().flatten());
        pruned.bytes += content(&[&goes_with, &stays])? - content(&[&stays])?;
        Ok(pruned)
    }
}

/// The one `until` that there may be.
fn until(filters: &Filters) -> Result<Option<Timestamp>, Failure> {
    let moments = filters.values("until").map(|text| moment(text, Timestamp::now())).collect::<Result<Vec<_>, _>>()?;
    match moments[..] {
        [] => Ok(None),
        [moment] => Ok(Some(moment)),
        _ => Err(FilterError::Several("until").into()),
    }
}
