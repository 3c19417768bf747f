//! What a process may still do, read from outside in `/proc/PID/status`.

mod common;

use std::fs;

use common::inside::{complaint, outcome, output, sets, status};
use confinement::{Capabilities, Capability, CapabilitySets, become_user, no_new_privs};
use nix::libc;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_dumpable;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::{Gid, Uid, setgroups, sethostname, setresgid, setresuid};
use process::Diagnose;
use testkit::{Call, Inmate, Need, judge, judge_refusal, kernel_test, require};

const READ: &str = "ch05-confinement, \"The order of the descent\"";

/// Docker's fourteen, as the kernel prints them.
const FOURTEEN: &str = "00000000a80425fb";
const NONE: &str = "0000000000000000";
const GROUPS_STAYED: &str =
    "setgroups is missing: the process keeps the groups of whoever started it, and all that these may read";

fn docker() -> CapabilitySets {
    CapabilitySets::docker(Capabilities::docker_default())
}

fn ids(user: u32) -> (Uid, Gid) {
    (Uid::from_raw(user), Gid::from_raw(user))
}

/// Becomes `user` with docker's capabilities and one group; says "ok", or what went wrong.
fn descend(user: u32) -> String {
    let (user, group) = ids(user);
    outcome(become_user(user, group, &[Gid::from_raw(50)], &docker()))
}

/// Docker's, and one of them handed on to a user other than root.
fn passed_on() -> CapabilitySets {
    let kill: Capabilities = "KILL".parse::<Capability>().into_iter().collect();
    CapabilitySets { inheritable: kill, ambient: kill, ..docker() }
}

kernel_test! {
    /// A judge of the exercise `become-user`.
    fn root_keeps_dockers_fourteen(_host) {
        let inmate = Inmate::new(|| descend(0));
        judge("whether the way down succeeded").expected("ok".to_owned()).seen(inmate.said().to_owned())
            .cause(|seen| match seen.as_str() {
                seen if seen.starts_with("take the supplementary") => GROUPS_STAYED.into(),
                _ => "a step was refused that root is allowed: see the message".into(),
            })
            .read(READ);
        let number = |text: &str| u64::from_str_radix(text, 16).expect("a set");
        let (before, fourteen) = (number(&sets(&Inmate::new(String::new))[3]), number(FOURTEEN));
        let [inheritable, permitted, effective, bounding, ambient] = sets(&inmate);
        let all = number(&permitted) == before;
        judge("the bounding set, CapBnd")
            .expected(FOURTEEN.to_owned())
            .seen(bounding)
            .cause(|seen| match u64::from_str_radix(seen, 16).unwrap_or_default() {
                set if set == before => "the bounding set was left as it was: a program with file capabilities gets them back at exec".into(),
                set if set == before & !fourteen => "the bounding set is inverted: dropped were those that are to stay".into(),
                0 => "every capability was dropped from the bounding set: those that are to stay, too".into(),
                set if set & fourteen == fourteen => "not every capability that is to go was dropped from the bounding set".into(),
                _ => "unknown".into(),
            })
            .read(READ);
        judge("the permitted and effective sets, CapPrm and CapEff")
            .expected([FOURTEEN.to_owned(), FOURTEEN.to_owned()])
            .seen([permitted, effective])
            .cause(|_| if all { "the sets were never applied: root stays root".into() } else { "unknown".into() })
            .read(READ);
        judge("the inheritable and ambient sets, CapInh and CapAmb")
            .expected([NONE.to_owned(), NONE.to_owned()])
            .seen([inheritable, ambient])
            .cause(|[inheritable, _]| if inheritable == NONE { "unknown".into() } else {
                "what is inheritable can be had back by an ordinary user inside (CVE-2022-24769)".into()
            })
            .read(READ);
    }

    /// The other judge of `become-user`: every mistake in the order of the steps ends here.
    fn an_ordinary_user_arrives(_host) {
        let inmate = Inmate::new(|| {
            setgroups(&[0, 7, 1234].map(Gid::from_raw)).expect("setgroups");
            let (user, group) = ids(1000);
            outcome(become_user(user, group, &[Gid::from_raw(50)], &passed_on()))
        });
        judge("whether the way down succeeded")
            .expected("ok".to_owned())
            .seen(inmate.said().to_owned())
            .cause(|seen| match seen.as_str() {
                seen if seen.starts_with("set capabilities") =>
                    "a process that leaves user 0 loses all capabilities at once: keep them over the change of ids \
                     (set_keep_capabilities), and apply the sets after it".into(),
                seen if seen.starts_with("set group id") =>
                    "the user id went first, and with it the right to change the group id: groups before user".into(),
                seen if seen.starts_with("set the supplementary") =>
                    "the user id went first, and with it the right to change the groups: groups before user".into(),
                seen if seen.contains("bounding set") =>
                    "the bounding set shrinks only for a process with CAP_SETPCAP in effect: do it first, as root".into(),
                seen if seen.starts_with("take the supplementary") =>
                    GROUPS_STAYED.into(),
                seen if seen.starts_with("stay") =>
                    "an id that stays 0 is a way back to root: set all three with setresuid and setresgid".into(),
                _ => "unknown".into(),
            })
            .read(READ);
        judge("the supplementary groups")
            .expected("50".to_owned())
            .seen(status(&inmate, "Groups"))
            .cause(|_| GROUPS_STAYED.into())
            .read(READ);
        judge("the user and group ids: real, effective, saved, file system")
            .expected(["1000 1000 1000 1000".to_owned(), "1000 1000 1000 1000".to_owned()])
            .seen([status(&inmate, "Uid"), status(&inmate, "Gid")])
            .cause(|_| "an id that stays 0 is a way back to root: set all three with setresuid and setresgid".into())
            .read(READ);
    }

    /// A judge of `become-user`: who has none left, after the ids, cannot shrink the bounding set any more.
    fn the_bounding_set_shrinks_while_that_is_allowed(_host) {
        let inmate = Inmate::new(|| {
            let (user, group) = ids(1000);
            let none = Capabilities::default();
            let sets = CapabilitySets { permitted: none, effective: none, inheritable: none, ambient: none, ..docker() };
            outcome(become_user(user, group, &[], &sets))
        });
        judge("whether the way down succeeds for a user that has no capability in the end")
            .expected("ok".to_owned())
            .seen(inmate.said().to_owned())
            .cause(|seen| if seen.contains("bounding set") {
                "the bounding set shrinks only for a process with CAP_SETPCAP in effect: do it first, as root".into()
            } else {
                "unknown".into()
            })
            .read(READ);
    }

    /// A judge of `become-user`: only a user namespace that forbids it is a reason to keep the groups.
    fn groups_that_cannot_be_left_are_an_error(_host) {
        let inmate = Inmate::new(|| {
            let (user, group) = ids(1000);
            setgroups(&[Gid::from_raw(7)]).expect("setgroups");
            setresgid(group, group, group).expect("setresgid");
            setresuid(user, user, user).expect("setresuid");
            let none = Capabilities::default();
            let (permitted, effective, inheritable, ambient) = (none, none, none, none);
            let sets = CapabilitySets { bounding: Capabilities::all(), permitted, effective, inheritable, ambient };
            outcome(become_user(user, group, &[], &sets))
        });
        judge("whether it is an error that a group cannot be left")
            .expected(true)
            .seen(inmate.said() != "ok")
            .cause(|_| GROUPS_STAYED.into())
            .read(READ);
    }

    /// A judge of `become-user`: a step that failed in silence leaves root's rights to whoever comes after it.
    fn no_refusal_is_lost(_host) {
        let calls = [
            Call("prctl(PR_CAPBSET_DROP)", libc::SYS_prctl, Some(24)),
            Call("prctl(PR_SET_KEEPCAPS)", libc::SYS_prctl, Some(8)),
            Call("setgroups", libc::SYS_setgroups, None),
            Call("setresgid", libc::SYS_setresgid, None),
            Call("setresuid", libc::SYS_setresuid, None),
            Call("capset", libc::SYS_capset, None),
        ];
        for call in calls {
            judge_refusal(call, READ, |refuse| {
                let (user, group) = ids(1000);
                refuse();
                become_user(user, group, &[Gid::from_raw(50)], &passed_on()).map_err(|error| error.to_string())
            });
        }
    }

    /// Docker gives a user other than root nothing: what is permitted goes at exec, for no file asks for it.
    fn an_ordinary_user_has_none_after_exec(host) {
        require(Need::Busybox);
        let inmate = Inmate::new(|| {
            assert_eq!(descend(1000), "ok");
            output(host.busybox(), &["grep", "^Cap", "/proc/self/status"])
        });
        let [inheritable, permitted, effective, bounding, ambient] = [NONE, NONE, NONE, FOURTEEN, NONE];
        assert_eq!(inmate.said(), format!("CapInh:\t{inheritable}\nCapPrm:\t{permitted}\nCapEff:\t{effective}\nCapBnd:\t{bounding}\nCapAmb:\t{ambient}"));
    }

    /// Else a file that only root may read or execute would run for anybody: it is with this power that it is looked up.
    fn an_ordinary_user_has_none_before_exec(_host) {
        let inmate = Inmate::new(|| descend(1000));
        assert_eq!((inmate.said(), sets(&inmate)), ("ok", [NONE, NONE, NONE, FOURTEEN, NONE].map(str::to_owned)));
    }

    /// To the kernel, 4294967295 is "leave it": the user would be root.
    fn an_id_that_is_none_is_refused(_host) {
        let inmate = Inmate::new(|| {
            let (root, none) = (0, u32::MAX);
            let told = [(none, root, root), (root, none, root), (root, root, none), (1 << 31, root, root)]
                .map(|(user, group, other)| complaint(become_user(Uid::from_raw(user), Gid::from_raw(group), &[Gid::from_raw(other)], &docker())));
            told.join("\n")
        });
        insta::assert_snapshot!(inmate.said());
    }

    /// The ambient set is how a specification hands a capability to a user that is not root.
    fn ambient_capabilities_survive_exec(host) {
        require(Need::Busybox);
        let bind: Capabilities = "NET_BIND_SERVICE".parse::<Capability>().into_iter().collect();
        let wanted = CapabilitySets { bounding: bind, permitted: bind, effective: bind, inheritable: bind, ambient: bind };
        let inmate = Inmate::new(|| {
            let (user, group) = ids(1000);
            become_user(user, group, &[], &wanted).expect("become_user");
            output(host.busybox(), &["grep", "^CapEff", "/proc/self/status"])
        });
        assert_eq!(inmate.said(), "CapEff:\t0000000000000400");
    }

    /// What chapters 2 to 4 could not refuse.
    fn root_inside_is_no_longer_root(host) {
        let directory = host.dir();
        let inmate = Inmate::new(|| {
            assert_eq!(descend(0), "ok");
            let mounted = mount(Some("none"), directory, Some("tmpfs"), MsFlags::empty(), None::<&str>);
            let named = sethostname("hijacked");
            let file = directory.join("file");
            fs::write(&file, "").expect("root may still write");
            let given = std::os::unix::fs::chown(&file, Some(7), Some(7));
            // Docker allows it; reading the device is up to the control group.
            let node = mknod(&directory.join("disk"), SFlag::S_IFBLK, Mode::S_IRUSR, makedev(7, 0));
            format!("{mounted:?} {named:?} {given:?} {node:?}")
        });
        assert_eq!(inmate.said(), "Err(EPERM) Err(EPERM) Ok(()) Ok(())");
    }

    fn without_mknod_there_are_no_devices(host) {
        let fewer = Capabilities::docker_default().adjust(&[], &["MKNOD"]).expect("a name");
        let inmate = Inmate::new(|| {
            let (user, group) = ids(0);
            become_user(user, group, &[], &CapabilitySets::docker(fewer)).expect("become_user");
            format!("{:?}", mknod(&host.dir().join("disk"), SFlag::S_IFBLK, Mode::S_IRUSR, makedev(7, 0)))
        });
        assert_eq!(inmate.said(), "Err(EPERM)");
    }

    /// Without root on the host: root of a user namespace that may not change groups.
    fn an_ordinary_users_container_is_confined_too(_host) {
        require(Need::UserNamespaces);
        let enter = || {
            let (user, group) = ids(1000);
            setgroups(&[]).expect("setgroups");
            setresgid(group, group, group).expect("setresgid");
            setresuid(user, user, user).expect("setresuid");
            set_dumpable(true).expect("prctl");
            unshare(CloneFlags::CLONE_NEWUSER).expect("unshare");
            fs::write("/proc/self/setgroups", "deny").expect("setgroups");
            fs::write("/proc/self/uid_map", "0 1000 1").expect("uid_map");
            fs::write("/proc/self/gid_map", "0 1000 1").expect("gid_map");
            ids(0)
        };
        let inmate = Inmate::new(|| {
            let (user, group) = enter();
            outcome(become_user(user, group, &[], &docker()))
        });
        assert_eq!(inmate.said(), "ok");
        assert_eq!(sets(&inmate), [NONE, FOURTEEN, FOURTEEN, FOURTEEN, NONE]);
        let inmate = Inmate::new(|| {
            let (user, group) = enter();
            complaint(become_user(user, group, &[group], &docker()))
        });
        insta::assert_snapshot!(inmate.said());
    }

    fn there_is_no_way_back_up(_host) {
        let inmate = Inmate::new(|| {
            let (user, group) = ids(1000);
            become_user(user, group, &[], &docker()).expect("become_user");
            let (user, group) = ids(0);
            complaint(become_user(user, group, &[], &docker()))
        });
        insta::assert_snapshot!(inmate.said());
    }

    fn what_nobody_has_cannot_be_given(_host) {
        let inmate = Inmate::new(|| {
            assert_eq!(descend(0), "ok");
            let more: Capabilities = Capabilities::docker_default().iter().chain("SYS_ADMIN".parse::<Capability>()).collect();
            let (user, group) = ids(0);
            let told = complaint(become_user(user, group, &[], &CapabilitySets::docker(more)));
            let asked = Capabilities::docker_default().adjust(&["SYS_ADMIN"], &[]).expect_err("not available");
            format!("{told}\n{asked}\n{}", asked.hint().unwrap_or_default())
        });
        insta::assert_snapshot!(inmate.said());
    }

    fn without_new_privileges_a_setuid_program_is_harmless(host) {
        // geteuid, negated in the exit code: 0 for root, and 24, the low byte of -1000, for the user.
        let program = common::elf::write(&host.dir().join("whoami"), common::elf::Way::Syscall, 107, [0; 3]);
        fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o4755)).expect("chmod");
        fs::set_permissions(host.dir(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("chmod");
        let run = |confined: bool| {
            Inmate::new(|| {
                assert_eq!(descend(1000), "ok");
                if confined {
                    no_new_privs().expect("no_new_privs");
                }
                common::inside::code(&program)
            })
        };
        let (free, confined) = (run(false), run(true));
        assert_eq!((free.said(), confined.said()), ("0", "24"));
        assert_eq!((status(&free, "NoNewPrivs"), status(&confined, "NoNewPrivs")), ("0".into(), "1".into()));
    }
}
