//! What the next command makes of a container whose shim was killed: the judge of the exercise `reconcile`.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{another, command, data, named};
use engine::{Engine, Status};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use serde_json::Value;
use testkit::{Inmate, judge, kernel_test};

const READ: &str = "ch14-engine, \"Who is still there?\"";

/// Kills the shim, which takes the program along, and reaps both.
fn kill_shim(program: i32) {
    let status = fs::read_to_string(format!("/proc/{program}/status")).expect("a process");
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:\t")).expect("a parent");
    kill(Pid::from_raw(parent.parse().expect("a number")), Signal::SIGKILL).expect("a signal");
    while fs::metadata(format!("/proc/{program}")).is_ok() {
        let _ = waitpid(None, None);
    }
}

/// The container's groups that are there, in whichever tree.
fn groups(id: &str) -> Vec<PathBuf> {
    let table = fs::read_to_string("/proc/self/mountinfo").expect("the mount table");
    let trees = table.lines().filter(|line| line.contains(" - cgroup")).filter_map(|line| line.split(' ').nth(4));
    let group = runtime::cgroup_of(id);
    let below = group.strip_prefix("/").expect("an absolute path");
    trees.map(|tree| Path::new(tree).join(below)).filter(|path| path.exists()).collect()
}

fn how_it_is(engine: &Engine) -> (Status, u8) {
    let state = engine.find("web").expect("it is still there").state;
    (state.status, state.exit_code)
}

kernel_test! {
    fn a_process_that_has_the_number_of_a_lost_program_is_a_stranger(host) {
        command(host, |engine| {
            engine.run_detached(&named("web", "sleep 1000")).expect("a container").1.expect("it runs");
        });
        let container = another(host).find("web").expect("a container");
        let id = container.saved.id;
        another(host).kill("web", "WINCH").expect("its shim is at work");
        kill_shim(container.state.pid);
        // Numbers are given out again, and this one is a stranger's now.
        let stranger = Inmate::new(String::new);
        let path = data(host).join("containers").join(&id).join("state.json");
        let mut state: Value = serde_json::from_slice(&fs::read(&path).expect("a state")).expect("JSON");
        state["pid"] = stranger.pid().as_raw().into();
        fs::write(&path, state.to_string()).expect("a state");

        let engine = another(host);
        judge("whether a stranger lives who has the number of the lost program now")
            .expected(true)
            .seen(stranger.proc("status").contains("State:\tS"))
            .cause(|_| "a process was ended for its number, and the number was somebody else's".into())
            .read(READ);
        judge("how the container is, and its exit code")
            .expected((Status::Exited, 137))
            .seen(how_it_is(&engine))
            .cause(|(status, _)| if *status == Status::Running {
                "there is a process of that number, and it was taken for the container's".into()
            } else {
                "unknown".into()
            })
            .read(READ);
        judge("what is left in the run directory")
            .expected(false)
            .seen(data(host).join("run/containers").join(&id).exists())
            .cause(|_| "its life is not ended: whoever wants to start it again finds the mark, and waits".into())
            .read(READ);
        judge("control groups that are left of it")
            .expected(Vec::new())
            .seen(groups(&id))
            .cause(|_| "its control group is there, and whoever is in it runs on".into())
            .read(READ);
        engine.remove("web", false).expect("a removal");
    }

    /// Somebody has cleaned up below the run directory: its shim lives, and cannot be called.
    fn one_that_is_nowhere_among_the_living_can_be_removed(host) {
        command(host, |engine| {
            engine.run_detached(&named("web", "sleep 1000")).expect("a container").1.expect("it runs");
        });
        let container = another(host).find("web").expect("a container");
        fs::remove_dir_all(data(host).join("run/containers").join(&container.saved.id)).expect("its place");
        another(host).remove("web", true).expect("a removal");
        while waitpid(None, None).is_ok() {}
        assert!(another(host).find("web").is_err());
        assert_eq!(groups(&container.saved.id), Vec::<PathBuf>::new());
    }
}
