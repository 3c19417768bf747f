//! Chapter 6's price list: what a stack of layers costs to mount, to write to, to unpack and to pack.
//!
//! Everything is in memory. On ext4 thousands of rounds would measure something else: it looks long for an inode that
//! was not freed within the last seconds.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use layers::{Overlay, UnpackLimits, Upper, apply_tar, changes, create_tar};

const SMALL_FILES: usize = 1000;
const LARGE: usize = 16 << 20;

/// A directory that goes when the benchmark is over.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = Path::new("/dev/shm").join(format!("mini-docker-bench-{}", std::process::id()));
        must(fs::create_dir_all(&path));
        Self(path)
    }

    /// A new, empty directory.
    fn fresh(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        let _ = fs::remove_dir_all(&path);
        must(fs::create_dir_all(&path));
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn must<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error} (this benchmark needs root)"))
}

fn container(scratch: &Scratch, lowers: &[PathBuf]) -> (Upper, OwnedFd) {
    let upper = must(Upper::create(&scratch.fresh("container"), lowers.first().map(PathBuf::as_path)));
    let mount = must(Overlay::new(lowers.to_vec(), &upper).volatile(true).mount());
    (upper, mount)
}

/// The mount alone is timed: nobody waits for its end, and the directories of the container come with the container.
fn mount(criterion: &mut Criterion) {
    let scratch = Scratch::new();
    let lowers: Vec<PathBuf> = (0..128).map(|number| scratch.fresh(&format!("layer-{number}"))).collect();
    let mut group = criterion.benchmark_group("ch06/mount");
    for count in [1, 8, 32, 128] {
        group.bench_function(format!("{count} layers"), |bencher| {
            bencher.iter_custom(|rounds| {
                let mut total = Duration::ZERO;
                for _ in 0..rounds {
                    let upper = must(Upper::create(&scratch.fresh("container"), None));
                    let overlay = Overlay::new(lowers[..count].to_vec(), &upper).volatile(true);
                    let start = Instant::now();
                    let mount = black_box(must(overlay.mount()));
                    total += start.elapsed();
                    drop(mount);
                }
                total
            });
        });
    }
    group.finish();
}

/// The first write to a file of the image copies all of it; the second is a write.
fn copy_up(criterion: &mut Criterion) {
    let scratch = Scratch::new();
    let lower = scratch.fresh("lower");
    for (name, size) in [("4 KiB", 4 << 10), ("1 MiB", 1 << 20), ("16 MiB", LARGE)] {
        must(fs::write(lower.join(name), vec![7; size]));
    }
    let mut group = criterion.benchmark_group("ch06/open for writing");
    for name in ["4 KiB", "1 MiB", "16 MiB"] {
        group.bench_function(format!("first time, {name}"), |bencher| {
            bencher.iter_custom(|rounds| {
                let mut total = Duration::ZERO;
                for _ in 0..rounds {
                    let (_upper, mount) = container(&scratch, std::slice::from_ref(&lower));
                    let path = format!("/proc/self/fd/{}/{name}", mount.as_raw_fd());
                    let start = Instant::now();
                    must(File::options().append(true).open(path));
                    total += start.elapsed();
                }
                total
            });
        });
    }
    let (_upper, mount) = container(&scratch, std::slice::from_ref(&lower));
    let path = format!("/proc/self/fd/{}/1 MiB", mount.as_raw_fd());
    group.bench_function("again", |bencher| bencher.iter(|| must(File::options().append(true).open(&path))));
    group.finish();
}

/// Many small files, as in a package; and one large one.
fn plant(directory: &Path) {
    for number in 0..SMALL_FILES {
        let parent = directory.join(format!("usr/share/{}", number / 50));
        must(fs::create_dir_all(&parent));
        must(fs::write(parent.join(format!("file-{number}")), format!("{number}\n").repeat(100)));
    }
    must(fs::create_dir_all(directory.join("bin")));
    for number in 0..SMALL_FILES / 4 {
        must(symlink("busybox", directory.join(format!("bin/applet-{number}"))));
    }
}

fn archives(criterion: &mut Criterion) {
    let scratch = Scratch::new();
    let small = scratch.fresh("small");
    plant(&small);
    let large = scratch.fresh("large");
    must(File::create(large.join("blob")).and_then(|mut file| file.write_all(&vec![7; LARGE])));
    for (name, tree) in [("1000 small files and 250 links", &small), ("one file of 16 MiB", &large)] {
        let mut archive = Vec::new();
        must(create_tar(tree, &mut archive));
        let mut group = criterion.benchmark_group(format!("ch06/{name}"));
        group.throughput(Throughput::Bytes(archive.len() as u64));
        group.bench_function("create_tar", |bencher| bencher.iter(|| must(create_tar(tree, io::sink()))));
        group.bench_function("apply_tar", |bencher| {
            bencher.iter_batched(
                || scratch.fresh("unpacked"),
                |directory| must(apply_tar(archive.as_slice(), &directory, &UnpackLimits::default())),
                BatchSize::PerIteration,
            );
        });
        group.finish();
    }
    let image = scratch.fresh("image");
    plant(&image);
    criterion.bench_function("ch06/changes: 1000 files that are all the same", |bencher| {
        bencher.iter(|| black_box(must(changes(&small, &[&image]))));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30);
    targets = mount, copy_up, archives
}
criterion_main!(benches);
