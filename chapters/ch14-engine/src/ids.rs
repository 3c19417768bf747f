//! Ids of containers: 64 hexadecimal digits, by which their directories are named.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use layers::DiskError;

/// Whether it is a whole one.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// The names in a directory that are ids.
pub(crate) fn ids(directory: &Path) -> Result<Vec<String>, DiskError> {
    let failed = |error| DiskError::at("read", directory)(error);
    let mut ids = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        ids.extend(name.to_str().filter(|name| is_id(name)).map(str::to_owned));
    }
    Ok(ids)
}

/// 64 random hexadecimal digits. An id whose first twelve are a number could be taken for one; docker avoids it, too.
pub(crate) fn new_id() -> Result<String, DiskError> {
    let source = Path::new("/dev/urandom");
    let mut random = File::open(source).map_err(DiskError::at("open", source))?;
    loop {
        let mut bytes = [0; 32];
        io::Read::read_exact(&mut random, &mut bytes).map_err(DiskError::at("read", source))?;
        let id = bytes.iter().fold(String::with_capacity(64), |text, byte| format!("{text}{byte:02x}"));
        if id[..12].bytes().any(|digit| digit.is_ascii_alphabetic()) {
            return Ok(id);
        }
    }
}
