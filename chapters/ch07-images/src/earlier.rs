//! How images were kept before there were blobs, and how they are taken over.
//!
//! ```text
//! images/<64 digits>.json    a configuration: now a blob
//! images/repositories.json   {"busybox:latest": "sha256:…"}: now part of images.json
//! ```
//!
//! The new table is written when all configurations are blobs; what was before it is removed then. Killed at any instant,
//! the next command does what is left to do.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use layers::{Digest, DiskError, Durability, read_json, write_json};

use crate::blobs::Blobs;
use crate::reference::Reference;
use crate::table::{self, Row, Table};

/// The table that was.
const NAMES: &str = "repositories.json";

/// Whether there is something of an earlier version.
pub(crate) fn is_here(images: &Path) -> bool {
    images.join(NAMES).exists()
}

/// Makes the table, of what an earlier version has left, or of nothing.
pub(crate) fn convert(images: &Path, blobs: &Blobs) -> Result<(), DiskError> {
    let _lock = table::lock(images)?;
    let names = images.join(NAMES);
    let configurations = configurations(images)?;
    // Another command may have made it, and may have been killed then.
    if table::read(images)?.is_none() {
        let table = take_over(&configurations, read_json(&names)?.unwrap_or_default(), blobs)?;
        if !configurations.is_empty() && !names.exists() {
            // It says that there is something left to remove.
            write_json(&names, &BTreeMap::<String, String>::new(), Durability::PowerFailure)?;
        }
        // An empty one is made again by whoever misses it.
        let lasting = if configurations.is_empty() { Durability::Death } else { Durability::PowerFailure };
        table::write(images, &table, lasting)?;
    }
    for path in configurations.into_values().chain([names]) {
        process::fault!("remove what was converted").map_err(DiskError::at("remove", &path))?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other.map_err(DiskError::at("remove", path))?,
        }
    }
    Ok(())
}

fn take_over(
    configurations: &BTreeMap<Digest, PathBuf>,
    names: BTreeMap<String, String>,
    blobs: &Blobs,
) -> Result<Table, DiskError> {
    let mut table = Table::default();
    for (id, path) in configurations {
        let bytes = fs::read(path).map_err(DiskError::at("read", path))?;
        process::fault!("convert an image").map_err(DiskError::at("write", blobs.path(id)))?;
        // Under the name that it had, also if it is damaged: a check finds that, as it did before.
        layers::write_atomically(&blobs.path(id), &bytes, Durability::PowerFailure)?;
        table.images.insert(id.clone(), Row::default());
    }
    for (name, id) in names {
        // Of an image that is gone nothing can be taken over.
        if let (Ok(reference), Ok(id)) = (name.parse::<Reference>(), id.parse())
            && table.images.contains_key(&id)
        {
            table.name(&reference, &id, None);
        }
    }
    Ok(table)
}

fn configurations(images: &Path) -> Result<BTreeMap<Digest, PathBuf>, DiskError> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(images).map_err(DiskError::at("read", images))? {
        let path = entry.map_err(DiskError::at("read", images))?.path();
        let digits = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".json"));
        if let Some(id) = digits.and_then(|digits| Digest::from_hex(digits).ok()) {
            found.insert(id, path);
        }
    }
    Ok(found)
}
