//! Images as one archive: an OCI image layout, and beside it what older readers look for. Docker, podman and skopeo read it.
//!
//! ```text
//! oci-layout  index.json       the layout, and in it each image by its manifest
//! manifest.json                docker's own list
//! blobs/sha256/<64 digits>     what both speak of
//! ```
//!
//! The same images give the same bytes. A layer whose blob is here goes out as it came; one that was made here is packed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::PathBuf;

use layers::{Digest, DiskError, Hashing, LayerStore};
use serde_json::json;

use crate::document::{Descriptor, Index};
use crate::image::Image;
use crate::media;
use crate::pack::{PackError, pack};
use crate::packed::PackedLayer;
use crate::reference::Reference;
use crate::scratch::Scratch;
use crate::store::ImageStore;
use crate::store_error::ImageStoreError;

/// The name of an image, for containerd and docker.
pub(crate) const NAME: &str = "io.containerd.image.name";
/// The same, or its tag only, for everybody else.
pub(crate) const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// What says that it is a layout.
pub(crate) const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// Where the bytes of a blob are.
enum Source {
    Bytes(Vec<u8>),
    File(PathBuf),
}

/// What an archive will have.
#[derive(Default)]
struct Contents {
    blobs: BTreeMap<Digest, Source>,
    index: Vec<Descriptor>,
    list: Vec<serde_json::Value>,
}

impl ImageStore {
    /// Writes images into an archive. A name without a tag stands for all tags of that repository, as with docker.
    ///
    /// # Errors
    /// [`PackError`].
    pub fn save(&self, layers: &LayerStore, names: &[String], out: impl Write) -> Result<(), PackError> {
        let ingest = self.ingest(layers)?;
        let scratch = Scratch::new(&self.root)?;
        let mut contents = Contents::default();
        for (image, references) in self.wanted(names)? {
            ingest.claim(image.layers().iter().chain(&image.id.parse::<Digest>()))?;
            ingest.claim(self.kept(&image)?.iter().filter_map(|(_, kept)| Some(&kept.as_ref()?.digest)))?;
            self.collect(&image, &references, layers, scratch.path(), &mut contents)?;
        }
        contents.write(out)
    }

    /// The layers of these images whose bytes are not here, and that a registry has: as it packed them they can be saved if
    /// they are fetched before.
    ///
    /// # Errors
    /// [`PackError`].
    pub fn dropped(&self, names: &[String]) -> Result<Vec<PackedLayer>, PackError> {
        let mut dropped: Vec<PackedLayer> = Vec::new();
        for (image, _) in self.wanted(names)? {
            for layer in self.dropped_of(&image)? {
                if !dropped.contains(&layer) {
                    dropped.push(layer);
                }
            }
        }
        Ok(dropped)
    }

    /// The images that are asked for, each once, with those of their names that are.
    fn wanted(&self, names: &[String]) -> Result<Vec<(Image, Vec<Reference>)>, PackError> {
        let table = self.table().map_err(ImageStoreError::from)?;
        let mut wanted: Vec<(Digest, BTreeSet<Reference>)> = Vec::new();
        let mut add = |id: Digest, reference: Option<Reference>| {
            let at = wanted.iter().position(|(known, _)| *known == id).unwrap_or_else(|| {
                wanted.push((id, BTreeSet::new()));
                wanted.len() - 1
            });
            wanted[at].1.extend(reference.filter(|reference| reference.tag().is_some()));
        };
        for text in names {
            let name = text.parse::<Reference>().ok();
            let name_only = name.as_ref().filter(|_| !text.rsplit('/').next().unwrap_or(text).contains([':', '@']));
            let mut of_repository = false;
            for (reference, named) in &table.references {
                if name_only.is_some_and(|name| name.name() == reference.name()) {
                    add(named.image.clone(), Some(reference.clone()));
                    of_repository = true;
                }
            }
            if !of_repository {
                let called = name.filter(|name| table.references.contains_key(name));
                add(crate::store::find(&table, text)?, called);
            }
        }
        let load =
            |(id, references): (Digest, BTreeSet<Reference>)| Ok((self.load(&id)?, references.into_iter().collect()));
        wanted.into_iter().map(load).collect()
    }

    fn collect(
        &self,
        image: &Image,
        references: &[Reference],
        layers: &LayerStore,
        scratch: &std::path::Path,
        contents: &mut Contents,
    ) -> Result<(), PackError> {
        let id: Digest = image.id.parse().map_err(ImageStoreError::from)?;
        let kept = self.kept(image)?;
        let own = self.manifest(image)?.filter(|(_, _, manifest)| {
            manifest.layers.iter().zip(&kept).all(|(layer, (_, kept))| kept.as_ref() == Some(layer))
        });
        let mut blobs = Vec::new();
        for (diff_id, kept) in kept {
            let (blob, path) = if let Some(blob) = kept {
                (blob.clone(), self.blobs.path(&blob.digest))
            } else {
                // Its name is the digest of its archive, which is written as it is.
                let path = scratch.join(diff_id.hex());
                if !path.exists() {
                    let file = File::create(&path).map_err(DiskError::at("create", &path))?;
                    pack(layers, &diff_id, BufWriter::new(file))?;
                }
                let size = path.metadata().map_err(DiskError::at("look at", &path))?.len();
                (Descriptor::new(media::OCI_LAYER, diff_id, size), path)
            };
            contents.blobs.insert(blob.digest.clone(), Source::File(path));
            blobs.push(blob);
        }
        let (manifest, bytes) = match own {
            Some((descriptor, bytes, _)) => (descriptor, bytes),
            None => self.describe(image, blobs.clone()).map(|(descriptor, bytes, _)| (descriptor, bytes))?,
        };
        contents.blobs.insert(manifest.digest.clone(), Source::Bytes(bytes));
        contents.blobs.insert(id.clone(), Source::File(self.blobs.path(&id)));
        let path = |digest: &Digest| format!("blobs/sha256/{}", digest.hex());
        contents.list.push(json!({
            "Config": path(&id),
            "RepoTags": references.iter().map(Reference::familiar).collect::<Vec<_>>(),
            "Layers": blobs.iter().map(|blob| path(&blob.digest)).collect::<Vec<_>>(),
        }));
        if references.is_empty() {
            contents.index.push(manifest.clone());
        }
        for reference in references {
            let mut named = manifest.clone();
            named.annotations.insert(NAME.into(), reference.to_string());
            named.annotations.insert(REF_NAME.into(), reference.tag().unwrap_or_default().into());
            contents.index.push(named);
        }
        Ok(())
    }
}

impl Contents {
    fn write(self, out: impl Write) -> Result<(), PackError> {
        let index = Index {
            schema_version: 2,
            media_type: Some(media::OCI_INDEX.into()),
            manifests: self.index,
            other: BTreeMap::new(),
        };
        let json = |value: serde_json::Result<Vec<u8>>| value.map_err(|error| PackError::Write(error.into()));
        let index = json(serde_json::to_vec(&index))?;
        let list = json(serde_json::to_vec(&self.list))?;
        let mut tar = Tar(BufWriter::with_capacity(1 << 16, out));
        tar.small("oci-layout", LAYOUT)?;
        tar.small("index.json", &index)?;
        tar.small("manifest.json", &list)?;
        for directory in ["blobs/", "blobs/sha256/"] {
            tar.header(directory, 0, tar::EntryType::Directory).map_err(PackError::Write)?;
        }
        for (digest, source) in self.blobs {
            let name = format!("blobs/sha256/{}", digest.hex());
            match source {
                Source::Bytes(bytes) => tar.small(&name, &bytes)?,
                Source::File(path) => tar.file(&name, &digest, &path)?,
            }
        }
        tar.0.write_all(&[0; 1024]).and_then(|()| tar.0.flush()).map_err(PackError::Write)
    }
}

/// An archive being written, of plain files with short names.
struct Tar<W: Write>(BufWriter<W>);

impl<W: Write> Tar<W> {
    fn header(&mut self, name: &str, size: u64, kind: tar::EntryType) -> io::Result<()> {
        let mut header = tar::Header::new_ustar();
        header.set_path(name)?;
        header.set_entry_type(kind);
        header.set_mode(if kind.is_dir() { 0o755 } else { 0o644 });
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        // Where eleven octal digits are too few, this takes what GNU tar and all readers of today take.
        header.set_size(size);
        header.set_cksum();
        self.0.write_all(header.as_bytes())
    }

    fn small(&mut self, name: &str, bytes: &[u8]) -> Result<(), PackError> {
        let size = bytes.len() as u64;
        let written = self.header(name, size, tar::EntryType::Regular);
        written.and_then(|()| self.0.write_all(bytes)).and_then(|()| self.pad(size)).map_err(PackError::Write)
    }

    /// A blob, whose bytes are compared with its name on their way.
    fn file(&mut self, name: &str, digest: &Digest, path: &std::path::Path) -> Result<(), PackError> {
        let file = File::open(path).map_err(DiskError::at("open", path))?;
        let size = file.metadata().map_err(DiskError::at("look at", path))?.len();
        self.header(name, size, tar::EntryType::Regular).map_err(PackError::Write)?;
        let mut hashing = Hashing::new(file.take(size));
        let mut buffer = vec![0; 1 << 17];
        let mut left = size;
        while left > 0 {
            let length = hashing.read(&mut buffer).map_err(DiskError::at("read", path))?;
            if length == 0 {
                return Err(PackError::Damaged(digest.clone()));
            }
            self.0.write_all(&buffer[..length]).map_err(PackError::Write)?;
            left -= length as u64;
        }
        if hashing.finish() != *digest {
            return Err(PackError::Damaged(digest.clone()));
        }
        self.pad(size).map_err(PackError::Write)
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        let padding = usize::try_from(size.wrapping_neg() % 512).unwrap_or_default();
        self.0.write_all(&[0; 512][..padding])
    }
}
