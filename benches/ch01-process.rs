//! Chapter 1's price list: what a process costs, step by step, and beside what the standard library takes for one.

use std::hint::black_box;
use std::os::fd::AsFd;
use std::process::Command;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use process::{Failure, Pending, Program, Pty, Spawn};

const BUSYBOX: [&str; 2] = ["/bin/busybox", "true"];

fn program() -> Program {
    Program::new(&BUSYBOX, &["PATH=/bin"]).unwrap_or_else(|error| panic!("{error}"))
}

/// A process at its gate. Dropped, it is killed and reaped.
fn born(program: &Program) -> Pending {
    let pending = Spawn::new().start(|gate| -> Result<_, Failure> {
        gate.wait()?;
        Ok(program.exec(gate)?)
    });
    pending.unwrap_or_else(|error| panic!("{error}"))
}

/// Times `step` alone, on what `prepare` makes afresh for each round.
fn timed<T, R>(rounds: u64, prepare: impl Fn() -> T, step: impl Fn(&mut Option<T>) -> R) -> Duration {
    let mut total = Duration::ZERO;
    for _ in 0..rounds {
        let mut ready = Some(prepare());
        let start = Instant::now();
        let result = black_box(step(&mut ready));
        total += start.elapsed();
        drop((ready, result));
    }
    total
}

fn price_list(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ch01");
    let program = program();
    group.bench_function("std: spawn and wait", |bencher| {
        bencher.iter(|| Command::new(BUSYBOX[0]).arg(BUSYBOX[1]).env_clear().status().map(|status| status.code()));
    });
    group.bench_function("ours: clone3, gate, exec and wait", |bencher| {
        bencher.iter(|| born(&program).release().ok().and_then(|mut child| child.wait().ok()));
    });
    group.bench_function("clone3", |bencher| {
        bencher.iter_custom(|rounds| timed(rounds, || (), |_| born(&program)));
    });
    group.bench_function("gate and exec", |bencher| {
        bencher.iter_custom(|rounds| timed(rounds, || born(&program), |pending| pending.take().map(Pending::release)));
    });
    group.bench_function("wait for one that has ended", |bencher| {
        let ended = || {
            let child = born(&program).release().unwrap_or_else(|error| panic!("{error}"));
            let _ = poll(&mut [PollFd::new(child.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE);
            child
        };
        bencher.iter_custom(|rounds| timed(rounds, ended, |child| child.as_mut().map(process::Child::wait)));
    });
    group.bench_function("open a pty", |bencher| bencher.iter(Pty::open));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    targets = price_list
}
criterion_main!(benches);
