//! `system df`: what the data root's bytes are used for, and how many of them nobody needs.

use std::collections::{BTreeMap, BTreeSet};

use images::{Image, Reference};
use layers::DiffId;
use process::Failure;

use crate::engine::Engine;
use crate::image_list::{ImageListing, ListedImage};
use crate::layer_usage::LayerUsage;
use crate::listing::{Listed, Listing};

/// What there is.
#[derive(Debug)]
pub struct DiskUsage {
    /// Each once, the youngest first.
    pub images: Vec<ImageUsage>,
    /// All layers; each is there once, however many images have it.
    pub layers: BTreeMap<DiffId, LayerUsage>,
    /// What is kept as it came.
    pub content: ContentUsage,
    /// All containers, the youngest first.
    pub containers: Vec<ContainerUsage>,
}

/// One image.
#[derive(Debug)]
pub struct ImageUsage {
    /// One of its names.
    pub name: Option<String>,
    /// The image.
    pub image: Image,
    /// Bytes of its layers.
    pub size: u64,
    /// Bytes of those that other images have, too.
    pub shared: u64,
    /// How many containers were made of it.
    pub containers: usize,
}

/// Manifests, configurations and packed layers.
#[derive(Debug, Clone, Copy, Default)]
pub struct ContentUsage {
    /// Bytes of all of them.
    pub size: u64,
    /// Bytes of those that images have of which containers were made.
    pub active: u64,
    /// Bytes of downloads that were broken off, and will be gone on with.
    pub partial: u64,
}

/// One container.
#[derive(Debug)]
pub struct ContainerUsage {
    /// As `ps` has it.
    pub listed: Listed,
    /// Bytes that it has written, and those of its log. (Docker leaves logs out, and is where people look for a full disk.)
    pub size: u64,
}

/// Of one kind of objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// How many there are.
    pub total: usize,
    /// How many are in use.
    pub active: usize,
    /// Bytes.
    pub size: u64,
    /// Bytes of what is not in use.
    pub reclaimable: u64,
}

impl DiskUsage {
    /// All images. What several of them have counts for none of them.
    pub fn of_images(&self) -> Share {
        let used = self.images.iter().filter(|image| image.containers > 0);
        let (active, bytes) =
            used.fold((0, 0), |(number, bytes), image| (number + 1, bytes + image.size - image.shared));
        let layers: u64 = self.layers.values().map(|layer| layer.unpacked).sum();
        let ContentUsage { size, active: in_use, partial } = self.content;
        let reclaimable = layers.saturating_sub(bytes) + size.saturating_sub(in_use) + partial;
        Share { total: self.images.len(), active, size: layers + size + partial, reclaimable }
    }

    /// All containers.
    pub fn of_containers(&self) -> Share {
        let mut share = Share { total: self.containers.len(), ..Share::default() };
        for ContainerUsage { listed, size } in &self.containers {
            share.size += size;
            if listed.container.state.status.is_alive() {
                share.active += 1;
            } else {
                share.reclaimable += size;
            }
        }
        share
    }
}

impl Engine {
    /// Counts. Containers may write meanwhile.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn disk_usage(&self) -> Result<DiskUsage, Failure> {
        let listing = Listing { all: true, ..Listing::default() };
        let counted = self.list(&listing)?.into_iter().map(|listed| -> Result<_, Failure> {
            let size = self.size(&listed.container)?.written + self.log_size(&listed.container.saved);
            Ok(ContainerUsage { listed, size })
        });
        let containers: Vec<ContainerUsage> = counted.collect::<Result<_, _>>()?;
        let mut images: Vec<ImageUsage> = Vec::new();
        for ListedImage { known, .. } in self.list_images(&ImageListing { all: true, ..ImageListing::default() })? {
            let (name, image) = (known.tags.first().map(Reference::familiar), known.image);
            let made_of = |usage: &&ContainerUsage| usage.listed.container.saved.record.image == image.id;
            let containers = containers.iter().filter(made_of).count();
            images.push(ImageUsage { name, image, size: 0, shared: 0, containers });
        }
        let layers = self.layer_usage(images.iter().map(|usage| &usage.image))?;
        for usage in &mut images {
            for layer in usage.image.layers().into_iter().collect::<BTreeSet<_>>() {
                let of = layers.get(&layer).copied().unwrap_or_default();
                usage.size += of.unpacked;
                usage.shared += if of.images > 1 { of.unpacked } else { 0 };
            }
        }
        let active = images.iter().filter(|usage| usage.containers > 0).map(|usage| &usage.image);
        let (size, partial) = self.images_store().content_size()?;
        let active = self.images_store().content_of(active)?;
        Ok(DiskUsage { images, layers, containers, content: ContentUsage { size, active, partial } })
    }
}
