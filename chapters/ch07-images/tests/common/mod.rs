//! A store in a directory of the test, and images made by hand.
#![allow(dead_code, reason = "each test file uses a part")]

use std::io::Write as _;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use images::{
    ContainerConfig, Descriptor, Digest, Fetched, Image, ImageConfig, ImageStore, Ingest, IngestError, Install,
    Manifest, Reference, media,
};
use layers::{DataRoot, LayerStore};
use testkit::Host;

/// Both stores of a data root.
pub(crate) struct Stores {
    pub(crate) root: DataRoot,
    pub(crate) images: ImageStore,
    pub(crate) layers: LayerStore,
}

impl Stores {
    pub(crate) fn open(host: &Host) -> Self {
        let root = DataRoot::open(&data(host)).expect("a data root");
        let (images, layers) = (ImageStore::open(&root).expect("images"), LayerStore::open(&root).expect("layers"));
        Self { root, images, layers }
    }

    pub(crate) fn ingest(&self) -> Ingest<'_> {
        self.images.ingest(&self.layers).expect("a directory")
    }

    /// Takes an image in, whose blobs have come before: how they do is another matter.
    pub(crate) fn install(&self, made: &Made, references: &[&str]) -> Result<Image, IngestError> {
        let ingest = self.ingest();
        for (descriptor, bytes) in &made.blobs {
            let path = self.root.path().join("images/blobs/sha256").join(descriptor.digest.hex());
            std::fs::write(path, bytes).expect("a blob");
        }
        made.put(&ingest)?;
        for index in 0..made.blobs.len() {
            made.fetch(&ingest, index)?;
        }
        Ok(ingest.install(&[made.install(references)])?.remove(0))
    }

    /// What is in `images/blobs`.
    pub(crate) fn blobs(&self) -> usize {
        std::fs::read_dir(self.root.path().join("images/blobs/sha256")).expect("a directory").count()
    }
}

pub(crate) fn data(host: &Host) -> PathBuf {
    host.dir().join("data")
}

pub(crate) fn reference(text: &str) -> Reference {
    text.parse().expect("an image name")
}

/// An archive with one file.
pub(crate) fn tar(name: &str, content: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    tar.append_data(&mut header, name, content).expect("in memory");
    tar.into_inner().expect("in memory")
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

/// An image as a registry has it.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) config: (Descriptor, Vec<u8>),
    pub(crate) manifest: (Descriptor, Vec<u8>),
    pub(crate) blobs: Vec<(Descriptor, Vec<u8>)>,
    pub(crate) diff_ids: Vec<Digest>,
}

/// An image with these layers, each an archive, which are compressed.
pub(crate) fn made(archives: &[Vec<u8>]) -> Made {
    let diff_ids: Vec<Digest> = archives.iter().map(|archive| Digest::of(archive)).collect();
    let config = ContainerConfig { cmd: Some(vec!["sh".into()]), ..ContainerConfig::default() };
    let ids = diff_ids.iter().map(ToString::to_string).collect();
    let config = ImageConfig::new("2024-01-01T00:00:00Z".into(), ids, config);
    made_of(&config, archives)
}

/// An image with this configuration, whatever it says.
pub(crate) fn made_of(config: &ImageConfig, archives: &[Vec<u8>]) -> Made {
    // With a space more than we would write: an id is of bytes.
    let mut bytes = serde_json::to_vec(config).expect("JSON");
    bytes.push(b'\n');
    let config = (Descriptor::of(media::OCI_CONFIG, &bytes), bytes);
    let blobs: Vec<(Descriptor, Vec<u8>)> = archives
        .iter()
        .map(|archive| gzip(archive))
        .map(|blob| (Descriptor::of(media::OCI_LAYER_GZIP, &blob), blob))
        .collect();
    let manifest = Manifest::new(config.0.clone(), blobs.iter().map(|(blob, _)| blob.clone()).collect());
    let bytes = serde_json::to_vec_pretty(&manifest).expect("JSON");
    let diff_ids = archives.iter().map(|archive| Digest::of(archive)).collect();
    Made { config, manifest: (Descriptor::of(media::OCI_MANIFEST, &bytes), bytes), blobs, diff_ids }
}

impl Made {
    pub(crate) fn put(&self, ingest: &Ingest) -> Result<(), IngestError> {
        ingest.put(&self.config.0, &self.config.1)?;
        ingest.put(&self.manifest.0, &self.manifest.1)
    }

    pub(crate) fn fetch(&self, ingest: &Ingest, index: usize) -> Result<Fetched, IngestError> {
        let (descriptor, bytes) = &self.blobs[index];
        ingest.layer(descriptor, &self.diff_ids[index], |download| {
            let have = usize::try_from(download.have()).expect("a length");
            Ok(download.write_all(&bytes[have..])?)
        })
    }

    pub(crate) fn install(&self, references: &[&str]) -> Install {
        Install {
            manifest: self.manifest.0.clone(),
            target: self.manifest.0.clone(),
            references: references.iter().map(|text| reference(text)).collect(),
        }
    }
}
