//! Chapter 5's price list: what confinement costs at a container's start, and what a filter costs each call.

use std::hint::black_box;
use std::time::{Duration, Instant};

use confinement::{Capabilities, CapabilitySets, Filter, SeccompProfile, become_user};
use criterion::{Criterion, criterion_group, criterion_main};
use nix::unistd::{Gid, Uid};
use process::{Failure, Spawn};

/// From the profile to the program: without a cache, and with one.
fn filter(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ch05/filter");
    let capabilities = Capabilities::docker_default();
    group.bench_function("read docker's profile", |bencher| bencher.iter(SeccompProfile::docker_default));
    let profile = SeccompProfile::docker_default();
    group
        .bench_function("resolve its conditions", |bencher| bencher.iter(|| profile.resolve(black_box(&capabilities))));
    let seccomp = profile.resolve(&capabilities);
    group.bench_function("compile", |bencher| bencher.iter(|| Filter::compile(black_box(&seccomp))));
    let directory = std::env::temp_dir().join(format!("ch05-cache-{}", std::process::id()));
    if Filter::cached(&seccomp, &directory).is_ok() {
        group.bench_function("from the cache", |bencher| {
            bencher.iter(|| Filter::cached(black_box(&seccomp), &directory));
        });
    }
    let _ = std::fs::remove_dir_all(&directory);
    group.finish();
}

/// How long `work` takes, each time in a new process, for it cannot be undone there.
fn once_in_a_child(rounds: u64, work: impl Fn()) -> Duration {
    let mut total = Duration::ZERO;
    for _ in 0..rounds {
        let (hear, say) = nix::unistd::pipe().unwrap_or_else(|errno| panic!("pipe: {errno}"));
        let spawned = Spawn::new().start(|gate| -> Result<_, Failure> {
            gate.wait()?;
            let start = Instant::now();
            work();
            let nanoseconds = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
            let _ = nix::unistd::write(&say, &nanoseconds.to_ne_bytes());
            process::sys::exit_now(0)
        });
        drop(spawned.and_then(process::Pending::release));
        let mut bytes = [0; 8];
        let read = nix::unistd::read(&hear, &mut bytes);
        assert_eq!(read, Ok(8), "this benchmark needs root");
        total += Duration::from_nanos(u64::from_ne_bytes(bytes));
    }
    total
}

/// What the child does between its birth and `exec`.
fn child(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ch05/child");
    group.sample_size(20);
    let capabilities = Capabilities::docker_default();
    let seccomp = SeccompProfile::docker_default().resolve(&capabilities);
    let filter = Filter::compile(&seccomp).unwrap_or_else(|error| panic!("{error}"));
    group.bench_function("load the filter", |bencher| {
        bencher
            .iter_custom(|rounds| once_in_a_child(rounds, || filter.load().unwrap_or_else(|error| panic!("{error}"))));
    });
    let sets = CapabilitySets::docker(capabilities);
    let descend =
        || become_user(Uid::from_raw(0), Gid::from_raw(0), &[], &sets).unwrap_or_else(|error| panic!("{error}"));
    group.bench_function("groups, ids and capabilities", |bencher| {
        bencher.iter_custom(|rounds| once_in_a_child(rounds, descend));
    });
    group.finish();
}

criterion_group!(benches, filter, child);
criterion_main!(benches);
