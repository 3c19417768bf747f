//! The data root: closed to the host's users, of one version, and nobody else's directory.

mod common;

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::data_root;
use layers::{DataRoot, Held, LayerStore, Upper};
use nix::sys::stat::{Mode, umask};
use process::Failure;
use testkit::{Host, Need, kernel_test, require};

/// Nobody in particular.
const USER: u32 = 65534;
const ID: &str = "1111111111111111111111111111111111111111111111111111111111111111";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).mode() & 0o7777
}

fn complaint(host: &Host, path: &Path) -> String {
    let failure = Failure::from(DataRoot::open(path).expect_err("no data root"));
    let text = format!("{}\nhint: {}", failure.message, failure.hint.unwrap_or_default());
    text.replace(&host.dir().display().to_string(), "HOST")
}

/// What the first version made in `data`, with a container that lost its engine, and an import that was killed.
fn first_version(data: &Path) {
    umask(Mode::from_bits_truncate(0o022));
    for directory in ["images", "layers/tmp/layer-killed/diff", "seccomp", "run/names", "tmp/.tmpkilled/root"] {
        fs::create_dir_all(data.join(directory)).expect("a directory");
    }
    for directory in [format!("containers/{ID}/upper"), format!("run/containers/{ID}")] {
        fs::create_dir_all(data.join(directory)).expect("a directory");
    }
    fs::write(data.join("repositories.json"), r#"{"busybox:latest": "sha256:0"}"#).expect("a file");
    for file in ["lock".into(), format!("containers/{ID}/lock"), format!("run/containers/{ID}/hosts")] {
        fs::write(data.join(file), "").expect("a file");
    }
    symlink(ID, data.join("run/names/web")).expect("a link");
}

/// Paths of all directories below `top` that its owner alone may not be the only one to enter.
fn open_to_others(top: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(top).expect("a directory").flatten().map(|entry| entry.path());
    names.chain([top.to_owned()]).filter(|path| path.is_dir() && mode(path) & 0o077 != 0).collect()
}

fn assert_is_brought_forward(data: &Path) {
    let root = DataRoot::open(data).expect("a data root");
    assert_eq!(open_to_others(data), [] as [PathBuf; 0]);
    let table = fs::read_to_string(data.join("images/repositories.json")).expect("the table");
    assert_eq!(table, r#"{"busybox:latest": "sha256:0"}"#);
    for gone in ["repositories.json", "lock", "layers/tmp", "run/names", "run/containers"] {
        assert!(!data.join(gone).exists(), "{gone}");
    }
    assert!(data.join("containers").join(ID).is_dir(), "cleaned up by whoever knows what a container is");
    let rubbish = root.rubbish().expect("a look");
    assert_eq!(rubbish.len(), 2, "of the import and of debootstrap");
    for left in rubbish {
        left.remove().expect("a removal");
    }
    assert!(fs::read_to_string(data.join("mini-docker.json")).expect("the record").contains("\"version\": 4"));
}

kernel_test! {
    /// A file that makes everybody root is what a container's root can write. Nobody on the host may get at it.
    fn a_setuid_file_of_a_container_is_out_of_reach(host) {
        require(Need::Busybox);
        let run_as_user = |program: &Path| {
            Command::new(program).arg0("busybox").arg("true").uid(USER).gid(USER).current_dir("/").status()
        };
        let plant = |path: PathBuf| {
            fs::copy(host.busybox(), &path).expect("a copy");
            fs::set_permissions(&path, Permissions::from_mode(0o4755)).expect("setuid");
            path
        };
        // What stands beside the data root, they can run: it is the data root that keeps them out.
        assert!(run_as_user(&plant(host.dir().join("beside"))).expect("it runs").success());
        umask(Mode::empty());
        for (number, first) in ["images", "layers", "containers", "names", "seccomp"].iter().enumerate() {
            let data = host.dir().join(format!("data-{number}"));
            let root = DataRoot::open(&data).expect("a data root");
            root.directory(first).expect("a store");
            LayerStore::open(&root).expect("a store");
            let container = Held::create(&root.directory("containers").expect("a store").join(ID)).expect("a directory");
            let upper = Upper::create(container.path(), None).expect("a writable layer");
            assert_eq!(mode(&upper.upper), 0o755, "the container's own root is open to its users");
            root.run_directory().expect("a directory");
            let staging = root.staging().expect("a directory");
            for directory in [&upper.upper, container.path(), staging.path(), &data.join(first), &data.join("run"), &data] {
                let error = run_as_user(&plant(directory.join("setuid"))).expect_err("out of reach");
                assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied, "{}", directory.display());
            }
            assert_eq!(open_to_others(&data), [] as [PathBuf; 0], "{first} came first");
        }
    }

    fn what_was_opened_is_closed_again(host) {
        let root = data_root(host);
        let layers = root.directory("layers").expect("a store");
        for path in [root.path(), layers.as_path()] {
            fs::set_permissions(path, Permissions::from_mode(0o755)).expect("chmod");
        }
        let root = data_root(host);
        root.directory("layers").expect("the store");
        assert_eq!((mode(root.path()), mode(&layers)), (0o700, 0o700));
    }

    fn data_of_the_first_version_is_closed_and_kept(host) {
        let data = host.dir().join("data");
        first_version(&data);
        assert_ne!(open_to_others(&data), [] as [PathBuf; 0]);
        assert_is_brought_forward(&data);
    }

    /// Whatever has been done already, the next command does the rest.
    fn a_command_that_was_killed_while_it_brought_the_data_forward_is_followed_by_one_that_does_the_rest(host) {
        type Step = fn(&Path);
        let steps: [Step; 6] = [
            |data| fs::set_permissions(data, Permissions::from_mode(0o700)).expect("chmod"),
            |data| fs::rename(data.join("repositories.json"), data.join("images/repositories.json")).expect("rename"),
            |data| fs::remove_file(data.join("lock")).expect("remove"),
            |data| fs::remove_dir_all(data.join("run/names")).expect("remove"),
            |data| fs::remove_dir_all(data.join("run/containers")).expect("remove"),
            |data| fs::rename(data.join("layers/tmp/layer-killed"), data.join("tmp/0")).expect("rename"),
        ];
        for killed_after in 0..=steps.len() {
            let data = host.dir().join(format!("data-{killed_after}"));
            first_version(&data);
            fs::write(data.join(".mini-docker.json.x1y2z3"), "{\"ver").expect("half a record");
            steps[..killed_after].iter().for_each(|step| step(&data));
            assert_is_brought_forward(&data);
        }
    }

    fn a_container_of_the_first_version_that_runs_is_not_pulled_away_from_under_it(host) {
        let data = host.dir().join("data");
        first_version(&data);
        let engine = File::open(data.join(format!("containers/{ID}/lock"))).expect("its lock");
        engine.lock().expect("its engine lives");
        insta::assert_snapshot!(complaint(host, &data), @r"
        a container of the first version of mini-docker still runs: HOST/data/containers/1111111111111111111111111111111111111111111111111111111111111111
        hint: end it, then try again
        ");
        assert_eq!(open_to_others(&data), [] as [PathBuf; 0], "the users of the host are kept out at once");
        drop(engine);
        assert_is_brought_forward(&data);
    }

    /// To close it would lock them out; to leave it open would let them in.
    fn a_directory_with_other_peoples_files_is_refused_and_stays_as_it_is(host) {
        let shared = host.dir().join("shared");
        fs::create_dir_all(shared.join("images")).expect("a directory");
        fs::write(shared.join("letter"), "").expect("a file");
        fs::set_permissions(&shared, Permissions::from_mode(0o1777)).expect("chmod");
        let before = (mode(&shared), mode(&shared.join("images")));
        let refused = complaint(host, &shared);
        assert!(refused.starts_with("HOST/shared has other files in it ("), "{refused}");
        assert_eq!((mode(&shared), mode(&shared.join("images"))), before);
        assert_eq!(fs::read_dir(&shared).expect("a directory").count(), 2);
        // Here the first version was at work: what it made is closed, what others made is not.
        first_version(&shared);
        fs::create_dir(shared.join("theirs")).expect("a directory");
        let refused = complaint(host, &shared);
        assert!(refused.ends_with("hint: choose a directory that is empty or does not exist yet"), "{refused}");
        for ours in ["images", "layers", "containers", "run", "seccomp", "tmp"] {
            assert_eq!(mode(&shared.join(ours)), 0o700, "{ours}");
        }
        assert_eq!((mode(&shared), mode(&shared.join("theirs"))), (0o1777, 0o755));
    }

    fn who_owns_the_data_root_can_open_it_so_it_must_be_us(host) {
        let theirs = host.dir().join("theirs");
        fs::create_dir(&theirs).expect("a directory");
        chown(&theirs, Some(USER), Some(USER)).expect("chown");
        insta::assert_snapshot!(complaint(host, &theirs), @r"
        HOST/theirs belongs to user 65534
        hint: choose a directory that does not exist yet, or make root its owner
        ");
        assert_eq!(fs::read_dir(&theirs).expect("a directory").count(), 0);
    }

    fn a_new_disk_a_link_and_a_missing_parent_are_taken(host) {
        umask(Mode::empty());
        let disk = host.dir().join("disk");
        fs::create_dir_all(disk.join("lost+found")).expect("a directory");
        DataRoot::open(&disk).expect("a new file system");
        let link = host.dir().join("link");
        symlink(&disk, &link).expect("a link");
        DataRoot::open(&link).expect("the same by another name");
        let deep = host.dir().join("not/yet/there");
        DataRoot::open(&deep).expect("a data root");
        assert_eq!((mode(&disk), mode(&deep), mode(&host.dir().join("not"))), (0o700, 0o700, 0o755));
    }

    fn what_is_no_directory_is_named(host) {
        let file = host.dir().join("file");
        fs::write(&file, "").expect("a file");
        let refused = complaint(host, &file);
        assert!(refused.starts_with("open HOST/file: not a directory"), "{refused}");
    }

    fn data_of_a_later_version_is_left_alone(host) {
        let root = data_root(host);
        fs::write(root.path().join("mini-docker.json"), r#"{"version": 5, "what": "is to come"}"#).expect("a file");
        insta::assert_snapshot!(complaint(host, root.path()), @r"
        HOST/data is kept in version 5, and this program knows versions up to 4
        hint: use the newer mini-docker, or another data root
        ");
        fs::write(root.path().join("mini-docker.json"), "version 2").expect("a file");
        let refused = complaint(host, root.path());
        assert!(refused.starts_with("HOST/data/mini-docker.json is damaged: "), "{refused}");
    }

    fn data_of_the_second_version_is_taken_over_as_it_is(host) {
        let root = data_root(host);
        let record = root.path().join("mini-docker.json");
        fs::write(&record, r#"{"version": 2}"#).expect("a file");
        fs::create_dir_all(root.path().join("containers").join(ID).join("upper")).expect("what a killed engine left");
        data_root(host);
        assert!(fs::read_to_string(&record).expect("the record").contains("\"version\": 4"));
        assert!(root.path().join("containers").join(ID).is_dir(), "cleaned up by whoever knows what a container is");
    }

    /// The first of several commands makes it; none of them finds it half made.
    fn commands_that_start_at_the_same_time_make_one_data_root(host) {
        for number in 0..20 {
            let data = host.dir().join(number.to_string());
            std::thread::scope(|scope| {
                let commands: Vec<_> = (0..4).map(|_| scope.spawn(|| DataRoot::open(&data).map(drop))).collect();
                for command in commands {
                    command.join().expect("a thread").expect("a data root");
                }
            });
        }
    }
}
