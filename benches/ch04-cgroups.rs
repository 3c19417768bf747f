//! Chapter 4's price list: what a group costs, for each controller, and the three ways into one.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cgroups::{Cgroup, Cpu, DeviceRule, Layout, Limits, Memory, device_program};
use criterion::{Criterion, criterion_group, criterion_main};
use process::{Failure, Pending, Spawn};

fn path() -> PathBuf {
    format!("/mini-docker-bench/{}", std::process::id()).into()
}

/// Limits by the controllers that they need.
fn kinds() -> Vec<(&'static str, Limits)> {
    let none = Limits::default;
    let memory = Memory { limit: Some(64 << 20), ..Memory::default() };
    let cpu = Cpu { quota: Some(50_000), period: Some(100_000), ..Cpu::default() };
    vec![
        ("pids", Limits { pids: 100.into(), ..none() }),
        ("memory", Limits { memory, ..none() }),
        ("cpu", Limits { cpu: cpu.clone(), ..none() }),
        ("cpuset", Limits { cpu: Cpu { cpus: "0".into(), ..Cpu::default() }, ..none() }),
        ("devices", Limits { devices: DeviceRule::docker_defaults(), ..none() }),
        (
            "pids memory cpu devices",
            Limits { pids: 100.into(), memory, cpu, devices: DeviceRule::docker_defaults(), ..none() },
        ),
    ]
}

/// Times `create` alone, then `remove` alone.
fn life(criterion: &mut Criterion) {
    let Ok(layout) = Layout::detect() else { return };
    for step in ["create", "remove"] {
        let mut group = criterion.benchmark_group(format!("ch04/{step}"));
        for (name, limits) in kinds() {
            // A machine without the controller has no price for it.
            match Cgroup::create(&layout, &path(), &limits) {
                Ok(made) => drop(made.remove()),
                Err(error) => {
                    eprintln!("ch04/{step}/{name}: {error}");
                    continue;
                }
            }
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|rounds| {
                    let mut total = Duration::ZERO;
                    for _ in 0..rounds {
                        let start = Instant::now();
                        let made = black_box(group_of(&layout, &limits));
                        let created = start.elapsed();
                        let start = Instant::now();
                        made.remove().unwrap_or_else(|error| panic!("{error}"));
                        total += if step == "create" { created } else { start.elapsed() };
                    }
                    total
                });
            });
        }
        group.finish();
    }
    cgroups::remove_abandoned(Path::new("/mini-docker-bench"));
}

fn group_of(layout: &Layout, limits: &Limits) -> Cgroup {
    Cgroup::create(layout, &path(), limits).unwrap_or_else(|error| panic!("{error} (this benchmark needs root)"))
}

/// From before the clone until the child is let go, in its group.
///
/// There is a pause before each: right after one move the kernel is prepared for the next, which then costs as little as
/// any other way. A container that starts alone finds it unprepared.
fn ways_in(criterion: &mut Criterion) {
    let Ok(layout) = Layout::detect() else { return };
    let limits = &kinds()[5].1;
    let mut group = criterion.benchmark_group("ch04/into four controllers");
    group.sample_size(20).warm_up_time(Duration::from_millis(1)).measurement_time(Duration::from_millis(100));
    let mut measure = |name: &str, start: &dyn Fn(&Cgroup) -> Pending| {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| {
                let mut total = Duration::ZERO;
                for _ in 0..rounds {
                    let made = group_of(&layout, limits);
                    std::thread::sleep(Duration::from_millis(40));
                    let begin = Instant::now();
                    let child = black_box(start(&made));
                    // The child has told that it runs: it is in, whichever way.
                    let child = child.release().unwrap_or_else(|error| panic!("{error}"));
                    total += begin.elapsed();
                    drop(child);
                    made.remove().unwrap_or_else(|error| panic!("{error}"));
                }
                total
            });
        });
    };
    measure("not at all", &|_| idle(Spawn::new()));
    measure("born there, or by itself (start)", &|made| {
        let child = made.start(Spawn::new(), |gate| -> Result<_, Failure> {
            gate.wait()?;
            gate.done();
            std::process::exit(0)
        });
        child.unwrap_or_else(|failure| panic!("{failure}"))
    });
    measure("moved by its maker (add)", &|made| {
        let child = idle(Spawn::new());
        made.add(child.pid()).unwrap_or_else(|error| panic!("{error}"));
        child
    });
    group.finish();
    cgroups::remove_abandoned(Path::new("/mini-docker-bench"));
}

fn idle(spawn: Spawn) -> Pending {
    let child = spawn.start(|gate| -> Result<_, Failure> {
        gate.wait()?;
        gate.done();
        std::process::exit(0)
    });
    child.unwrap_or_else(|error| panic!("{error}"))
}

/// What happens before any of it: finding the hierarchies, and writing the program for v2.
fn preparation(criterion: &mut Criterion) {
    criterion.bench_function("ch04/find the hierarchies", |bencher| bencher.iter(Layout::detect));
    let rules = DeviceRule::docker_defaults();
    criterion.bench_function("ch04/device program", |bencher| bencher.iter(|| device_program(black_box(&rules))));
}

criterion_group!(benches, preparation, life, ways_in);
criterion_main!(benches);
