//! Chapter 2's price list: what each new namespace adds to making a process and waiting for its end.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use namespaces::{Kind, Namespaces, Target, enter};
use process::{Failure, Spawn};

/// A process in the namespaces of `plan` that ends at once: cloned, let go, waited for.
fn born_and_buried(plan: &Namespaces) {
    let child = Spawn::new()
        .namespaces(plan.clone_flags())
        .start(|gate| -> Result<_, Failure> {
            gate.wait()?;
            plan.join()?;
            std::process::exit(0)
        })
        .and_then(process::Pending::release);
    match child.map(|mut child| child.wait()) {
        Ok(Ok(status)) => assert_eq!(status.code(), 0),
        Ok(Err(error)) => panic!("{error}"),
        Err(error) => panic!("{error} (this benchmark needs root)"),
    }
}

fn price_list(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ch02/new");
    let mut measure = |name: &str, plan: Namespaces| {
        group.bench_function(name, |bencher| bencher.iter(|| born_and_buried(black_box(&plan))));
    };
    measure("none", Namespaces::host());
    for kind in Kind::ALL {
        measure(kind.oci_name(), Namespaces::host().with_new(kind));
    }
    measure("docker's six", Namespaces::docker_default());
    measure("all eight", Kind::ALL.into_iter().fold(Namespaces::host(), Namespaces::with_new));
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
