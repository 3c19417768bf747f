//! The kit, judged by itself.

use std::fs;

use nix::errno::Errno;
use nix::unistd::{Pid, getpid, sethostname};
use testkit::{Need, judge, kernel_test, require};

kernel_test! {
    /// The body is alone: PID 1, one thread, a host name of its own.
    fn a_body_is_pid_1_and_single_threaded(_host) {
        assert_eq!(getpid(), Pid::from_raw(1));
        assert_eq!(fs::read_dir("/proc/self/task").expect("procfs").count(), 1);
        assert_eq!(fs::read_to_string("/proc/sys/kernel/hostname").expect("procfs").trim(), "workbench");
    }

    /// What a body changes stays in its throw-away host.
    #[should_panic(expected = "failed in its throw-away host")]
    fn a_leaked_mount_fails_the_test(host) {
        nix::mount::mount(Some("tmpfs"), host.dir(), Some("tmpfs"), nix::mount::MsFlags::empty(), None::<&str>)
            .expect("a tmpfs");
    }

    /// So is a process that outlives the body.
    #[should_panic(expected = "failed in its throw-away host")]
    fn a_leaked_process_fails_the_test(_host) {
        #[expect(clippy::zombie_processes, reason = "the process left behind is what this test is about")]
        std::process::Command::new("sleep").arg("1000").spawn().expect("sleep starts");
    }

    /// Whoever calls `exit` in the middle has proved nothing, whatever the status.
    #[should_panic(expected = "did not come to its end: its process ended before, by exit status 0")]
    fn a_body_that_exits_has_not_passed(_host) {
        std::process::exit(0);
    }

    #[should_panic(expected = "did not come to its end: its process ended before, by signal")]
    fn a_body_that_aborts_has_not_passed(_host) {
        std::process::abort();
    }

    /// A process inside that says nothing is not taken for one that panicked.
    fn an_end_inside_is_told_from_a_panic_inside(_host) {
        let told = |inside: fn() -> String| {
            let panic = std::panic::catch_unwind(|| testkit::Inmate::new(inside)).expect_err("no one inside");
            panic.downcast_ref::<String>().cloned().or(panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        };
        let [ended, panicked] = [told(|| std::process::exit(3)), told(|| panic!("on purpose"))].map(Option::unwrap_or_default);
        assert_eq!(ended, "the process inside ended before it had done its part, by exit status 3");
        assert_eq!(panicked, "the process inside panicked, as it says above");
    }

    /// A call that is refused fails, and no other does.
    fn the_kernel_can_be_made_to_say_no(_host) {
        let call = testkit::Call("sethostname", libc::SYS_sethostname, None);
        let inside = testkit::Inmate::new(|| {
            testkit::refuse(call, Errno::EIO);
            format!("{:?} {}", sethostname("x"), fs::read_to_string("/proc/sys/kernel/hostname").is_ok())
        });
        assert_eq!(inside.said(), "Err(EIO) true");
        testkit::judge_refusal(call, "nowhere", |refuse| {
            refuse();
            sethostname("x").map_err(|errno| errno.to_string())
        });
    }

    #[should_panic(expected = "failed in its throw-away host")]
    fn an_error_that_is_lost_is_found(_host) {
        testkit::judge_refusal(testkit::Call("sethostname", libc::SYS_sethostname, None), "nowhere", |refuse| {
            refuse();
            let _ = sethostname("x");
            Ok(())
        });
    }

    /// A missing need ends the test without failing it.
    fn a_missing_need_skips(_host) {
        require(Need::Kernel(6, 0));
        require(Need::Program("no-such-program-anywhere", "nothing"));
        panic!("require() must not return here");
    }

    /// The root file system of the fixture has working applets.
    fn the_fixture_has_busybox(host) {
        require(Need::Busybox);
        let root = host.rootfs();
        assert!(fs::read_link(root.join("bin/sh")).is_ok_and(|target| target.ends_with("busybox")));
    }
}

#[test]
#[should_panic(expected = "likely cause: two is not one")]
fn a_verdict_names_the_cause() {
    judge("the number").expected(1).seen(2).cause(|_| "two is not one".into()).read("nowhere");
}
