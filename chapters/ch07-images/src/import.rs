//! An image of one layer, out of an archive that somebody else has packed. From the unpacked files nobody could make that
//! archive again, byte for byte: so it is kept, like the blobs of a pull.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};

use layers::{DiffId, Digest, DiskError, Hashing, LayerError};

use crate::config::ImageConfig;
use crate::document::{Descriptor, Manifest};
use crate::image::Image;
use crate::ingest::{Ingest, Install};
use crate::ingest_error::IngestError;
use crate::media;
use crate::reference::Reference;
use crate::scratch::Scratch;
use crate::store_error::ImageStoreError;

const LONGEST_MAGIC: u64 = 6;

impl Ingest<'_> {
    /// Makes an image of the archive, plain or compressed, under `reference` if there is one. `describe` says what it is, when the name of
    /// its layer is known.
    ///
    /// # Errors
    /// [`IngestError`]; then there is none.
    pub fn import(
        self,
        mut archive: impl Read + Send,
        reference: Option<&Reference>,
        describe: impl FnOnce(&DiffId) -> ImageConfig,
    ) -> Result<Image, IngestError> {
        let mut start = Vec::new();
        archive.by_ref().take(LONGEST_MAGIC).read_to_end(&mut start).map_err(unreadable)?;
        let kind = match start.as_slice() {
            [0x1f, 0x8b, ..] => media::OCI_LAYER_GZIP,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => media::OCI_LAYER_ZSTD,
            _ => media::OCI_LAYER,
        };
        let is_foreign = matches!(start.as_slice(), [b'B', b'Z', b'h', ..] | [0xfd, b'7', b'z', b'X', b'Z', 0]);
        let archive = io::Cursor::new(start).chain(archive);
        let (blob, diff_id) = if is_foreign {
            // Registries know no layers of that kind.
            self.keep(layers::decompressed(archive).map_err(ImageStoreError::from)?, kind)?
        } else {
            self.keep(archive, kind)?
        };
        let json = |value: serde_json::Result<Vec<u8>>| value.map_err(IngestError::Config);
        let config = json(serde_json::to_vec(&describe(&diff_id)))?;
        let described = Descriptor::of(media::OCI_CONFIG, &config);
        let manifest = json(serde_json::to_vec(&Manifest::new(described.clone(), vec![blob])))?;
        let target = Descriptor::of(media::OCI_MANIFEST, &manifest);
        self.put(&described, &config)?;
        self.put(&target, &manifest)?;
        let install =
            Install { manifest: target.clone(), target, references: reference.cloned().into_iter().collect() };
        let mut images = self.install(&[install])?;
        Ok(images.remove(0))
    }

    /// Unpacks an archive, and keeps it as it is.
    fn keep(&self, archive: impl Read + Send, kind: &str) -> Result<(Descriptor, DiffId), IngestError> {
        let scratch = Scratch::new(self.root())?;
        let path = scratch.path().join("archive");
        let file = File::create(&path).map_err(DiskError::at("create", &path))?;
        let mut copying = Copying { input: Hashing::new(archive), out: BufWriter::new(file), size: 0 };
        let staged = self.layers().stage(&mut copying).map_err(ImageStoreError::from)?;
        // A decompressor may stop before the end.
        io::copy(&mut copying, &mut io::sink()).map_err(unreadable)?;
        copying.out.flush().map_err(DiskError::at("write", &path))?;
        let (digest, size): (Digest, u64) = (copying.input.finish(), copying.size);
        let diff_id = staged.diff_id.clone();
        self.claim([&digest, &diff_id])?;
        let target = self.blob_path(&digest);
        process::fault!("keep an archive").map_err(DiskError::at("rename", &path))?;
        fs::rename(&path, &target).map_err(DiskError::at("rename", &path))?;
        self.add(&digest, staged);
        Ok((Descriptor::new(kind, digest, size), diff_id))
    }
}

fn unreadable(error: io::Error) -> IngestError {
    ImageStoreError::from(LayerError::Read(error)).into()
}

/// A reader that writes down what passes by.
struct Copying<R, W> {
    input: Hashing<R>,
    out: W,
    size: u64,
}

impl<R: Read, W: Write> Read for Copying<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(buffer)?;
        self.out.write_all(&buffer[..length])?;
        self.size += length as u64;
        Ok(length)
    }
}
