//! Chapter 7's price list: what it costs to find an image among many, to choose from an index, to hash, to save and to load.
//!
//! Everything is in memory, so that this is the price of images and not of a disk.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use images::{ContainerConfig, Descriptor, Digest, ImageConfig, ImageStore, Index, Platform, RemoveError, media};
use layers::{DataRoot, LayerStore, create_tar};

const LARGE: usize = 16 << 20;

/// A data root that goes when the benchmark is over.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = Path::new("/dev/shm").join(format!("mini-docker-bench-{}", std::process::id()));
        must(fs::create_dir_all(&path));
        Self(path)
    }

    /// A new one, without images.
    fn stores(&self, name: &str) -> (ImageStore, LayerStore) {
        let path = self.0.join(name);
        let _ = fs::remove_dir_all(&path);
        let root = must(DataRoot::open(&path));
        (must(ImageStore::open(&root)), must(LayerStore::open(&root)))
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

fn config(number: usize, diff_ids: Vec<String>) -> ImageConfig {
    let config = ContainerConfig { cmd: Some(vec![number.to_string()]), ..ContainerConfig::default() };
    ImageConfig::new("2024-01-01T00:00:00Z".into(), diff_ids, config)
}

/// What each command begins with; and a prune that finds nothing.
fn names(criterion: &mut Criterion) {
    let scratch = Scratch::new();
    for count in [1, 100] {
        let (images, layers) = scratch.stores(&format!("names-{count}"));
        for number in 0..count {
            must(images.put(Some(&must(format!("image{number}").parse())), config(number, Vec::new()), None));
        }
        let mut group = criterion.benchmark_group(format!("ch07/{count} images"));
        group.bench_function("find by name", |bencher| bencher.iter(|| black_box(must(images.find("image0")))));
        group.bench_function("list", |bencher| bencher.iter(|| black_box(must(images.list()))));
        group.bench_function("prune nothing", |bencher| {
            bencher.iter(|| must(images.prune(&layers, false, |_| true, || Ok::<_, RemoveError>(Vec::new()))));
        });
        group.finish();
    }
}

/// An index as large as they get: eight platforms, and a note on each.
fn index(criterion: &mut Criterion) {
    let entry = |platform: &str| Descriptor {
        platform: Some(must(platform.parse())),
        ..Descriptor::of(media::OCI_MANIFEST, platform.as_bytes())
    };
    let platforms = ["amd64", "arm/v5", "arm/v6", "arm/v7", "arm64/v8", "386", "ppc64le", "s390x"];
    let images = platforms.iter().map(|platform| entry(&format!("linux/{platform}")));
    let manifests = images.flat_map(|image| [image, entry("unknown/unknown")]).collect();
    let index = Index { schema_version: 2, media_type: None, manifests, other: std::collections::BTreeMap::new() };
    let platform = must("linux/arm/v7".parse::<Platform>());
    criterion.bench_function("ch07/choose from 8 platforms", |bencher| {
        bencher.iter(|| black_box(must(index.choose(&platform))));
    });
    let bytes = vec![7; LARGE];
    let mut group = criterion.benchmark_group("ch07/sha256");
    group.throughput(Throughput::Bytes(LARGE as u64));
    group.bench_function("16 MiB", |bencher| bencher.iter(|| black_box(Digest::of(&bytes))));
    group.finish();
}

fn archives(criterion: &mut Criterion) {
    let scratch = Scratch::new();
    let tree = scratch.0.join("tree");
    must(fs::create_dir_all(&tree));
    must(File::create(tree.join("blob")).and_then(|mut file| file.write_all(&vec![7; LARGE])));
    let mut archive = Vec::new();
    must(create_tar(&tree, &mut archive));
    let (images, layers) = scratch.stores("save");
    let name = must("web".parse());
    let describe = |diff_id: &Digest| config(0, vec![diff_id.to_string()]);
    must(must(images.ingest(&layers)).import(archive.as_slice(), Some(&name), describe));
    let names = ["web".to_owned()];
    let mut saved = Vec::new();
    must(images.save(&layers, &names, &mut saved));
    let mut group = criterion.benchmark_group("ch07/an image of 16 MiB");
    group.throughput(Throughput::Bytes(saved.len() as u64));
    group.bench_function("save", |bencher| bencher.iter(|| must(images.save(&layers, &names, io::sink()))));
    group.bench_function("load", |bencher| {
        bencher.iter_batched(
            || scratch.stores("load"),
            |(images, layers)| black_box(must(images.load_archive(&layers, saved.as_slice(), None))),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30);
    targets = names, index, archives
}
criterion_main!(benches);
