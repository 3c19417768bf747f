//! Id maps, as the kernel shows them from outside.

mod common;

use common::{Inmate, Resident, become_user, columns, proc, status};
use namespaces::{IdMap, Kind, Namespaces, become_root, write_maps};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Pid, Uid, sethostname};
use process::Failure;
use testkit::{Need, judge, kernel_test, require};

const READ: &str = "ch02-namespaces, \"Three numbers in a line\"";

/// A process in a new user namespace without maps; as user `id` if given.
fn unmapped(id: Option<u32>) -> Inmate {
    Inmate::new(|| {
        id.into_iter().for_each(become_user);
        unshare(CloneFlags::CLONE_NEWUSER).expect("unshare(CLONE_NEWUSER)");
        String::new()
    })
}

fn map(text: &str) -> IdMap {
    text.parse().expect("a map")
}

/// Message and hint, or "ok".
fn outcome(result: Result<(), namespaces::UserMapError>) -> String {
    result.map_or_else(
        |error| {
            let failure = Failure::from(error);
            format!("{}\n{}", failure.message, failure.hint.unwrap_or_default())
        },
        |()| "ok".into(),
    )
}

kernel_test! {
    /// A judge of the exercise `id-map`.
    fn root_maps_many_ids(_host) {
        require(Need::UserNamespaces);
        let inmate = unmapped(None);
        let (users, groups) = (map("0:100000:1000,1000:200000:50"), map("0:300000:65536"));
        let done = outcome(write_maps(inmate.pid(), &users, &groups));
        let lines = proc(inmate.pid(), "uid_map").lines().count();
        judge("writing the maps")
            .expected("ok".to_owned())
            .seen(done)
            .cause(|_| if lines == 1 {
                "the map was written range by range: the kernel takes it once, in one write".into()
            } else {
                "unknown".into()
            })
            .read(READ);
        let seen = ["uid_map", "gid_map"].map(|file| columns(&inmate.proc(file)));
        judge("uid_map and gid_map, as the host reads them")
            .expected(["0 100000 1000 1000 200000 50".to_owned(), "0 300000 65536".to_owned()])
            .seen(seen)
            .cause(|seen| match seen.each_ref().map(String::as_str) {
                ["100000 0 1000 200000 1000 50", _] => "the columns are swapped: first the id inside, then the id outside".into(),
                ["", ""] => "neither map was written".into(),
                ["", _] => "uid_map was never written".into(),
                [_, ""] => "gid_map was never written".into(),
                ["0 300000 65536", "0 100000 1000 1000 200000 50"] => "users and groups are swapped".into(),
                ["0 300000 65536", _] => "the groups' map was written to uid_map".into(),
                [_, "0 100000 1000 1000 200000 50"] => "the users' map was written to gid_map".into(),
                ["0 100000 1000", _] => "only the first range of the map was written".into(),
                _ => "unknown".into(),
            })
            .read(READ);
        judge("whether setgroups is allowed inside")
            .expected("allow".to_owned())
            .seen(inmate.proc("setgroups"))
            .cause(|_| "deny was written to setgroups although the writer is root: \
                        then no program inside can leave its groups, su and most servers fail".into())
            .read(READ);
    }

    /// A judge of the exercise `id-map`.
    fn an_ordinary_user_maps_only_itself(_host) {
        require(Need::UserNamespaces);
        let inmate = unmapped(Some(1000));
        let pid = inmate.pid();
        let writer = Inmate::new(|| {
            become_user(1000);
            outcome(write_maps(pid, &IdMap::single(0, 1000), &IdMap::single(0, 1000)))
        });
        let allowed = inmate.proc("setgroups") == "allow";
        judge("writing the maps as user 1000")
            .expected("ok".to_owned())
            .seen(writer.said().to_owned())
            .cause(|said| if allowed && said.contains("gid_map") {
                "gid_map was written while setgroups was still allowed: \
                 without root, deny must be written to /proc/PID/setgroups first".into()
            } else if said.contains("\"1000 0 1\\n\"") {
                "the columns are swapped: first the id inside, then the id outside".into()
            } else {
                "unknown".into()
            })
            .read(READ);
        let seen = ["uid_map", "gid_map"].map(|file| columns(&inmate.proc(file)));
        assert_eq!(seen, ["0 1000 1", "0 1000 1"], "the maps, as the host reads them");
    }

    /// A judge of the exercise `id-map`: a map of groups that is refused is not a success.
    fn groups_that_are_refused_are_an_error(_host) {
        require(Need::UserNamespaces);
        let inmate = unmapped(Some(1000));
        let pid = inmate.pid();
        let writer = Inmate::new(|| {
            become_user(1000);
            outcome(write_maps(pid, &IdMap::single(0, 1000), &IdMap::single(0, 1001)))
        });
        judge("whether an error comes back when the kernel refuses gid_map")
            .expected(true)
            .seen(writer.said() != "ok")
            .cause(|_| "gid_map was not written, or the error of that was lost".into())
            .read(READ);
    }

    fn a_map_is_written_once(_host) {
        require(Need::UserNamespaces);
        let inmate = unmapped(None);
        let all = map("0:100000:65536");
        assert_eq!(outcome(write_maps(inmate.pid(), &all, &all)), "ok");
        let path = format!("/proc/{}/", inmate.pid());
        let second = outcome(write_maps(inmate.pid(), &all, &all)).replace(&path, "/proc/PID/");
        insta::assert_snapshot!(second, @r#"
        write "0 100000 65536\n" to /proc/PID/uid_map: Operation not permitted (os error 1)
        a map can be written only once, in one write
        "#);
    }

    fn an_ordinary_user_is_told_why_it_may_not_map_more(_host) {
        require(Need::UserNamespaces);
        let inmate = unmapped(Some(1000));
        let pid = inmate.pid();
        let writer = Inmate::new(|| {
            become_user(1000);
            outcome(write_maps(pid, &map("0:100000:65536"), &IdMap::single(0, 1000)))
        });
        insta::assert_snapshot!(writer.said().replace(&format!("/proc/{pid}/"), "/proc/PID/"), @r#"
        write "0 100000 65536\n" to /proc/PID/uid_map: Operation not permitted (os error 1)
        without CAP_SETUID and CAP_SETGID only one line is allowed, for user 1000 and group 1000 alone, and gid_map only after "deny" is written to setgroups; more ids come from /etc/subuid through newuidmap(1)
        "#);
    }

    fn maps_of_a_process_that_ended_are_an_error(_host) {
        let gone = Pid::from_raw(4_000_000);
        insta::assert_snapshot!(outcome(write_maps(gone, &IdMap::single(0, 0), &IdMap::single(0, 0))), @r#"write "0 0 1\n" to /proc/4000000/uid_map: No such file or directory (os error 2)"#);
    }

    fn root_inside_is_an_ordinary_user_outside(_host) {
        require(Need::UserNamespaces);
        let plan = Namespaces::host().with_new(Kind::User);
        let resident = Resident::new(&plan, Some(&map("0:100000:65536")), || {
            become_root()?;
            // Every capability, and none of them over what the host owns: its host name, for one.
            let refused = sethostname("hijacked").expect_err("the host's name from inside");
            Ok(format!("user {} sethostname: {refused}", Uid::effective()))
        });
        assert_eq!(resident.said(), "user 0 sethostname: EPERM: Operation not permitted");
        assert_eq!(status(resident.pid(), "Uid"), "100000 100000 100000 100000", "as the host counts");
        assert_eq!(status(resident.pid(), "CapEff"), status(resident.pid(), "CapBnd"), "all that may be had");
        assert_eq!(status(resident.pid(), "Groups"), "", "no group of the host's root is left");
    }
}
