//! An image as others make it: an OCI layout out of two trees, by GNU tar and gzip, sent by skopeo. And a place where ours
//! go.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use images::{Digest, ImageStore, Platform, Reference};
use layers::{DataRoot, LayerStore};
use registry::{
    Client, CredentialStore, Event, Progress, Proxies, PullError, Pulled, Settings, State, Stores, Surroundings,
};
use tempfile::TempDir;

use super::tree;

/// Bytes of the larger layer, which the proxy plays with.
pub(crate) const BULK: usize = 3_000_000;

/// The layout, made once: an image of this machine's platform, inside of an index with others.
pub(crate) fn layout() -> &'static Layout {
    static LAYOUT: OnceLock<Layout> = OnceLock::new();
    LAYOUT.get_or_init(Layout::make)
}

pub(crate) struct Layout {
    directory: TempDir,
    /// The smaller layer.
    pub(crate) small: Digest,
    /// The larger layer.
    pub(crate) large: Digest,
    /// The manifest for this machine.
    pub(crate) manifest: Digest,
}

impl Layout {
    fn make() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        tree::make(root, BULK);
        fs::create_dir_all(root.join("layout/blobs/sha256")).expect("a directory");
        fs::write(root.join("layout/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("a file");
        let (one, first) = pack(root, "one");
        let (two, second) = pack(root, "two");
        let config = serde_json::json!({
            "architecture": images::go_architecture(), "os": "linux", "created": "2020-02-02T02:02:02Z",
            "config": { "Cmd": ["/bin/sh"], "Env": ["A=b"], "Unknown": { "kept": true } },
            "rootfs": { "type": "layers", "diff_ids": [first, second] },
            "history": [{ "created_by": "one" }, { "created_by": "two" }],
        });
        let layers = [&one, &two].map(|blob| descriptor(images::media::OCI_LAYER_GZIP, blob));
        let config = put(root, &serde_json::to_vec_pretty(&config).expect("JSON"));
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": images::media::OCI_MANIFEST,
            "config": descriptor(images::media::OCI_CONFIG, &config), "layers": layers,
        });
        let manifest = put(root, &serde_json::to_vec_pretty(&manifest).expect("JSON"));
        let mut entry = descriptor(images::media::OCI_MANIFEST, &manifest);
        entry["annotations"] = serde_json::json!({ "org.opencontainers.image.ref.name": "single" });
        let index = serde_json::json!({ "schemaVersion": 2, "manifests": [entry] });
        fs::write(root.join("layout/index.json"), index.to_string()).expect("a file");
        Self { small: one.1, large: two.1, manifest: manifest.1, directory }
    }

    /// Sends it to a registry.
    pub(crate) fn send(&self, address: &str, name: &str, flags: &[&str]) {
        let from = format!("oci:{}/layout:single", self.directory.path().display());
        skopeo(
            &[&["copy", "--dest-tls-verify=false"], flags, &[&from, &format!("docker://{address}/{name}")]].concat(),
        );
    }

    /// One of the trees.
    pub(crate) fn tree(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// A blob's path and digest.
type Blob = (PathBuf, Digest);

fn put(root: &Path, bytes: &[u8]) -> Blob {
    let digest = Digest::of(bytes);
    let path = root.join("layout/blobs/sha256").join(digest.hex());
    fs::write(&path, bytes).expect("a file");
    (path, digest)
}

fn pack(root: &Path, name: &str) -> (Blob, String) {
    let flags = ["--xattrs", "--format=pax", "--sort=name", "--numeric-owner", "-C", name, "-cf", "layer.tar", "."];
    let packed = Command::new("tar").args(flags).current_dir(root).status().expect("tar starts");
    assert!(packed.success(), "tar failed");
    let plain = Digest::of(&fs::read(root.join("layer.tar")).expect("an archive")).to_string();
    let zipped = Command::new("gzip").args(["-1nc", "layer.tar"]).current_dir(root).output().expect("gzip starts");
    (put(root, &zipped.stdout), plain)
}

fn descriptor(kind: &str, (path, digest): &Blob) -> serde_json::Value {
    let size = fs::metadata(path).expect("a file").len();
    serde_json::json!({ "mediaType": kind, "digest": digest.to_string(), "size": size })
}

/// Runs skopeo, which must work; what it prints.
pub(crate) fn skopeo(arguments: &[&str]) -> String {
    let mut command = Command::new("skopeo");
    command.arg("--insecure-policy").args(arguments).env("HOME", "/nonexistent").env_remove("DOCKER_CONFIG");
    let output = command.output().expect("skopeo starts (package skopeo)");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "skopeo {}: {said}", arguments.join(" "));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A data root, and credentials.
pub(crate) struct Home {
    directory: TempDir,
    pub(crate) images: ImageStore,
    pub(crate) layers: LayerStore,
    pub(crate) surroundings: Surroundings,
    pub(crate) log: Log,
}

impl Home {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let root = DataRoot::open(&directory.path().join("data")).expect("a data root");
        let surroundings = Surroundings {
            settings: Settings::default(),
            proxies: Proxies::default(),
            certificates: directory.path().join("certs.d"),
            connect: Duration::from_secs(5),
            idle: Duration::from_secs(5),
            pause: Duration::from_millis(1),
            chunk: 32 * 1024 * 1024,
        };
        let (images, layers) = (ImageStore::open(&root).expect("images"), LayerStore::open(&root).expect("layers"));
        Self { directory, images, layers, surroundings, log: Log::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn credentials(&self) -> CredentialStore {
        CredentialStore::new(Some(self.directory.path())).with_variable(None)
    }

    pub(crate) fn client(&self) -> Client<'_> {
        Client::new(self.surroundings.clone(), self.credentials(), &self.log)
    }

    pub(crate) fn stores(&self) -> Stores<'_> {
        Stores { images: &self.images, layers: &self.layers }
    }

    pub(crate) fn pull(&self, name: &str) -> Result<Pulled, PullError> {
        self.client().pull(self.stores(), &reference(name), &Platform::host())
    }

    /// The trees of an image's layers, lowest first.
    pub(crate) fn trees(&self, pulled: &Pulled) -> Vec<PathBuf> {
        let layers = pulled.image.layers();
        layers.iter().map(|layer| self.layers.get(layer).expect("a layer").path).collect()
    }
}

pub(crate) fn reference(name: &str) -> Reference {
    name.parse().expect("a name")
}

/// The whole message, with what is behind it.
pub(crate) fn said<E: process::Diagnose>(error: E) -> String {
    let failure = process::Failure::from(error);
    failure.hint.map_or(failure.message.clone(), |hint| format!("{}\nhint: {hint}", failure.message))
}

/// What was told.
#[derive(Default)]
pub(crate) struct Log(Mutex<Vec<String>>);

impl Log {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().expect("nobody panicked").clone()
    }
}

impl Progress for Log {
    fn event(&self, event: Event<'_>) {
        let line = match event {
            // How many there are depends on the network.
            Event::Layer { state: State::Downloading { .. } | State::Uploading { .. }, .. } => return,
            Event::Layer { state, .. } => format!("{state:?}"),
            event => format!("{event:?}"),
        };
        self.0.lock().expect("nobody panicked").push(line);
    }
}
