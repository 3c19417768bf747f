//! `cp`, with a container that does what it can to lead it astray.

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use common::{alone, another, command, data, named, status, traces};
use engine::{CopyWish, Create, Engine, Status};
use testkit::{Host, kernel_test, native_test};

const WISH: CopyWish = CopyWish { archive: false, follow: false };
const FOLLOW: CopyWish = CopyWish { archive: false, follow: true };

/// A container that runs, and has done `script`.
fn running(host: &Host, create: &mut Create, script: &str) -> Engine {
    create.config.cmd = Some(
        ["sh", "-c", &format!("{script}\ntouch /ready; trap exit TERM; while :; do sleep 1000 & wait; done")]
            .map(Into::into)
            .into(),
    );
    command(host, |engine| {
        engine.run_detached(create).expect("a container").1.expect("a start");
    });
    let engine = another(host);
    while !engine.diff("web").expect("changes").iter().any(|change| change.path == Path::new("/ready")) {}
    engine
}

/// What the container's program sees, from outside.
fn seen(engine: &Engine, path: &str) -> std::path::PathBuf {
    let pid = engine.find("web").expect("a container").state.pid;
    format!("/proc/{pid}/root{path}").into()
}

fn mounts_of(engine: &Engine) -> String {
    let pid = engine.find("web").expect("a container").state.pid;
    fs::read_to_string(format!("/proc/{pid}/mountinfo")).expect("its mounts")
}

kernel_test! {
    fn it_goes_to_what_runs_and_back_through_what_is_mounted_there(host) {
        let mut create = named("web", "");
        create.host.tmpfs.insert("/tm".into(), String::new());
        let engine = running(host, &mut create, "echo in >/tm/y");
        let before = mounts_of(&engine);
        let file = host.dir().join("file");
        fs::write(&file, "from outside").expect("a file");
        engine.copy_in(&file, "web", Path::new("/tm/z"), WISH).expect("a copy");
        assert_eq!(fs::read_to_string(seen(&engine, "/tm/z")).expect("it"), "from outside");
        let back = host.dir().join("back");
        engine.copy_out("web", Path::new("/tm"), &back, WISH).expect("a copy");
        assert_eq!(fs::read_to_string(back.join("y")).expect("it"), "in\n");
        assert_eq!(mounts_of(&engine), before, "nothing was mounted in its tree");
        engine.remove("web", true).expect("a removal");
        assert_eq!(traces(&data(host)), Vec::<String>::new());
    }

    /// To replace the file that something is mounted on would take the mount away from the container.
    fn what_something_is_mounted_on_stays(host) {
        let engine = running(host, &mut named("web", ""), "");
        let before = mounts_of(&engine);
        let file = host.dir().join("file");
        fs::write(&file, "x").expect("a file");
        let refused = engine.copy_in(&file, "web", Path::new("/etc/hosts"), WISH).expect_err("it is busy");
        assert_eq!(refused.message, "RemoveAll hosts: device or resource busy");
        assert_eq!(mounts_of(&engine), before);
        assert!(fs::read_to_string(seen(&engine, "/etc/hosts")).expect("it").contains("localhost"));
        engine.remove("web", true).expect("a removal");
    }

    fn links_of_the_container_lead_nowhere_but_inside(host) {
        let secret = host.dir().join("secret");
        fs::write(&secret, "secret").expect("a file");
        let outside = host.dir().display().to_string();
        let script = format!("mkdir -p /d /in; ln -s {outside} /d/abs; ln -s ../../../../../../../..{outside} /d/up; ln -s {outside}/secret /d/file; ln -s /proc/1/root /d/magic; ln -s /d/loop /d/loop");
        let engine = running(host, &mut named("web", ""), &script);
        let file = host.dir().join("file");
        fs::write(&file, "planted").expect("a file");
        for to in ["/d/abs/planted", "/d/up/planted", "/d/magic/planted", "/d/loop", "/d/loop/x"] {
            engine.copy_in(&file, "web", Path::new(to), WISH).expect_err(to);
        }
        assert!(!host.dir().join("planted").exists(), "nothing is written outside");
        engine.copy_in(&file, "web", Path::new("/d/file"), WISH).expect_err("its directory is missing inside");
        assert_eq!(fs::read_to_string(&secret).expect("it"), "secret");
        let back = host.dir().join("back");
        for from in ["/d/abs/secret", "/d/up/secret", "/d/magic/etc/passwd", "/d/loop"] {
            engine.copy_out("web", Path::new(from), &back, FOLLOW).expect_err(from);
        }
        engine.copy_out("web", Path::new("/d/file"), &back, FOLLOW).expect_err("inside there is none");
        assert!(!back.exists(), "nothing is left");
        engine.copy_out("web", Path::new("/d"), &back, WISH).expect("a copy");
        assert!(back.join("file").symlink_metadata().expect("it").file_type().is_symlink(), "links are copied as such");
        engine.remove("web", true).expect("a removal");
    }
}

native_test! {
    /// Directories and links change places all the time: whatever a name is in the moment that it is used, it is inside.
    fn a_race_for_the_destination_leads_nowhere_else(host) {
        let outside = host.dir().join("outside");
        fs::create_dir(&outside).expect("a directory");
        let script = format!("mkdir /a /b; ln -s {} /l; (while :; do mv /a /t; mv /l /a; mv /a /l; mv /t /a; done) &", outside.display());
        let engine = running(host, &mut named("web", ""), &script);
        let tree = host.dir().join("tree");
        fs::create_dir_all(tree.join("a/b")).expect("directories");
        fs::write(tree.join("a/b/planted"), "x").expect("a file");
        for _ in 0..200 {
            let _ = engine.copy_in(&tree.join("a"), "web", Path::new("/"), WISH);
            let _ = engine.copy_in(&tree.join("a/b/planted"), "web", Path::new("/a/planted"), WISH);
        }
        assert_eq!(fs::read_dir(&outside).expect("it").count(), 0, "something got out");
        engine.remove("web", true).expect("a removal");
    }

    fn what_comes_out_gives_nobody_rights(host) {
        let engine = running(host, &mut named("web", ""), "mkdir /d; cp /bin/busybox /d/su; chmod 6755 /d/su; chown 1000 /d/su; chmod u+s /d/su; mknod /d/null c 1 3; mkfifo /d/fifo");
        let back = host.dir().join("back");
        let placed = engine.copy_out("web", Path::new("/d"), &back, WISH).expect("a copy");
        let found = fs::metadata(back.join("su")).expect("it");
        assert_eq!((found.uid(), found.permissions().mode() & 0o7777), (0, 0o755));
        assert_eq!((placed.devices, back.join("null").exists()), (1, false));
        engine.remove("web", true).expect("a removal");
    }

    fn an_archive_is_unpacked_inside_whatever_it_says(host) {
        let engine = running(host, &mut named("web", ""), "mkdir /d");
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        header.set_mode(0o777);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        archive.append_link(&mut header.clone(), "link", host.dir()).expect("an entry");
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(1);
        archive.append_data(&mut header.clone(), "link/planted", b"x".as_slice()).expect("an entry");
        let archive = archive.into_inner().expect("an archive");
        engine.copy_in_tar(archive.as_slice(), "web", Path::new("/d"), WISH).expect("it stays inside");
        assert!(!host.dir().join("planted").exists(), "it got out");
        let mut up = tar::Builder::new(Vec::new());
        header.as_old_mut().name[..5].copy_from_slice(b"../up");
        header.set_cksum();
        up.append(&header, b"x".as_slice()).expect("an entry");
        let up = up.into_inner().expect("an archive");
        engine.copy_in_tar(up.as_slice(), "web", Path::new("/d"), WISH).expect_err("its name leads out");
        engine.remove("web", true).expect("a removal");
    }

    fn what_does_not_run_is_written_to_and_can_be_started(host) {
        command(host, |engine| {
            engine.create(&named("web", "test $(cat /f) = outside && test -e /.dockerenv")).expect("a container");
        });
        let file = host.dir().join("file");
        fs::write(&file, "outside").expect("a file");
        symlink("file", host.dir().join("link")).expect("a link");
        let engine = another(host);
        engine.copy_in(&file, "web", Path::new("/f"), WISH).expect("a copy");
        engine.copy_in(&host.dir().join("link"), "web", Path::new("/l"), WISH).expect("a copy");
        assert_eq!(engine.diff("web").expect("changes").len(), 2);
        assert_eq!(status(&engine, "web"), Status::Created);
        command(host, |engine| {
            assert_eq!(engine.start_attached("web", &alone()).expect("an end").code(), 0);
        });
        engine.remove("web", false).expect("a removal");
        assert_eq!(traces(&data(host)), Vec::<String>::new());
    }

    fn with_users_of_its_own_owners_are_the_containers(host) {
        let mut create = named("web", "");
        create.host.userns_mode = "private".into();
        let engine = running(host, &mut create, "echo x >/f; chown 5:6 /f");
        let outside = fs::metadata(seen(&engine, "/f")).expect("it").uid() - 5;
        let file = host.dir().join("file");
        fs::write(&file, "x").expect("a file");
        std::os::unix::fs::chown(&file, Some(7), Some(8)).expect("an owner");
        engine.copy_in(&file, "web", Path::new("/g"), WISH).expect("a copy");
        let found = fs::metadata(seen(&engine, "/g")).expect("it");
        assert_eq!((found.uid(), found.gid()), (outside + 7, outside + 8));
        let mut archive = Vec::new();
        engine.copy_out_tar("web", Path::new("/f"), &mut archive, WISH).expect("an archive");
        let mut read = tar::Archive::new(archive.as_slice());
        let entry = read.entries().expect("entries").next().expect("one").expect("one");
        assert_eq!((entry.header().uid().expect("uid"), entry.header().gid().expect("gid")), (5, 6));
        engine.remove("web", true).expect("a removal");
    }
}
