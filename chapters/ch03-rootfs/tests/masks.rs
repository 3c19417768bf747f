//! Masks where the kernel refuses one, or where one covers what the next is made of.

mod common;

use std::fs;

use common::inside;
use nix::sched::{CloneFlags, unshare};
use process::Failure;
use rootfs::{Root, Rootfs};
use testkit::{Call, Need, judge, judge_refusal, kernel_test, require};

const MASKS: &str = "ch03-rootfs, \"Masks\"";

fn masking(paths: &[&str]) -> Rootfs {
    let masked_paths = paths.iter().map(Into::into).collect();
    Rootfs { masked_paths, readonly_paths: Vec::new(), ..Rootfs::docker_default() }
}

kernel_test! {
    /// A judge of the exercise `mask`: a container whose masks are missing must not start.
    fn a_mask_that_is_refused_is_an_error(host) {
        require(Need::Busybox);
        let root = host.rootfs();
        for path in ["/proc/timer_list", "/proc/irq"] {
            judge_refusal(Call("move_mount", libc::SYS_move_mount, None), MASKS, |refuse| {
                unshare(CloneFlags::CLONE_NEWNS).expect("unshare");
                let plan = masking(&[path]);
                let prepared = plan.prepare(Root::Directory(root.clone())).expect("a root");
                refuse();
                prepared.pivot().map(drop).map_err(|error| Failure::from(error).message)
            });
        }
    }

    /// A judge of the exercise `mask`.
    fn the_null_device_outlasts_a_mask_over_dev(host) {
        require(Need::Busybox);
        let inmate = inside(&host.rootfs(), &masking(&["/proc/timer_list", "/dev", "/proc/keys"]), || {
            let length = |path: &str| fs::read(path).map_or_else(|error| error.to_string(), |text| text.len().to_string());
            let devices = fs::read_dir("/dev").map_or_else(|error| error.to_string(), |all| all.count().to_string());
            format!("{} {devices} {}", length("/proc/timer_list"), length("/proc/keys"))
        });
        judge("a file masked before /dev, the entries of /dev, a file masked after it")
            .expected("0 0 0".to_owned())
            .seen(inmate.said().to_owned())
            .cause(|_| "unknown".into())
            .read(MASKS);
    }
}
