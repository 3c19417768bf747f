//! A container's files from outside: what it has changed, and all of them as an archive.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;

use common::{alone, another, command, data, named, traces};
use engine::{Create, Engine};
use testkit::{Host, kernel_test, native_test};

/// A container whose program has ended.
fn ended(host: &Host, create: &Create) -> Engine {
    command(host, |engine| {
        engine.create(create).expect("a container");
        engine.start_attached(&create.name, &alone()).expect("an end");
    });
    another(host)
}

fn changes(engine: &Engine, name: &str) -> String {
    engine.diff(name).expect("changes").iter().fold(String::new(), |text, change| text + &format!("{change}\n"))
}

/// Names in an archive, with the content of regular files.
fn files(archive: &[u8]) -> BTreeMap<String, String> {
    let mut read = tar::Archive::new(archive);
    let entries = read.entries().expect("an archive").map(|entry| {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a name").display().to_string();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("its content");
        (name, String::from_utf8_lossy(&content).into_owned())
    });
    entries.collect()
}

fn exported(engine: &Engine, name: &str) -> BTreeMap<String, String> {
    let mut archive = Vec::new();
    engine.export(name, &mut archive).expect("an archive");
    files(&archive)
}

kernel_test! {
    fn only_what_the_program_has_changed_is_listed(host) {
        let script = "echo x >/f; rm -r /home; chmod 700 /tmp; echo 1.2.3.4 x >>/etc/hosts; touch /dev/x; rm /.dockerenv";
        let engine = ended(host, &named("web", script));
        assert_eq!(changes(&engine, "web"), "D /.dockerenv\nA /f\nD /home\nC /tmp\n");
        engine.remove("web", false).expect("a removal");
        assert_eq!(traces(&data(host)), Vec::<String>::new());
    }

    fn what_has_never_run_has_changed_nothing_and_has_its_images_files(host) {
        command(host, |engine| {
            engine.create(&named("web", "true")).expect("a container");
        });
        let engine = another(host);
        assert_eq!(changes(&engine, "web"), "");
        assert!(exported(&engine, "web").contains_key("bin/busybox"));
    }

    fn an_archive_of_what_runs_has_its_files_and_nothing_of_what_is_mounted(host) {
        let mut create = named("web", "echo seen >/f; mkdir /d; touch /shm /dev/shm/x; while :; do sleep 1000; done");
        create.host.tmpfs.insert("/tm".into(), String::new());
        command(host, |engine| {
            engine.run_detached(&create).expect("a container").1.expect("a start");
        });
        let engine = another(host);
        while !changes(&engine, "web").contains("/shm") {}
        let before = fs::read_to_string("/proc/self/mountinfo").expect("mounts");
        let files = exported(&engine, "web");
        assert_eq!(files.get("f").map(String::as_str), Some("seen\n"));
        for (name, there) in [("d/", true), ("tm/", true), ("proc/", true), ("dev/shm/x", false), ("proc/1/", false), ("./", false)] {
            assert_eq!(files.contains_key(name), there, "{name}");
        }
        assert_eq!(files.get("etc/hosts").map(String::as_str), Some(""), "it is mounted on");
        assert_eq!(fs::read_to_string("/proc/self/mountinfo").expect("mounts"), before, "nothing is mounted for it");
        engine.remove("web", true).expect("a removal");
    }
}

native_test! {
    fn with_users_of_its_own_owners_are_what_the_container_sees(host) {
        let mut create = named("web", "echo x >/f; chown 5:6 /f; chown 7 /bin");
        create.host.userns_mode = "private".into();
        let engine = ended(host, &create);
        assert_eq!(changes(&engine, "web"), "C /bin\nA /f\n");
        let mut archive = Vec::new();
        engine.export("web", &mut archive).expect("an archive");
        let mut read = tar::Archive::new(archive.as_slice());
        let owners: BTreeMap<String, (u64, u64)> = read.entries().expect("entries").map(|entry| {
            let entry = entry.expect("an entry");
            let header = entry.header();
            (entry.path().expect("a name").display().to_string(), (header.uid().expect("uid"), header.gid().expect("gid")))
        }).collect();
        assert_eq!((owners["f"], owners["bin/"], owners["etc/"], owners["bin/busybox"]), ((5, 6), (7, 0), (0, 0), (0, 0)));
    }

    /// A name of it leads where it wants; a walk goes by descriptors, and through no link.
    fn links_and_special_files_are_archived_and_not_followed(host) {
        let engine = ended(host, &named("web", "ln -s /etc/passwd /l; ln -s / /root/all; mkfifo /fifo; mknod /dev/../null c 1 3; mkdir -p /deep; cd /deep; for i in $(seq 60); do mkdir -p d; cd d; done; truncate -s 100M /sparse"));
        let files = exported(&engine, "web");
        assert_eq!(files.get("l").map(String::as_str), Some(""));
        assert!(files.contains_key("fifo") && files.contains_key("null") && files.contains_key("root/all"), "special files");
        assert!(!files.keys().any(|name| name.starts_with("root/all/")), "a link is no directory");
        assert!(files.contains_key(&format!("deep/{}", "d/".repeat(60))), "deep");
        assert_eq!(files["sparse"].len(), 100 << 20);
    }
}
