//! Chapter 3's price list: what a root file system of its own costs, part by part, and what a safe walk costs beside an
//! unsafe one.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use namespaces::{Kind, Namespaces};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use process::{Failure, Spawn};
use rootfs::{Mount, Root, RootDir, Rootfs, defaults};

/// A directory with what a root file system has at least. Gone when it is dropped.
struct Fixture(PathBuf);

impl Fixture {
    fn new() -> Self {
        let root = std::env::temp_dir().join(format!("mini-docker-bench-{}", std::process::id()));
        for name in ["dev", "proc", "sys", "etc/deep/er/still"] {
            fs::create_dir_all(root.join(name)).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
        }
        fs::write(root.join("etc/deep/er/still/file"), "").unwrap_or_else(|error| panic!("{error}"));
        Self(root)
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// How long `plan` takes in a child with new mount, pid and ipc namespaces: to be prepared, and then to be entered.
fn once(root: &Path, plan: &Rootfs) -> [Duration; 2] {
    let namespaces = Namespaces::host().with_new(Kind::Mount).with_new(Kind::Pid).with_new(Kind::Ipc);
    let (hear, say) = nix::unistd::pipe().unwrap_or_else(|error| panic!("{error}"));
    let pending = Spawn::new().namespaces(namespaces.clone_flags()).start(|gate| -> Result<_, Failure> {
        gate.wait()?;
        let start = Instant::now();
        let prepared = plan.prepare(Root::Directory(root.into()))?;
        let first = start.elapsed();
        prepared.pivot()?;
        let text = format!("{} {}", first.as_nanos(), start.elapsed().saturating_sub(first).as_nanos());
        let _ = (&File::from(say)).write_all(text.as_bytes());
        std::process::exit(0)
    });
    let mut text = String::new();
    // The child exits instead of becoming a program, and so what release() returns says nothing.
    let _ = pending.map(|pending| pending.release().map(|mut child| child.wait()));
    let _ = File::from(hear).read_to_string(&mut text);
    let mut times = text.split(' ').map(|number| number.parse().map(Duration::from_nanos));
    match (times.next(), times.next()) {
        (Some(Ok(first)), Some(Ok(second))) => [first, second],
        _ => panic!("the child did not get in (this benchmark needs root)"),
    }
}

fn parts(criterion: &mut Criterion) {
    let fixture = Fixture::new();
    let mut group = criterion.benchmark_group("ch03");
    let mut measure = |name: &str, phases: std::ops::Range<usize>, plan: Rootfs| {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| {
                (0..rounds).flat_map(|_| once(&fixture.0, &plan)[phases.clone()].to_vec()).sum::<Duration>()
            });
        });
    };
    let only = |mounts: Vec<Mount>| Rootfs { mounts, ..Rootfs::default() };
    measure("private mounts, root attached", 0..1, Rootfs::default());
    for mount in defaults::mounts() {
        if mount.destination.parent() == Some(Path::new("/")) {
            measure(&format!("and {} on {}", mount.kind, mount.destination.display()), 0..1, only(vec![mount]));
        }
    }
    measure("and docker's six file systems", 0..1, only(defaults::mounts()));
    measure("and six devices", 0..1, Rootfs { devices: rootfs::Device::defaults(), ..only(defaults::mounts()) });
    measure("pivot", 1..2, only(defaults::mounts()));
    measure("and masks", 1..2, Rootfs { readonly_paths: Vec::new(), ..Rootfs::docker_default() });
    measure("and read-only paths", 1..2, Rootfs::docker_default());
    measure("all of it", 0..2, Rootfs { readonly: true, ..Rootfs::docker_default() });
    group.finish();
}

fn walks(criterion: &mut Criterion) {
    let fixture = Fixture::new();
    let Ok(root) = RootDir::open(&fixture.0) else { panic!("the directory just made is there") };
    let mut group = criterion.benchmark_group("ch03/find a file five directories down");
    let path = "etc/deep/er/still/file";
    let joined = fixture.0.join(path);
    let find = OFlag::O_PATH | OFlag::O_CLOEXEC;
    group.bench_function("open, unsafe", |bencher| bencher.iter(|| black_box(open(&joined, find, Mode::empty()))));
    group.bench_function("RootDir", |bencher| bencher.iter(|| black_box(root.resolve(path))));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(300));
    targets = parts, walks
}
criterion_main!(benches);
