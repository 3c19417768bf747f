//! Chapter 2's price list: what each new namespace adds to the making of a process.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use namespaces::{Kind, Namespaces, Target, enter};
use process::{Failure, Pending, Spawn};

/// A process in the namespaces of `plan`, still at its gate. Dropped, it is killed and reaped.
fn born(plan: &Namespaces) -> Pending {
    let child = Spawn::new().namespaces(plan.clone_flags()).start(|gate| -> Result<_, Failure> {
        gate.wait()?;
        std::process::exit(0)
    });
    match child {
        Ok(pending) => pending,
        Err(error) => panic!("{error} (this benchmark needs root)"),
    }
}

/// The clone alone is timed. The end of a namespace costs more than its beginning, but nobody waits for it: it is taken
/// down after its last process has gone.
fn price_list(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ch02/clone3");
    let mut measure = |name: &str, plan: Namespaces| {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| {
                let mut total = Duration::ZERO;
                for _ in 0..rounds {
                    let start = Instant::now();
                    let child = black_box(born(&plan));
                    total += start.elapsed();
                    drop(child);
                }
                total
            });
        });
    };
    measure("no new namespace", Namespaces::host());
    // The time namespace is not made by clone3.
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Time) {
        measure(kind.oci_name(), Namespaces::host().with_new(kind));
    }
    measure("docker's six", Namespaces::docker_default());
    measure("docker's six and user", Namespaces::docker_default().with_new(Kind::User));
    group.finish();
}

/// `enter` when there is nothing to enter: the comparison of eight links that comes before every `docker exec`.
fn comparison(criterion: &mut Criterion) {
    // Never let through the gate; killed when the benchmark is over.
    let neighbour = Spawn::new().start(|gate| -> Result<_, Failure> {
        gate.wait()?;
        std::process::exit(0)
    });
    let target = neighbour.as_ref().ok().and_then(|pending| Target::open(pending.pid()).ok());
    let Some(target) = target else { panic!("no process to compare with") };
    criterion.bench_function("ch02/compare eight links", |bencher| bencher.iter(|| enter(&target, &Kind::ALL)));
}

criterion_group!(benches, price_list, comparison);
criterion_main!(benches);
