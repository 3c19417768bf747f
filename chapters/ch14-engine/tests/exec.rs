//! Another process in a container that runs.

mod common;

use std::fs;

use common::{alone, another, command, data, named, traces};
use engine::{Engine, ExecWish};
use testkit::{Host, kernel_test};

const FOREVER: &str = "trap 'exit 3' TERM; echo $$ >/pid; while :; do sleep 1000 & wait $!; done";

fn script(text: &str) -> ExecWish {
    ExecWish { args: ["sh", "-c", text].map(Into::into).into(), ..ExecWish::default() }
}

/// The exit status by which `text` tells what it saw in the container `web`.
fn status(host: &Host, wish: &ExecWish) -> u8 {
    let mut code = 0;
    let path = host.dir().join("code");
    command(host, |engine| {
        let status = engine.exec("web", wish, "").unwrap_or_else(|failure| panic!("{failure}"));
        fs::write(&path, [status.code()]).expect("a file");
    });
    if let [seen] = fs::read(&path).expect("a file")[..] {
        code = seen;
    }
    code
}

fn with_container(host: &Host, work: impl FnOnce(&Engine)) {
    let mut create = named("web", FOREVER);
    create.config.env = vec!["A=container".into()];
    create.config.working_dir = "/srv".into();
    command(host, |engine| {
        engine.run_detached(&create).expect("a container").1.expect("a start");
    });
    let engine = another(host);
    work(&engine);
    engine.remove("web", true).expect("a removal");
    assert_eq!(traces(&data(host)), Vec::<String>::new());
}

kernel_test! {
    fn it_is_where_the_container_is_and_as_little_as_it(host) {
        with_container(host, |_| {
            assert_eq!(status(host, &script("test $(cat /proc/1/comm) = sh && test $PWD = /srv && test $A = container && exit 7")), 7);
            assert_eq!(status(host, &script("grep -q 'CapEff:.00000000a80425fb' /proc/self/status && grep -q 'Seccomp:.2' /proc/self/status")), 0);
            assert_eq!(status(host, &ExecWish { user: "1000:50".into(), ..script("test $(id -u):$(id -g) = 1000:50 && test $HOME = /") }), 0);
            let other = ExecWish { cwd: "/tmp".into(), env: vec!["A=mine".into()], ..script("test $PWD = /tmp && test $A = mine") };
            assert_eq!(status(host, &other), 0);
            assert_eq!(status(host, &ExecWish { privileged: true, ..script("test $(grep CapEff /proc/self/status | tail -c 17) != 00000000a80425fb") }), 0);
        });
    }

    fn what_it_has_left_running_ends_with_it(host) {
        with_container(host, |_| {
            assert_eq!(status(host, &script("sleep 999 & echo $! >/left")), 0);
            assert_eq!(status(host, &script("! kill -0 $(cat /left)")), 0, "it is gone, and reaped");
        });
    }

    /// Its command line may have a secret in it, for one program among many.
    fn who_waits_for_it_inside_shows_nothing_of_the_command(host) {
        with_container(host, |_| {
            // As much of it as there is room for: a command line does not grow.
            let seen = r#"line=$(tr -d '\0' </proc/$PPID/cmdline)
                case "mini-docker: waits for an exec" in ${line:-nothing}*) exit 0;; esac; exit 1"#;
            assert_eq!(status(host, &script(seen)), 0);
        });
    }

    fn without_its_working_directory_it_is_not_found(host) {
        with_container(host, |_| {
            command(host, |engine| {
                for (cwd, code) in [("/nosuch", 127), ("/bin/busybox", 127)] {
                    let failure = engine.exec("web", &ExecWish { cwd: cwd.into(), ..script("true") }, "").expect_err(cwd);
                    assert_eq!(failure.exit_code(), code, "{failure}");
                }
            });
        });
    }

    fn in_the_background_it_goes_on_without_its_command(host) {
        with_container(host, |_| {
            command(host, |engine| engine.exec_detached("web", &script("while :; do [ -e /go ] && touch /done && exit; done")).expect("it starts"));
            assert_eq!(status(host, &script("touch /go; until [ -e /done ]; do :; done")), 0);
        });
    }

    /// A terminal takes a few kilobytes, and then makes whoever prints wait.
    fn what_it_prints_in_the_background_into_a_terminal_is_read(host) {
        with_container(host, |_| {
            let prints = ExecWish { terminal: true, ..script("yes | head -c 300000; touch /done; sleep 1000") };
            command(host, |engine| engine.exec_detached("web", &prints).expect("it starts"));
            assert_eq!(status(host, &script("until [ -e /done ]; do :; done; killall sleep; while killall -0 head; do :; done")), 0);
        });
    }

    fn what_does_not_run_takes_nobody_in(host) {
        command(host, |engine| {
            engine.create(&named("web", "true")).expect("a container");
            let refused = |engine: &Engine, wish: &ExecWish| engine.exec("web", wish, "").expect_err("refused").message;
            assert!(refused(engine, &script("true")).ends_with("is not running"));
            engine.start_attached("web", &alone()).expect("an end");
            assert!(refused(engine, &script("true")).ends_with("is not running"));
            engine.remove("web", false).expect("a removal");
        });
        with_container(host, |engine| {
            engine.pause("web").expect("a pause");
            let failure = engine.exec("web", &script("true"), "").expect_err("it stands still").message;
            assert!(failure.ends_with("is paused, unpause the container before exec"), "{failure}");
            engine.unpause("web").expect("it goes on");
        });
        with_container(host, |_| {
            command(host, |engine| {
                let missing = ExecWish { args: vec!["nosuch".into()], ..ExecWish::default() };
                assert_eq!(engine.exec("web", &missing, "").expect_err("no such program").exit_code(), 127);
                assert_eq!(engine.exec_detached("web", &missing).expect_err("no such program").exit_code(), 127);
            });
        });
    }
}
