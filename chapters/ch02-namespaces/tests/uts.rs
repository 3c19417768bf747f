//! The host name: changed inside, and nowhere else.

mod common;

use common::{Inmate, Links, link};
use namespaces::{Kind, enter_uts, set_domainname, set_hostname};
use nix::libc;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{gethostname, getpid};
use process::Failure;
use testkit::{Call, judge, judge_refusal, kernel_test};

const READ: &str = "ch00-shell, \"A name of its own\"";

fn hostname() -> String {
    gethostname().expect("gethostname").to_string_lossy().into_owned()
}

fn domainname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/domainname").expect("the domain name").trim().to_owned()
}

kernel_test! {
    /// The judge of the exercise `enter-uts`.
    fn hostname_change_stays_inside(_host) {
        let before = hostname();
        let inmate = Inmate::new(|| {
            enter_uts("inside").expect("enter_uts");
            hostname()
        });
        let moved: Vec<Kind> =
            Kind::ALL.into_iter().filter(|kind| inmate.link(*kind) != link(getpid(), kind.proc_name())).collect();
        let uts_is_new = moved.contains(&Kind::Uts);
        judge("the host's own host name")
            .expected(before)
            .seen(hostname())
            .cause(|_| match moved.as_slice() {
                _ if uts_is_new => "sethostname ran before unshare, so it renamed the host; \
                                    the new namespace then started with a copy of that name".into(),
                [] => "the host's UTS namespace was never left: unshare(CLONE_NEWUTS) is missing, \
                       so sethostname renamed the host".into(),
                [other, ..] => format!("unshare made a new {other} namespace, which has no host name: \
                                        the flag for host names is CLONE_NEWUTS"),
            })
            .read(READ);
        judge("the host name inside")
            .expected("inside".to_owned())
            .seen(inmate.said().to_owned())
            .cause(|_| if uts_is_new {
                "the new UTS namespace still has the copy of the host's name that it started with: sethostname is missing".into()
            } else {
                "the process is still in the host's UTS namespace, and nothing was renamed: \
                 unshare(CLONE_NEWUTS) comes first, then sethostname".into()
            })
            .read(READ);
        judge("whether the UTS namespace inside is another than the host's")
            .expected(true)
            .seen(uts_is_new)
            .cause(|_| "unshare(CLONE_NEWUTS) is missing".into())
            .read(READ);
    }

    /// A judge of the exercise `enter-uts`.
    fn no_refusal_is_lost(_host) {
        for call in [Call("unshare", libc::SYS_unshare, None), Call("sethostname", libc::SYS_sethostname, None)] {
            judge_refusal(call, READ, |refuse| {
                refuse();
                enter_uts("inside").map_err(|error| Failure::from(error).message)
            });
        }
    }

    fn names_are_set_in_a_namespace_that_exists(_host) {
        let before = (hostname(), domainname());
        let inmate = Inmate::new(|| {
            unshare(CloneFlags::CLONE_NEWUTS).expect("unshare");
            set_hostname("web-1.example.org").expect("set_hostname");
            set_domainname("example.org").expect("set_domainname");
            format!("{} {}", hostname(), domainname())
        });
        assert_eq!(inmate.said(), "web-1.example.org example.org");
        assert_eq!((hostname(), domainname()), before);
    }

    fn a_bad_name_never_reaches_the_kernel(_host) {
        let before = hostname();
        let failure: Failure = set_hostname("two words").expect_err("a bad name").into();
        insta::assert_snapshot!(format!("{}\n{}", failure.message, failure.hint.unwrap_or_default()), @r#"
        host name "two words": a character other than letters, digits, '-', '.' and '_'
        use at most 64 letters, digits, '-', '.' and '_', as in web-1.example.org
        "#);
        assert_eq!(hostname(), before);
    }

    /// As on a machine whose administrator has forbidden them.
    fn a_limit_of_zero_is_named(_host) {
        let inmate = Inmate::new(|| {
            // The limit is one of the user namespace, so a new one has its own.
            unshare(CloneFlags::CLONE_NEWUSER).expect("unshare");
            std::fs::write("/proc/self/uid_map", "0 0 1").expect("a map");
            std::fs::write("/proc/sys/user/max_uts_namespaces", "0").expect("a limit");
            let failure: Failure = enter_uts("inside").expect_err("no more").into();
            format!("{}\n{}", failure.message, failure.hint.unwrap_or_default())
        });
        insta::assert_snapshot!(inmate.said(), @r"
        leave the host's UTS namespace: ENOSPC: No space left on device
        user.max_uts_namespaces is 0; allow some with `sysctl -w user.max_uts_namespaces=15000`
        ");
    }

    fn without_rights_the_error_names_the_cure(_host) {
        let inmate = Inmate::new(|| {
            common::become_user(1000);
            let failure: Failure = enter_uts("inside").expect_err("an ordinary user").into();
            format!("{}\n{}", failure.message, failure.hint.unwrap_or_default())
        });
        insta::assert_snapshot!(inmate.said(), @r"
        leave the host's UTS namespace: EPERM: Operation not permitted
        only root may do this without a user namespace; run as root, or ask for a new user namespace too
        ");
    }
}
