//! Chapter 12's price list: the life of a container in three commands, and another process in one, by our runtime and by
//! others, from the same bundle. Compare the names with each other.
//!
//! `mini-runc` is the release binary, which `cargo wb bench` and `cargo wb try` build.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use runtime::spec::{Root, Spec};

/// A bundle with docker's defaults and a root of busybox; it goes when the benchmark is over.
struct Bundle(PathBuf);

impl Bundle {
    fn new() -> Self {
        let directory = std::env::temp_dir().join(format!("mini-docker-bench-{}", std::process::id()));
        let root = directory.join("rootfs");
        for name in ["bin", "dev", "etc", "proc", "sys", "tmp"] {
            must(fs::create_dir_all(root.join(name)));
        }
        must(fs::copy("/bin/busybox", root.join("bin/busybox")));
        for applet in ["sleep", "true"] {
            must(symlink("busybox", root.join("bin").join(applet)));
        }
        must(fs::write(root.join("etc/passwd"), "root:x:0:0:root:/:/bin/sh\n"));
        let mut spec = Spec::docker_default();
        // crun of Debian 12 takes no later version.
        spec.oci_version = "1.0.2".into();
        spec.root = Some(Root { path: root, readonly: false });
        spec.linux.cgroups_path = format!("/mini-docker-bench/{}", std::process::id());
        if let Some(process) = &mut spec.process {
            process.args = ["sleep", "1000"].map(Into::into).into();
        }
        must(fs::write(directory.join("config.json"), must(serde_json::to_vec(&spec))));
        Self(directory)
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
        cgroups::remove_abandoned(Path::new("/mini-docker-bench"));
        // The others also make groups in hierarchies that we leave alone, and plain directories where none is mounted.
        for hierarchy in fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten() {
            let above = hierarchy.path().join("mini-docker-bench");
            let _ = fs::remove_dir(&above).or_else(|_| fs::remove_dir_all(&above));
        }
    }
}

fn must<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error} (this benchmark needs root)"))
}

/// One that is on this machine.
struct Runtime {
    name: &'static str,
    program: PathBuf,
}

impl Runtime {
    fn all() -> Vec<Self> {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/x86_64-unknown-linux-gnu/release/mini-runc");
        let all = [("mini-runc", ours), ("crun", "/usr/bin/crun".into()), ("runc", "/usr/sbin/runc".into())];
        let all = all.map(|(name, program)| Self { name, program });
        all.into_iter().filter(|runtime| runtime.program.is_file() || runtime.is_missed()).collect()
    }

    fn is_missed(&self) -> bool {
        eprintln!("ch12: {} is not there", self.program.display());
        false
    }

    fn run(&self, bundle: &Bundle, words: &[&str]) {
        let mut command = Command::new(&self.program);
        command.arg("--root").arg(bundle.0.join(self.name)).args(words).current_dir(&bundle.0);
        let status = must(command.stdin(Stdio::null()).stdout(Stdio::null()).status());
        assert!(status.success(), "{} {}: {status}", self.name, words.join(" "));
    }
}

fn life(criterion: &mut Criterion) {
    let bundle = Bundle::new();
    let mut group = criterion.benchmark_group("ch12/create, start, delete");
    for runtime in Runtime::all() {
        group.bench_function(runtime.name, |bencher| {
            bencher.iter(|| {
                runtime.run(&bundle, &["create", "bench"]);
                runtime.run(&bundle, &["start", "bench"]);
                runtime.run(&bundle, &["delete", "--force", "bench"]);
            });
        });
    }
    group.finish();
}

/// Alone, in a container that is there.
fn exec(criterion: &mut Criterion) {
    let bundle = Bundle::new();
    let mut group = criterion.benchmark_group("ch12/exec true");
    for runtime in Runtime::all() {
        runtime.run(&bundle, &["create", "bench"]);
        runtime.run(&bundle, &["start", "bench"]);
        group.bench_function(runtime.name, |bencher| {
            bencher.iter(|| runtime.run(&bundle, &["exec", "bench", "true"]));
        });
        runtime.run(&bundle, &["delete", "--force", "bench"]);
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(500));
    targets = life, exec
}
criterion_main!(benches);
