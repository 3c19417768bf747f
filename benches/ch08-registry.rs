//! Chapter 8's price list: what it costs to read a challenge, to ask whether an image is still what it was, and to pull one.
//!
//! The registry is a thread with everything in memory, at the other end of the loopback device: this is the price of the
//! protocol, of hashing and of unpacking, and not of a network.

use std::collections::HashMap;
use std::fs;
use std::hint::black_box;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use images::{Descriptor, Digest, ImageStore, Manifest, Platform, Reference, go_architecture, media};
use layers::{DataRoot, LayerStore};
use registry::{Client, CredentialStore, Proxies, Settings, Stores, Surroundings, parse_challenges};

const LARGE: usize = 16 << 20;

/// Data roots that go when the benchmark is over.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = Path::new("/dev/shm").join(format!("mini-docker-bench-{}", std::process::id()));
        must(fs::create_dir_all(&path));
        Self(path)
    }

    /// A new one, without images.
    fn stores(&self) -> (ImageStore, LayerStore) {
        let path = self.0.join("data");
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

/// Documents and blobs by the last part of their path, with their types.
type Things = HashMap<String, (&'static str, Vec<u8>)>;

/// An image of one layer with one large file.
fn things() -> Things {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(LARGE as u64);
    header.set_mode(0o644);
    must(archive.append_data(&mut header, "blob", vec![7; LARGE].as_slice()));
    let layer = must(archive.into_inner());
    let diff_id = Digest::of(&layer).to_string();
    let rootfs = serde_json::json!({ "type": "layers", "diff_ids": [diff_id] });
    let config = serde_json::json!({ "architecture": go_architecture(), "os": "linux", "rootfs": rootfs });
    let config = config.to_string().into_bytes();
    let layers = vec![Descriptor::of(media::OCI_LAYER, &layer)];
    let manifest = must(serde_json::to_vec(&Manifest::new(Descriptor::of(media::OCI_CONFIG, &config), layers)));
    let mut things: Things = HashMap::new();
    things.insert("latest".into(), (media::OCI_MANIFEST, manifest.clone()));
    for (kind, bytes) in [(media::OCI_CONFIG, config), (media::OCI_LAYER, layer), (media::OCI_MANIFEST, manifest)] {
        things.insert(Digest::of(&bytes).to_string(), (kind, bytes));
    }
    things
}

/// The address of a registry that has these, and keeps connections.
fn serve(things: Things) -> String {
    let listener = must(TcpListener::bind("127.0.0.1:0"));
    let address = must(listener.local_addr()).to_string();
    let things = Arc::new(things);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let things = Arc::clone(&things);
            std::thread::spawn(move || drop(answer(&stream, &things)));
        }
    });
    address
}

fn answer(mut stream: &TcpStream, things: &Things) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        // TLS begins with this byte, and we do not speak it.
        if reader.fill_buf()?.first() == Some(&0x16) {
            return stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut header = line.clone();
        while !header.trim_end().is_empty() {
            header.clear();
            reader.read_line(&mut header)?;
        }
        let path = line.split(' ').nth(1).unwrap_or_default();
        let Some((kind, bytes)) = things.get(path.rsplit('/').next().unwrap_or_default()) else {
            write!(stream, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")?;
            continue;
        };
        // Of a layer nobody asks for it, and hashing it here would be the most of all.
        let digest = if *kind == media::OCI_LAYER { String::new() } else { Digest::of(bytes).to_string() };
        let digest = if digest.is_empty() { digest } else { format!("docker-content-digest: {digest}\r\n") };
        let length = bytes.len();
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n{digest}\r\n")?;
        if line.starts_with("GET") {
            stream.write_all(bytes)?;
        }
    }
}

fn surroundings() -> Surroundings {
    Surroundings {
        settings: Settings::default(),
        proxies: Proxies::default(),
        certificates: "/nonexistent".into(),
        connect: Duration::from_secs(5),
        idle: Duration::from_secs(5),
        pause: Duration::from_millis(1),
        chunk: 32 << 20,
    }
}

fn challenges(criterion: &mut Criterion) {
    let header = r#"Basic realm="a, b", Bearer realm="https://auth.example/token",service="reg",scope="repository:a/b:pull,push""#;
    criterion.bench_function("ch08/read a challenge", |bencher| {
        bencher.iter(|| black_box(parse_challenges(black_box(header))));
    });
}

fn pulls(criterion: &mut Criterion) {
    let scratch = Scratch::new();
    let name: Reference = must(format!("{}/box", serve(things())).parse());
    let client = || Client::new(surroundings(), CredentialStore::new(None).with_variable(None), &());
    let pull = |client: &Client, images: &ImageStore, layers: &LayerStore| {
        black_box(must(client.pull(Stores { images, layers }, &name, &Platform::host())))
    };
    let mut group = criterion.benchmark_group("ch08/an image of 16 MiB");
    group.throughput(Throughput::Bytes(LARGE as u64));
    group.bench_function("pull", |bencher| {
        bencher.iter_batched(
            || scratch.stores(),
            |(images, layers)| pull(&client(), &images, &layers),
            BatchSize::PerIteration,
        );
    });
    group.finish();
    let (images, layers) = scratch.stores();
    pull(&client(), &images, &layers);
    let mut group = criterion.benchmark_group("ch08/an image that is here");
    group.bench_function("pull, a new connection", |bencher| bencher.iter(|| pull(&client(), &images, &layers)));
    let kept = client();
    group.bench_function("pull, the same connection", |bencher| bencher.iter(|| pull(&kept, &images, &layers)));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30);
    targets = challenges, pulls
}
criterion_main!(benches);
