//! Images in archives, from us to docker and back: the same ids, and file by file the same.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};

use engine::Engine;
use rustix::fs::{XattrFlags, setxattr};
use testkit::{Host, native_test};

use crate::common::Docker;
use crate::daemon::{Daemon, Programs};

/// Every kind of file that a layer can have.
const FILES: &str = "mkdir -p /data/sub && cd /data && echo x >f && chown 5:6 f && chmod 4755 f && ln f g && ln -s ../x l \
                     && mknod c c 1 3 && mkfifo p && chmod 1777 sub && echo gone >gone && mkdir -p kept/under \
                     && echo >kept/under/file && touch -d '2001-02-03 04:05:06' f sub && chown -h 7:8 l";
/// And what a layer above it can take away.
const CHANGES: &str = "cd /data && rm gone && rm -r kept && mkdir kept && echo new >>g";

native_test! {
    fn what_we_save_docker_loads_and_what_docker_saves_we_load(host) {
        let programs = Programs::find();
        let ours = Docker::new(host);
        for (name, from, script) in [("one", "busybox", FILES), ("two", "one:1", CHANGES)] {
            ours.ok(&["run", "--name", name, from, "sh", "-c", script]);
            if name == "one" {
                mark(&ours, &ours.ok(&["ps", "-aqf", "name=one", "--no-trunc"]));
            }
            ours.ok(&["commit", name, &format!("{name}:1")]);
            ours.ok(&["rm", name]);
        }
        let engine = Engine::open(ours.root()).expect("an engine");
        let path = |name: &str| host.dir().join(name);
        let names = ["one:1", "two:1"].map(ToOwned::to_owned);
        engine.save_images(&names, File::create(path("ours.tar")).expect("a file")).expect("an archive");
        let daemon = Daemon::start(host, &programs);
        let docker = |arguments: &[&str]| -> Output {
            let mut client = Command::new(programs.client());
            let output = client.env("DOCKER_HOST", daemon.address()).current_dir(host.dir()).args(arguments).output();
            let output = output.expect("docker starts");
            assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            output
        };
        let text = |output: Output| String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(text(docker(&["load", "-i", "ours.tar"])), "Loaded image: one:1\nLoaded image: two:1\n");
        for name in ["one:1", "two:1"] {
            let id = engine.image(name).expect("an image").image.id;
            assert_eq!(text(docker(&["inspect", "-f", "{{.Id}}", name])).trim(), id, "the same id");
            docker(&["create", "--name", "made", name]);
            docker(&["export", "-o", "theirs-files.tar", "made"]);
            docker(&["rm", "made"]);
            ours.ok(&["create", "--name", "made", name]);
            ours.ok(&["export", "-o", &path("our-files.tar").display().to_string(), "made"]);
            ours.ok(&["rm", "made"]);
            // Attributes are compared when the layers are back: this daemon's files have none.
            let [mine, theirs] = ["our-files.tar", "theirs-files.tar"].map(|archive| listing(host, archive, false));
            assert!(mine.len() > 5, "{mine:?}");
            assert_eq!(mine, theirs, "{name}");
        }
        docker(&["save", "-o", "theirs.tar", "one:1", "two:1"]);
        drop(daemon);
        let there = Engine::open(&path("there")).expect("an engine");
        let loaded = there.load_images(File::open(path("theirs.tar")).expect("a file"), None).expect("images");
        for loaded in &loaded {
            assert_eq!(engine.image(&loaded.references[0].familiar()).expect("an image").image, loaded.image);
        }
        assert_eq!(loaded.len(), 2);
        let there = Docker::at(&path("there"));
        there.ok(&["create", "--name", "made", "two:1"]);
        there.ok(&["export", "-o", &path("loaded-files.tar").display().to_string(), "made"]);
        let ours_again = listing(host, "our-files.tar", true);
        assert_eq!(listing(host, "loaded-files.tar", true), ours_again);
        assert!(ours_again.iter().any(|line| line.starts_with("-rwsr-xr-x* 5/6")), "{ours_again:?}");
        there.ok(&["rm", "made"]);
        assert_eq!((there.left_behind(), ours.left_behind()), (Vec::<String>::new(), Vec::new()));
    }
}

/// Gives a file of the container what no program in it can.
fn mark(ours: &Docker, id: &str) {
    let data = ours.root().join("containers").join(id.trim()).join("upper/data");
    // cap_net_raw=ep, as the kernel stores it (capability.h).
    let capability = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    setxattr(data.join("f"), "security.capability", &capability, XattrFlags::empty()).expect("a capability");
    setxattr(data.join("sub"), "user.note", b"kept", XattrFlags::empty()).expect("an attribute");
}

/// What is below `data` in an archive: names, modes, owners, times, sizes, links, devices, and whether there are attributes.
fn listing(host: &Host, archive: &str, attributes: bool) -> Vec<String> {
    let path: &Path = &host.dir().join(archive);
    assert!(fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0));
    let mut tar = Command::new("tar");
    tar.args(["--xattrs", "--xattrs-include=*", "--numeric-owner", "--full-time", "--utc", "-tvvf"])
        .arg(path)
        .env("LC_ALL", "C");
    let output = tar.output().expect("tar starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    lines.retain(|line| line.contains(" data/") || line.contains(" ./data/"));
    // A sign after the mode says that there are some.
    let plain = |line: &String| if attributes { line.clone() } else { line.replacen('*', " ", 1) };
    let mut lines: Vec<String> = lines.iter().map(|line| plain(line).replace(" ./data/", " data/")).collect();
    lines.sort();
    lines
}
