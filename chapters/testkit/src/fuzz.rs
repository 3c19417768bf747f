//! A small fuzzer: a function over bytes, fed with samples and with what becomes of them, for a fixed time.
//!
//! cargo-fuzz finds more, because it sees which branches an input takes; but it needs another compiler, and hours. This
//! runs with every test, and finds what a few ten thousand inputs find. The functions are the same (`fuzzing/`).

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::mutation::Mutator;

/// Seconds for each function; maintainers give it more.
const SECONDS: &str = "TESTKIT_FUZZ_SECONDS";
/// Where the random numbers begin: the same every time, unless told otherwise.
const SEED: &str = "TESTKIT_FUZZ_SEED";
const DEFAULT_SECONDS: u64 = 3;
/// No input of ours may take so long.
const HANG: Duration = Duration::from_secs(10);
/// No function may take more memory than this for what it is fed.
const MEMORY: u64 = 256 << 20;
/// Looking at the memory costs more than most inputs.
const LOOK_EVERY: u64 = 256;

/// For archives: every block that might be a header gets the checksum of one.
pub fn with_checksums(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for block in bytes.chunks_exact_mut(512).filter(|block| block[0] != 0) {
        let sum: u32 =
            block.iter().enumerate().map(|(at, &byte)| if (148..156).contains(&at) { 32 } else { byte.into() }).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    bytes
}

/// Feeds `target` with the files of the directory `samples`, then with mutations of them. `words` are what the format has
/// in it: they are put in, too.
///
/// # Panics
/// When `target` does, hangs, or takes too much memory. What it was fed with is in a file then, which the message names.
pub fn fuzz(name: &str, samples: &Path, words: &[&[u8]], target: impl Fn(&[u8])) {
    let number = |variable: &str| std::env::var(variable).ok().and_then(|text| text.parse().ok());
    let seed = number(SEED).unwrap_or(1);
    let samples = read(samples);
    let deadline = Instant::now() + Duration::from_secs(number(SECONDS).unwrap_or(DEFAULT_SECONDS));
    let before = peak();
    // What is being tried, for whoever finds us hanging.
    let current = Mutex::new((Instant::now(), Vec::new()));
    let (done, ended) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let watched = &current;
        scope.spawn(move || watch(name, seed, watched, &ended));
        // Dropped when a panic leaves the scope, too: otherwise nobody would tell the watcher.
        let _done = done;
        let mut mutator = Mutator::new(seed, &samples, words);
        for count in 0_u64.. {
            if Instant::now() >= deadline && count >= samples.len() as u64 {
                println!("{name}: {count} inputs");
                break;
            }
            let input = match samples.get(usize::try_from(count).unwrap_or(usize::MAX)) {
                Some(sample) => sample.clone(),
                None => mutator.next(),
            };
            if let Ok(mut current) = current.lock() {
                *current = (Instant::now(), input.clone());
            }
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(&input))) {
                eprintln!("{}", report(name, seed, "failed", &input));
                resume_unwind(panic);
            }
            let taken = if count.is_multiple_of(LOOK_EVERY) { peak().saturating_sub(before) } else { 0 };
            assert!(
                taken <= MEMORY,
                "{} {} MiB",
                report(name, seed, "took, with one of the last inputs,", &input),
                taken >> 20
            );
        }
    });
}

/// Ends the process when one input takes too long.
fn watch(name: &str, seed: u64, current: &Mutex<(Instant, Vec<u8>)>, ended: &mpsc::Receiver<()>) {
    while ended.recv_timeout(HANG / 4) == Err(mpsc::RecvTimeoutError::Timeout) {
        if let Ok(current) = current.lock()
            && current.0.elapsed() > HANG
        {
            eprintln!("{}", report(name, seed, "hangs", &current.1));
            std::process::abort();
        }
    }
}

/// Keeps the input, and says where.
fn report(name: &str, seed: u64, what: &str, input: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    let path = std::env::temp_dir().join(format!("fuzz-{name}-{:016x}", hasher.finish()));
    let place =
        fs::write(&path, input).map_or_else(|error| format!("not kept: {error}"), |()| path.display().to_string());
    format!("{name} {what} (input: {place}; {SEED}={seed} makes the same inputs again)")
}

/// The files of a directory, sorted by name.
fn read(directory: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let samples: Vec<_> = paths.iter().filter_map(|path| fs::read(path).ok()).collect();
    assert!(!samples.is_empty(), "{} has no samples", directory.display());
    samples
}

/// The most memory that this process has had, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() * 1024
}
