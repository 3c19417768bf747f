//! Several containers, one after the other or at once: the names of those that it was done to are printed, and at the end
//! what went wrong with the others.

use std::thread;

use process::{Failure, FailureKind};

use crate::outcome;

/// As many at once as docker's client has.
const AT_ONCE: usize = 50;

/// One after the other.
///
/// # Errors
/// Where nothing can be printed.
pub(crate) fn each(names: &[String], work: impl Fn(&str) -> Result<(), Failure>) -> Result<u8, Failure> {
    report(names.iter().map(|name| (name.as_str(), checked(name).and_then(|()| work(name)))))
}

/// At once, for what takes its time and makes no process.
///
/// # Errors
/// Where nothing can be printed.
pub(crate) fn at_once(names: &[String], work: impl Fn(&str) -> Result<(), Failure> + Sync) -> Result<u8, Failure> {
    let mut results = Vec::with_capacity(names.len());
    for names in names.chunks(AT_ONCE) {
        if let [name] = names {
            results.push((name.as_str(), checked(name).and_then(|()| work(name))));
            continue;
        }
        let work = &work;
        thread::scope(|scope| {
            let threads: Vec<_> =
                names.iter().map(|name| scope.spawn(move || checked(name).and_then(|()| work(name)))).collect();
            let ended = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(panicked())));
            results.extend(names.iter().map(String::as_str).zip(ended));
        });
    }
    report(results.into_iter())
}

fn panicked() -> Failure {
    Failure::new(FailureKind::System, "a thread of ours failed")
}

/// An empty word is nobody's name.
pub(crate) fn checked(name: &str) -> Result<(), Failure> {
    if name.trim_matches('/').is_empty() {
        return Err(Failure::new(FailureKind::Invalid, "invalid container name or ID: value is empty"));
    }
    Ok(())
}

fn report<'a>(results: impl Iterator<Item = (&'a str, Result<(), Failure>)>) -> Result<u8, Failure> {
    let mut failures = Vec::new();
    for (name, result) in results {
        match result {
            Ok(()) => outcome::print(format_args!("{name}\n"))?,
            Err(failure) => failures.push(failure),
        }
    }
    failures.iter().for_each(outcome::report);
    Ok(u8::from(!failures.is_empty()))
}
