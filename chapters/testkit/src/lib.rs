//! What all kernel tests share: a throw-away host, a leak check, skips with a cure, verdicts that name the mistake.
//!
//! Depends on no chapter, so that a hole in a chapter cannot break the kit that judges it.

mod cgroup;
mod fixture;
mod fuzz;
mod host;
mod inmate;
mod judge;
mod leaks;
mod mutation;
mod needs;
mod refuse;
mod run;

pub use fuzz::{fuzz, with_checksums};
pub use host::Host;
pub use inmate::Inmate;
pub use judge::{Judge, judge};
pub use needs::{Need, require};
pub use refuse::{Call, judge_refusal, refuse};
pub use run::{Place, enter, lacks, run};

/// A test that runs alone in a process of its own, as PID 1 of a throw-away host: fresh mount, UTS, IPC, network and
/// PID namespaces, and a leak check afterwards.
///
/// ```text
/// kernel_test! {
///     fn hostname_change_stays_inside(host) { … }
/// }
/// ```
///
/// libtest runs every test on a second thread, where a user namespace cannot be entered and a clone copies locks that
/// nobody will release. So the test executes its own binary again, and the body runs before `main`, on the first and
/// only thread.
#[macro_export]
macro_rules! kernel_test {
    ($($tests:tt)+) => { $crate::throw_away_test! { $crate::Place::EveryKernel; $($tests)+ } };
}

/// The same for a test that needs a throw-away host, and computes more than it asks the kernel, or needs this very machine:
/// on another kernel it would prove nothing new, and in an emulated processor take minutes. The guest of `cargo wb vm` runs
/// all kernel tests but these.
#[macro_export]
macro_rules! native_test {
    ($($tests:tt)+) => { $crate::throw_away_test! { $crate::Place::ThisMachine; $($tests)+ } };
}

#[doc(hidden)]
#[macro_export]
macro_rules! throw_away_test {
    ($place:expr; $($(#[$attribute:meta])* fn $name:ident($host:ident) $body:block)+) => {$(
        $(#[$attribute])*
        #[test]
        fn $name() {
            // Of the same name, for insta names snapshots after the function that they are taken in.
            fn $name($host: &$crate::Host) $body
            extern "C" fn entry() {
                $crate::enter(concat!(module_path!(), "::", stringify!($name)), $place, $name);
            }
            #[allow(unsafe_code, reason = "the loader calls what stands in .init_array, before main")]
            #[used]
            #[unsafe(link_section = ".init_array")]
            static ENTRY: extern "C" fn() = entry;
            $crate::run(concat!(module_path!(), "::", stringify!($name)));
        }
    )+};
}
