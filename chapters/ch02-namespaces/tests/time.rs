//! The time namespace: clocks that are off, offsets that freeze.

mod common;

use common::{Inmate, Links, link};
use namespaces::{Kind, Offsets, enter_time};
use nix::errno::Errno;
use nix::libc;
use nix::unistd::getpid;
use process::Failure;
use testkit::{Call, Need, judge, judge_refusal, kernel_test, refuse, require};

const READ: &str = "ch02-namespaces, \"The time namespace\"";
const DAY: i64 = 86_400;
const UNSHARE: Call = Call("unshare", libc::SYS_unshare, None);

/// Seconds since boot, by the reader's own clock.
fn uptime() -> i64 {
    let text = std::fs::read_to_string("/proc/uptime").expect("/proc/uptime");
    text.split('.').next().and_then(|seconds| seconds.parse().ok()).expect("seconds")
}

kernel_test! {
    /// The judge of the exercise `enter-time`.
    fn clocks_of_a_new_time_namespace_are_off(_host) {
        require(Need::Kernel(5, 6));
        let before = uptime();
        let offsets = Offsets { boottime: (10 * DAY).into(), ..Offsets::default() };
        let inmate = Inmate::new(|| match enter_time(&offsets) {
            Ok(()) => format!("{}", (uptime() - before) / DAY),
            Err(error) => Failure::from(error).message,
        });
        // Whoever calls unshare hears its refusal.
        let unshares = Inmate::new(|| {
            refuse(UNSHARE, Errno::EIO);
            format!("{}", enter_time(&offsets).is_err())
        });
        let unshares = unshares.said() == "true";
        let host = link(getpid(), "time");
        let (own, children) = (inmate.link(Kind::Time), link(inmate.pid(), "time_for_children"));
        judge("by how many days the uptime inside is ahead")
            .expected("10".to_owned())
            .seen(inmate.said().to_owned())
            .cause(|said| {
                if said.contains(Errno::EACCES.desc()) || said.contains("os error 13") {
                    "the offsets were written after the namespace was entered, and by then they are frozen".into()
                } else if children == host && unshares {
                    "/proc/self/ns/time is the old namespace: joining it undoes the unshare; \
                     the new one is time_for_children".into()
                } else if children == host {
                    "no time namespace was made: unshare(CLONE_NEWTIME) comes first".into()
                } else if own == host {
                    "unshare(CLONE_NEWTIME) moves only the children to come: the caller is still in the old namespace; \
                     it has to join /proc/self/ns/time_for_children".into()
                } else if said == "0" {
                    "the namespace was entered without its offsets: they go into /proc/self/timens_offsets before".into()
                } else {
                    "unknown".into()
                }
            })
            .read(READ);
        judge("whether the time namespace inside is another than the host's")
            .expected(true)
            .seen(own != host)
            .cause(|_| "the caller is still in the host's time namespace".into())
            .read(READ);
        assert!((uptime() - before) < DAY, "the host's clock is as it was");
    }

    /// A judge of the exercise `enter-time`.
    fn no_refusal_is_lost(_host) {
        require(Need::Kernel(5, 6));
        let offsets = Offsets { boottime: (10 * DAY).into(), ..Offsets::default() };
        for call in [UNSHARE, Call("setns", libc::SYS_setns, None)] {
            judge_refusal(call, READ, |refuse| {
                refuse();
                enter_time(&offsets).map_err(|error| Failure::from(error).message)
            });
        }
    }

    fn a_clock_cannot_start_before_zero(_host) {
        require(Need::Kernel(5, 6));
        let offsets = Offsets { boottime: (-400_000 * DAY).into(), ..Offsets::default() };
        let inmate = Inmate::new(|| {
            let failure: Failure = enter_time(&offsets).expect_err("before the boot").into();
            format!("{}\n{}", failure.message, failure.hint.unwrap_or_default())
        });
        insta::assert_snapshot!(inmate.said(), @r#"
        write "boottime -34560000000 0\n" to /proc/self/timens_offsets: Numerical result out of range (os error 34)
        the clock would be negative, or show more than 146 years
        "#);
    }
}
