//! Limits of single processes, read from outside in `/proc/PID/limits`.

mod common;

use common::inside::complaint;
use confinement::Rlimit;
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
use testkit::{Inmate, kernel_test};

fn limit(text: &str) -> Rlimit {
    text.parse().expect(text)
}

/// One line of the kernel's table: soft and hard.
fn line(inmate: &Inmate, name: &str) -> String {
    let table = inmate.proc("limits");
    let line = table.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

kernel_test! {
    fn limits_are_what_was_asked_for(_host) {
        let inmate = Inmate::new(|| {
            for text in ["nofile=100:200", "nproc=64", "core=0", "fsize=4096:8192", "stack=1048576:2097152"] {
                limit(text).apply().expect(text);
            }
            String::new()
        });
        let names = ["Max open files", "Max processes", "Max core file size", "Max file size", "Max stack size"];
        let seen = names.map(|name| line(&inmate, name));
        assert_eq!(seen, ["100 200", "64 64", "0 0", "4096 8192", "1048576 2097152"]);
    }

    fn a_limit_binds(_host) {
        let inmate = Inmate::new(|| {
            limit("nofile=8").apply().expect("apply");
            let files: Vec<_> = (0..8).map_while(|_| std::fs::File::open("/dev/null").ok()).collect();
            let refused = std::fs::File::open("/dev/null").expect_err("no more").raw_os_error();
            drop(files);
            format!("{refused:?}")
        });
        assert_eq!(inmate.said(), format!("Some({})", nix::errno::Errno::EMFILE as i32));
    }

    fn raising_a_hard_limit_is_refused_with_the_reason(_host) {
        let inmate = Inmate::new(|| {
            limit("nofile=100").apply().expect("apply");
            let none = CapabilitySet::empty();
            set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none }).expect("capset");
            complaint(limit("nofile=100:200").apply())
        });
        insta::assert_snapshot!(inmate.said(), @r"
        set limit nofile=100:200: EPERM: Operation not permitted
        raising a hard limit needs CAP_SYS_RESOURCE, and ours is 100
        ");
    }
}
