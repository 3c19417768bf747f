//! What a pull cannot do without, each part alone: inflate the layers, hash what comes and what comes out of it, and write the
//! files and the kept blobs with one wait for the disk. `pull-bound DIRECTORY LAYER...` prints the seconds of each.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flate2::bufread::MultiGzDecoder;
use layers::Hashing;
use tar::{Archive, EntryType};

fn main() -> Result<(), Box<dyn Error>> {
    let mut paths = std::env::args_os().skip(1).map(PathBuf::from);
    let directory = paths.next().ok_or("which directory?")?;
    let blobs: Vec<PathBuf> = paths.collect();
    let mut archives = Vec::new();
    for blob in &blobs {
        let mut archive = Vec::new();
        inflate(blob)?.read_to_end(&mut archive)?;
        archives.push(archive);
    }
    let parts = [
        time(|| blobs.iter().try_for_each(|blob| io::copy(&mut inflate(blob)?, &mut io::sink()).map(drop)))?,
        time(|| blobs.iter().try_for_each(|blob| hash(File::open(blob)?)))?,
        time(|| archives.iter().try_for_each(|archive| hash(archive.as_slice())))?,
        time(|| write(&directory, &blobs, &archives))?,
    ];
    for part in parts {
        println!("{}", part.as_secs_f64());
    }
    Ok(())
}

fn inflate(blob: &Path) -> io::Result<MultiGzDecoder<BufReader<File>>> {
    Ok(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, File::open(blob)?)))
}

fn hash(bytes: impl Read) -> io::Result<()> {
    let mut hashing = Hashing::new(bytes);
    io::copy(&mut hashing, &mut io::sink())?;
    hashing.finish();
    Ok(())
}

/// Files, directories and links with their names, and nothing of what else is known of them.
fn write(directory: &Path, blobs: &[PathBuf], archives: &[Vec<u8>]) -> io::Result<()> {
    for (number, (blob, archive)) in blobs.iter().zip(archives).enumerate() {
        let layer = directory.join(number.to_string());
        fs::create_dir_all(&layer)?;
        fs::copy(blob, directory.join(format!("{number}.blob")))?;
        for entry in Archive::new(archive.as_slice()).entries()? {
            let mut entry = entry?;
            let path = layer.join(entry.path()?);
            match entry.header().entry_type() {
                EntryType::Directory => fs::create_dir_all(&path)?,
                EntryType::Regular => {
                    fs::create_dir_all(path.parent().unwrap_or(&layer))?;
                    io::copy(&mut entry, &mut File::create(&path)?)?;
                }
                _ => {}
            }
        }
    }
    Ok(rustix::fs::syncfs(File::open(directory)?)?)
}

/// The fastest of three: what it takes when nothing disturbs.
fn time(mut work: impl FnMut() -> io::Result<()>) -> io::Result<Duration> {
    let mut least = Duration::MAX;
    for _ in 0..3 {
        let start = Instant::now();
        work()?;
        least = least.min(start.elapsed());
    }
    Ok(least)
}
