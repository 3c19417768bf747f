//! An engine with a busybox image, without a command line.
#![allow(dead_code, reason = "each test file uses a part")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use engine::{Container, Create, Engine, Foreground, Status, Streams};
use process::DetachKeys;
use process::signals::Proxy;
use testkit::{Host, Inmate, Need, require};

/// Where the engines of a test have their data.
pub(crate) fn data(host: &Host) -> PathBuf {
    host.dir().join("data")
}

/// An engine, as another command has it.
pub(crate) fn another(host: &Host) -> Engine {
    Engine::open(&data(host)).expect("an engine")
}

/// Does `work` as a command does: in a process of one thread, that ends.
pub(crate) fn command(host: &Host, work: impl FnOnce(&Engine)) {
    require(Need::Busybox);
    require(Need::Overlay);
    drop(Inmate::new(|| {
        let engine = another(host);
        if engine.lacks_image("busybox") {
            engine.bootstrap_busybox(&"busybox".parse().expect("a name")).expect("an image");
        }
        work(&engine);
        String::new()
    }));
}

/// Nobody at any stream.
pub(crate) fn alone() -> Foreground {
    Foreground { streams: Streams::default(), proxy: Proxy::Never, detach_keys: DetachKeys::default() }
}

/// A wish in docker's JSON.
pub(crate) fn wish(json: &str) -> Create {
    Create::from_json(json.as_bytes()).expect("a wish")
}

/// A busybox that runs `script`, under a name.
pub(crate) fn named(name: &str, script: &str) -> Create {
    let json = serde_json::json!({ "Image": "busybox", "Cmd": ["sh", "-c", script] });
    Create { name: name.into(), ..wish(&json.to_string()) }
}

/// What the data root has for containers: directories, names, what lives, and what is on its way out. Shims that clear up
/// are waited for: each holds the directory of its life until it is through.
pub(crate) fn traces(data: &Path) -> Vec<String> {
    for life in fs::read_dir(data.join("run/containers")).into_iter().flatten().flatten() {
        if let Ok(directory) = File::open(life.path()) {
            directory.lock_shared().expect("a lock");
        }
    }
    let mut traces: Vec<String> = ["containers", "names", "run/containers", "run/tmp", "tmp"]
        .iter()
        .flat_map(|directory| fs::read_dir(data.join(directory)).into_iter().flatten().flatten())
        .map(|entry| entry.path().strip_prefix(data).expect("below the data root").display().to_string())
        .collect();
    traces.sort();
    traces
}

/// Looks again and again until the container is as expected: its shim does that in its own time.
pub(crate) fn wait_until(engine: &Engine, name: &str, expected: impl Fn(&Container) -> bool) -> Container {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let container = engine.find(name).expect("a container");
        if expected(&container) {
            return container;
        }
        assert!(Instant::now() < until, "{:?}", container.state);
        std::thread::yield_now();
    }
}

pub(crate) fn status(engine: &Engine, name: &str) -> Status {
    engine.find(name).expect("a container").state.status
}
