//! The files of an archive, as they come: a pipe cannot go back, and its lists may come last. Each is hashed on its way into
//! a file of ours; nothing is ever written under a name that the archive chose.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use layers::{ArchiveReader, Digest, DiskError, Hashing, LayerError, Part};

use crate::document::LARGEST_DOCUMENT;
use crate::ingest::Ingest;
use crate::ingest_error::IngestError;
use crate::load_error::LoadError;
use crate::scratch::Scratch;
use crate::store::ImageStore;

/// Some for each layer.
const MOST_FILES: usize = 100_000;
/// Links that lead to links.
const LONGEST_WAY: usize = 8;
/// Bytes of all names and targets of links, which are kept in memory. A megabyte of one letter is a kilobyte of gzip.
const MOST_NAMES: usize = 16 << 20;

/// One file.
#[derive(Debug, Clone)]
pub(super) struct Spooled {
    pub(super) digest: Digest,
    pub(super) size: u64,
    path: PathBuf,
}

/// What an entry of the archive is.
#[derive(Debug)]
enum Entry {
    File(Spooled),
    Link(String),
}

/// All of them, by name.
#[derive(Debug)]
pub(super) struct Spool {
    scratch: Scratch,
    entries: HashMap<String, Entry>,
    /// Of files with the same content, the first. A list may name each of them thousands of times.
    contents: BTreeMap<Digest, Spooled>,
    /// One of a root file system.
    looks_like_root: bool,
}

impl Spool {
    /// Reads the archive to its end.
    pub(super) fn read(store: &ImageStore, ingest: &Ingest, archive: impl Read) -> Result<Self, LoadError> {
        let plain = layers::decompressed(archive).map_err(unreadable)?;
        let mut spool = Self {
            scratch: Scratch::new(&store.root)?,
            entries: HashMap::new(),
            contents: BTreeMap::new(),
            looks_like_root: false,
        };
        let mut archive = ArchiveReader::new(plain);
        let mut kept = 0;
        for number in 0.. {
            let Some((path, part)) = archive.next().map_err(unreadable)? else { break };
            if number >= MOST_FILES {
                return Err(LoadError::TooMany(MOST_FILES));
            }
            let Some(name) = clean(&path) else { continue };
            kept += name.len();
            if let Part::HardLink(target) | Part::Symlink(target) = &part {
                kept += target.as_os_str().len() + name.len();
            }
            if kept > MOST_NAMES {
                return Err(LoadError::TooMuchToKeep(MOST_NAMES));
            }
            let target = match part {
                Part::File => {
                    let spooled = spool.write(store, ingest, &name, &mut archive, number)?;
                    spool.contents.entry(spooled.digest.clone()).or_insert_with(|| spooled.clone());
                    spool.entries.insert(name, Entry::File(spooled));
                    continue;
                }
                Part::Directory | Part::Special => {
                    spool.looks_like_root |= name == "etc" || name == "bin";
                    continue;
                }
                Part::HardLink(target) => target,
                Part::Symlink(target) => path.parent().unwrap_or(Path::new("")).join(target),
            };
            let target = clean(&target).ok_or_else(|| LoadError::Link(name.clone()))?;
            spool.entries.insert(name, Entry::Link(target));
        }
        archive.drain().map_err(unreadable)?;
        Ok(spool)
    }

    fn write(
        &self,
        store: &ImageStore,
        ingest: &Ingest,
        name: &str,
        entry: &mut impl Read,
        number: usize,
    ) -> Result<Spooled, LoadError> {
        // A blob that is here need not be written; it still has to be what its name says.
        let known = name.strip_prefix("blobs/sha256/").and_then(|hex| Digest::from_hex(hex).ok());
        let mut known = known.filter(|digest| store.blobs.size(digest).is_some());
        if let Some(digest) = &known {
            // It has to stay here until then.
            ingest.claim([digest])?;
            known = known.filter(|digest| store.blobs.size(digest).is_some());
        }
        let path = self.scratch.path().join(number.to_string());
        let mut out: Box<dyn Write> = match &known {
            Some(_) => Box::new(io::sink()),
            None => Box::new(File::create(&path).map_err(DiskError::at("create", &path))?),
        };
        let mut hashing = Hashing::new(entry);
        let mut buffer = vec![0; 1 << 17];
        let mut size = 0;
        loop {
            let length = match hashing.read(&mut buffer) {
                Ok(0) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other.map_err(LoadError::Read)?,
            };
            out.write_all(&buffer[..length]).map_err(DiskError::at("write", &path))?;
            size += length as u64;
        }
        let digest = hashing.finish();
        match known {
            Some(said) if said == digest => Ok(Spooled { path: store.blobs.path(&digest), digest, size }),
            Some(expected) => Err(IngestError::Digest { expected, found: digest }.into()),
            None => Ok(Spooled { digest, size, path }),
        }
    }

    /// The file of this name, through links.
    pub(super) fn find(&self, name: &str) -> Option<&Spooled> {
        let mut name = clean(Path::new(name))?;
        for _ in 0..LONGEST_WAY {
            match self.entries.get(&name)? {
                Entry::File(file) => return Some(file),
                Entry::Link(target) => name.clone_from(target),
            }
        }
        None
    }

    /// The same, if it has to be there.
    pub(super) fn get(&self, name: &str) -> Result<&Spooled, LoadError> {
        self.find(name).ok_or_else(|| LoadError::Missing(name.into()))
    }

    /// The blob with this digest.
    pub(super) fn blob(&self, digest: &Digest) -> Option<&Spooled> {
        self.find(&format!("blobs/sha256/{}", digest.hex())).filter(|file| file.digest == *digest)
    }

    /// The same, under whichever name it came.
    pub(super) fn with_digest(&self, digest: &Digest) -> Option<&Spooled> {
        self.contents.get(digest)
    }

    /// A small one, whole.
    pub(super) fn bytes(&self, name: &str) -> Result<Vec<u8>, LoadError> {
        let file = self.get(name)?;
        if file.size > LARGEST_DOCUMENT {
            return Err(LoadError::TooLarge(name.into()));
        }
        Ok(fs::read(&file.path).map_err(DiskError::at("read", &file.path))?)
    }

    /// Whether it is the archive of a file system.
    pub(super) fn looks_like_root(&self) -> bool {
        self.looks_like_root
    }

    /// Makes a blob of it.
    pub(super) fn adopt(store: &ImageStore, file: &Spooled) -> Result<(), LoadError> {
        let target = store.blobs.path(&file.digest);
        if target == file.path || !file.path.exists() {
            return Ok(());
        }
        process::fault!("adopt a blob").map_err(DiskError::at("rename", &file.path))?;
        // Another one may need it under its own name, too: several names of an archive may be one file.
        fs::rename(&file.path, &target).map_err(DiskError::at("rename", &file.path))?;
        Ok(())
    }

    /// Where its bytes are, whether it was adopted or not.
    pub(super) fn open(store: &ImageStore, file: &Spooled) -> Result<File, LoadError> {
        let path = if file.path.exists() { file.path.clone() } else { store.blobs.path(&file.digest) };
        Ok(File::open(&path).map_err(DiskError::at("open", path))?)
    }
}

/// An archive is read like a layer, and is none.
fn unreadable(error: LayerError) -> LoadError {
    match error {
        LayerError::Read(source) => LoadError::Read(source),
        LayerError::Header { .. } => LoadError::NotTar,
        other => LoadError::Entry(other),
    }
}

/// A name inside the archive. `None` for one that leads out of it, or is none.
fn clean(path: &Path) -> Option<String> {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => clean.push(part),
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir if clean.pop() => {}
            _ => return None,
        }
    }
    clean.into_os_string().into_string().ok().filter(|name| !name.is_empty())
}
