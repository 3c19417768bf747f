//! Archives of images: what goes out comes in again as it was, here and elsewhere; and what others write is taken.

mod common;

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use common::{Made, Stores, gzip, made, reference, tar};
use images::{Descriptor, Digest, Image, ImageConfig, ImageStore, LoadError, Loaded, PackError, Platform, media};
use layers::{DataRoot, LayerStore};
use process::Failure;
use serde_json::{Value, json};
use testkit::{Host, Need, judge, kernel_test, native_test, require};

const READ_ADDRESS: &str = "ch07-images, \"What a name is of\"";

/// Stores of another machine.
fn elsewhere(host: &Host, name: &str) -> Stores {
    let root = DataRoot::open(&host.dir().join(name)).expect("a data root");
    let (images, layers) = (ImageStore::open(&root).expect("images"), LayerStore::open(&root).expect("layers"));
    Stores { root, images, layers }
}

fn web() -> Made {
    made(&[tar("etc/motd", b"hello"), tar("own", b"web")])
}

fn save(stores: &Stores, names: &[&str]) -> Vec<u8> {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut archive = Vec::new();
    stores.images.save(&stores.layers, &names, &mut archive).expect("an archive");
    archive
}

fn load(stores: &Stores, archive: &[u8]) -> Vec<Loaded> {
    stores.images.load_archive(&stores.layers, archive, None).expect("images")
}

fn refused(stores: &Stores, archive: &[u8]) -> String {
    let error: LoadError = stores.images.load_archive(&stores.layers, archive, None).expect_err("no images");
    let failure = Failure::from(error);
    format!("{}\nhint: {}", failure.message, failure.hint.unwrap_or_default())
}

/// What is in an archive of ours.
fn listed(archive: &[u8]) -> Vec<String> {
    let mut tar = tar::Archive::new(archive);
    let entries = tar
        .entries()
        .expect("entries")
        .map(|entry| entry.expect("an entry").path().expect("a name").display().to_string());
    entries.collect()
}

/// An archive with these files, and links to some of them.
fn archive(files: &[(&str, &[u8])], links: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, *content).expect("in memory");
    }
    for (name, target) in links {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, name, target).expect("in memory");
    }
    tar.into_inner().expect("in memory")
}

fn motd(stores: &Stores, image: &Image) -> String {
    let layer = stores.layers.get(&image.layers()[0]).expect("a layer");
    fs::read_to_string(layer.path.join("etc/motd")).expect("a file")
}

kernel_test! {
    /// The judge of the exercise `address`.
    fn an_image_keeps_the_id_that_another_program_gave_it(host) {
        let stores = Stores::open(host);
        let layer = tar("etc/motd", b"hello");
        let diff_id = Digest::of(&layer);
        // Another order than ours, more room, a field that nobody knows, and a letter that can be written in two ways.
        let config = format!(
            "{{ \"os\": \"linux\", \"architecture\": \"amd64\",\n  \"x-built-by\": \"Jos\\u00e9\", \"config\": {{ \"Cmd\": null }},\n  \
             \"rootfs\": {{ \"diff_ids\": [\"{diff_id}\"], \"type\": \"layers\" }} }}\n"
        );
        let list = r#"[{"Config":"c.json","RepoTags":["foreign:1"],"Layers":["layer.tar"]}]"#;
        let bytes = archive(&[("c.json", config.as_bytes()), ("layer.tar", &layer), ("manifest.json", list.as_bytes())], &[]);
        let loaded = stores.images.load_archive(&stores.layers, bytes.as_slice(), None);
        let id = loaded.map(|loaded| loaded[0].image.id.clone()).map_err(|error| error.to_string());
        let value: Value = serde_json::from_str(&config).expect("JSON");
        let read: ImageConfig = serde_json::from_str(&config).expect("a configuration");
        let id_of = |bytes: serde_json::Result<Vec<u8>>| Digest::of(&bytes.expect("JSON")).to_string();
        let (anew, sorted) = (id_of(serde_json::to_vec(&read)), id_of(serde_json::to_vec(&value)));
        judge("the id of an image that another program has described")
            .expected(Ok(Digest::of(config.as_bytes()).to_string()))
            .seen(id)
            .cause(|seen| match seen {
                Ok(id) if *id == anew => "the configuration was read and written anew: that says the same in other bytes, and the id is of the bytes that came".into(),
                Ok(id) if *id == sorted => "the configuration went through a map, which keeps what it says, and neither order nor room: the id is of the bytes that came".into(),
                Err(error) if error.contains("was expected, and came with") => "a digest was taken of other bytes than those that are kept under it: make the bytes once".into(),
                _ => "unknown".into(),
            })
            .read(READ_ADDRESS);
        let image = stores.images.find("foreign:1").expect("the image");
        let (descriptor, bytes, manifest) = stores.images.manifest(&image).expect("a manifest").expect("it has one");
        assert_eq!(descriptor, Descriptor::of(media::OCI_MANIFEST, &bytes));
        assert_eq!(manifest.config, Descriptor::of(media::OCI_CONFIG, config.as_bytes()));
        assert_eq!(manifest.layers, [Descriptor::of(media::OCI_LAYER, &layer)]);
        assert_eq!((motd(&stores, &image), stores.images.list().expect("a list").len()), ("hello".into(), 1));
    }

    fn what_is_saved_is_loaded_with_all_its_digests(host) {
        let (here, there) = (Stores::open(host), elsewhere(host, "there"));
        let image = here.install(&web(), &["web", "x.y/web:1"]).expect("an image");
        let other = here.install(&made(&[tar("etc/motd", b"hello")]), &["other"]).expect("an image");
        let bytes = save(&here, &["web", "x.y/web:1", "other"]);
        assert_eq!(bytes, save(&here, &["web", "x.y/web:1", "other"]), "the same again");
        assert_eq!(listed(&bytes)[..5], ["oci-layout", "index.json", "manifest.json", "blobs/", "blobs/sha256/"]);
        assert_eq!(listed(&bytes).len(), 5 + 6, "a shared layer is there once");
        let loaded = load(&there, &bytes);
        assert_eq!(loaded[0].references, [reference("web"), reference("x.y/web:1")]);
        assert_eq!((&loaded[0].image, &loaded[1].image), (&image, &other));
        assert_eq!(motd(&there, &image), "hello");
        let digest = |stores: &Stores| stores.images.manifest(&image).expect("a manifest").expect("it has one").0.digest;
        assert_eq!((digest(&there), there.blobs()), (digest(&here), 6));
        assert_eq!(save(&there, &["web", "x.y/web:1", "other"]), bytes);
        // Once more, compressed; and a name that another image had.
        there.images.tag(&other, &reference("web")).expect("a name");
        let again = load(&there, &gzip(&bytes));
        assert_eq!(again[0].replaced, [(reference("web"), other.id.parse().expect("a digest"))]);
        assert_eq!(there.root.rubbish().expect("a look").len(), 0);
    }

    fn names_that_take_too_much_memory_are_refused(host) {
        let stores = Stores::open(host);
        let mut tar = tar::Builder::new(Vec::new());
        for number in 0..20 {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            tar.append_link(&mut header, number.to_string(), "x/".repeat(500_000)).expect("in memory");
        }
        let archive = gzip(&tar.into_inner().expect("in memory"));
        assert!(refused(&stores, &archive).contains("names that take more than 16777216 bytes"));
    }

    fn what_go_writes_for_nothing_is_nothing(host) {
        let stores = Stores::open(host);
        let config: &[u8] = br#"{"architecture": "amd64", "os": "linux", "config": {"User": null}, "rootfs": {"type": "layers"}}"#;
        let list: &[u8] = br#"[{"Config": "c.json", "RepoTags": ["nothing:1"], "Layers": null}]"#;
        let loaded = load(&stores, &archive(&[("c.json", config), ("manifest.json", list)], &[]));
        assert!(loaded[0].image.layers().is_empty());
        for config in [r#"{"config": null, "rootfs": null}"#, r#"{"rootfs": {"diff_ids": null}, "os": null}"#] {
            let config: images::ImageConfig = serde_json::from_str(config).expect(config);
            assert_eq!(config, images::ImageConfig::default());
        }
    }

    fn images_for_another_platform_are_left_out_if_one_is_asked_for(host) {
        let stores = Stores::open(host);
        let config = |architecture: &str| format!(r#"{{"architecture": "{architecture}", "os": "linux"}}"#);
        let list: &[u8] = br#"[{"Config": "1.json", "RepoTags": ["one:1"]}, {"Config": "2.json", "RepoTags": ["two:1"]}]"#;
        let (one, two) = (config("s390x"), config("riscv64"));
        let files = [("1.json", one.as_bytes()), ("2.json", two.as_bytes()), ("manifest.json", list)];
        let load = |platform: &str| {
            let platform: Platform = platform.parse().expect("a platform");
            stores.images.load_archive(&stores.layers, &archive(&files, &[])[..], Some(&platform))
        };
        assert_eq!(load("linux/riscv64").expect("one")[0].references, [reference("two:1")]);
        assert_eq!(stores.images.list().expect("a list").len(), 1);
        let error = load("linux/ppc64le").expect_err("none").to_string();
        assert_eq!(error, "no image for linux/ppc64le in it; there are: linux/riscv64, linux/s390x");
        assert_eq!(stores.images.load_archive(&stores.layers, &archive(&files, &[])[..], None).expect("both").len(), 2);
    }

    fn what_cannot_be_loaded_leaves_nothing(host) {
        let stores = Stores::open(host);
        let (one, two) = (tar("etc/motd", b"hello"), tar("own", b"web"));
        let list: &[u8] = br#"[{"Config": "c.json", "RepoTags": ["web:1"], "Layers": ["1.tar", "2.tar"]}]"#;
        let load = |two: &[u8], says: &[u8]| {
            let diff_ids = [Digest::of(&one), Digest::of(says)].map(|digest| digest.to_string());
            let config = json!({"os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}).to_string();
            let files = [("1.tar", &one[..]), ("2.tar", two), ("c.json", config.as_bytes()), ("manifest.json", list)];
            stores.images.load_archive(&stores.layers, &archive(&files, &[])[..], None)
        };
        load(&two, b"something else").expect_err("another layer");
        assert_eq!(stores.blobs(), 0);
        load(&two, &two).expect("an image");
        let before = stores.blobs();
        load(&tar("own", b"other"), b"something else").expect_err("another layer");
        assert_eq!(stores.blobs(), before, "what an image needs stays");
        assert_eq!(stores.root.rubbish().expect("a look").len(), 0);
    }

    fn a_name_without_a_tag_is_all_tags_and_an_id_has_no_name(host) {
        let here = Stores::open(host);
        let image = here.install(&web(), &["web:1", "web:2"]).expect("an image");
        let names = |bytes: &[u8], name: &str| -> Vec<usize> {
            let stores = elsewhere(host, name);
            load(&stores, bytes).iter().map(|loaded| loaded.references.len()).collect()
        };
        assert_eq!(names(&save(&here, &["web"]), "a"), [2]);
        assert_eq!(names(&save(&here, &["web:2"]), "b"), [1]);
        assert_eq!(names(&save(&here, &[image.short_id()]), "c"), [0]);
        let names = vec!["nosuch".to_owned()];
        let error = here.images.save(&here.layers, &names, Vec::new()).expect_err("no image");
        assert_eq!(error.to_string(), "No such image: nosuch:latest");
    }

    fn a_layer_that_was_made_here_is_packed_when_it_is_wanted(host) {
        let here = Stores::open(host);
        let layer = here.layers.import(tar("etc/motd", b"hello").as_slice()).expect("a layer");
        // Packed anew by ourselves: the tar crate's own bytes are others.
        let tree = host.dir().join("tree");
        fs::create_dir_all(tree.join("etc")).expect("a directory");
        fs::write(tree.join("etc/motd"), "hello").expect("a file");
        let own = here.layers.import_directory(&tree).expect("a layer");
        let config = |layer: &layers::Layer| images::ImageConfig::new("2024-01-01T00:00:00Z".into(), vec![layer.diff_id.to_string()], images::ContainerConfig::default());
        let image = here.images.put(Some(&reference("own")), config(&own), None).expect("an image");
        let foreign = here.images.put(Some(&reference("foreign")), config(&layer), None).expect("an image");
        let there = elsewhere(host, "there");
        assert_eq!(load(&there, &save(&here, &["own"]))[0].image, image);
        assert_eq!(motd(&there, &image), "hello");
        // For a registry it is compressed, the same every time, and kept.
        let (descriptor, manifest) = here.images.complete(&image, &here.layers).expect("a manifest");
        assert_eq!(here.images.complete(&image, &here.layers).expect("the same").0, descriptor);
        assert!(here.images.blob_size(&manifest.layers[0].digest).is_some());
        assert_eq!(load(&elsewhere(host, "third"), &save(&here, &["own"]))[0].image, image);
        for error in [
            here.images.complete(&foreign, &here.layers).map(drop).expect_err("it cannot be packed"),
            here.images.save(&here.layers, &["foreign".to_owned()], Vec::new()).expect_err("it cannot be packed"),
        ] {
            assert!(matches!(&error, PackError::Unrepeatable { layer: said, .. } if *said == layer.diff_id), "{error}");
            assert_eq!(Failure::from(error).hint.as_deref(), Some("pull the image, or import it anew"));
        }
        assert_eq!(here.root.rubbish().expect("a look").len(), 0);
    }

    /// Whatever packed it: nobody could pack it again, so it is kept.
    fn what_was_imported_goes_out_as_it_came_in(host) {
        let here = Stores::open(host);
        let plain = tar("etc/motd", b"hello");
        let mut bzip2 = bzip2::read::BzEncoder::new(plain.as_slice(), bzip2::Compression::fast());
        let mut foreign = Vec::new();
        std::io::Read::read_to_end(&mut bzip2, &mut foreign).expect("in memory");
        for (name, bytes, kept) in [("plain", &plain, &plain), ("gzip", &gzip(&plain), &gzip(&plain)), ("bzip2", &foreign, &plain)] {
            let describe = |layer: &layers::DiffId| {
                let config = images::ContainerConfig { cmd: Some(vec![name.into()]), ..images::ContainerConfig::default() };
                images::ImageConfig::new("2024-01-01T00:00:00Z".into(), vec![layer.to_string()], config)
            };
            let image = here.ingest().import(bytes.as_slice(), Some(&reference(name)), describe).expect("an image");
            let (_, manifest) = here.images.complete(&image, &here.layers).expect("a manifest");
            assert_eq!(manifest.layers[0].digest, layers::Digest::of(kept), "{name}");
            assert_eq!(load(&elsewhere(host, name), &save(&here, &[name]))[0].image, image);
        }
        let describe = |_: &layers::DiffId| panic!("no layer");
        assert!(here.ingest().import(&gzip(&plain)[..40], None, describe).is_err());
        assert_eq!(here.root.rubbish().expect("a look").len(), 0);
    }

    fn archives_of_older_dockers_are_read(host) {
        let stores = Stores::open(host);
        let made = web();
        let layers = [tar("etc/motd", b"hello"), tar("own", b"web")];
        let list = json!([{"Config": "config.json", "RepoTags": ["web:1", "not a name"], "Layers": ["a/layer.tar", "b/layer.tar"]}]);
        let with_links = archive(
            &[("config.json", &made.config.1), ("real.tar", &layers[0]), ("b/layer.tar", &layers[1]), ("manifest.json", list.to_string().as_bytes())],
            &[("a/layer.tar", "../real.tar")],
        );
        let loaded = load(&stores, &with_links);
        assert_eq!((loaded[0].image.id.clone(), &loaded[0].references), (made.config.0.digest.to_string(), &vec![reference("web:1")]));
        assert_eq!(motd(&stores, &loaded[0].image), "hello");
        // Older still: no digest anywhere.
        let old = elsewhere(host, "old");
        let low = json!({"id": "low", "created": "2014-01-01T00:00:00Z", "architecture": "amd64", "os": "linux", "container_config": {"Cmd": ["/bin/sh", "-c", "#(nop) ADD"]}});
        let top = json!({"id": "top", "parent": "low", "created": "2014-01-02T00:00:00Z", "architecture": "amd64", "os": "linux", "config": {"Cmd": ["sh"]}, "Size": 3});
        let loaded = load(&old, &archive(
            &[
                ("low/json", low.to_string().as_bytes()), ("low/layer.tar", &layers[0]),
                ("top/json", top.to_string().as_bytes()), ("top/layer.tar", &layers[1]),
                ("repositories", br#"{"web": {"1": "top", "2": "top"}}"#),
            ],
            &[],
        ));
        let image = &loaded[0].image;
        assert_eq!((loaded.len(), loaded[0].references.len(), image.config.config.cmd.clone()), (1, 2, Some(vec!["sh".into()])));
        assert_eq!((image.layers(), image.config.other.contains_key("parent")), (made.diff_ids, false));
        assert_eq!(motd(&old, image), "hello");
    }

    fn what_is_no_archive_of_images_is_told(host) {
        let stores = Stores::open(host);
        let made = web();
        let whole = {
            stores.install(&made, &["web"]).expect("an image");
            save(&stores, &["web"])
        };
        let empty = elsewhere(host, "empty");
        let list = |value: Value| value.to_string().into_bytes();
        let one = |config: &str, layers: &[&str]| list(json!([{"Config": config, "RepoTags": null, "Layers": layers}]));
        let layer = tar("etc/motd", b"hello");
        let mut root = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_size(0);
        root.append_data(&mut header, "etc", std::io::empty()).expect("in memory");
        let cases: [(&str, Vec<u8>); 9] = [
            ("nothing", Vec::new()),
            ("no tar", b"#!/bin/sh".repeat(100)),
            ("a file system", root.into_inner().expect("in memory")),
            ("cut off", whole[..whole.len() / 2].to_vec()),
            ("cut off, compressed", gzip(&whole)[..200].to_vec()),
            ("a layer that is not there", archive(&[("c", &made.config.1), ("manifest.json", &one("c", &["a", "b"])), ("a", &layer)], &[])),
            ("a ring of links", archive(&[("manifest.json", &one("c", &["a"]))], &[("c", "d"), ("d", "c")])),
            ("a way out", archive(&[("manifest.json", &one("../../../../etc/passwd", &[]))], &[])),
            ("broken JSON", archive(&[("manifest.json", b"[{")], &[])),
        ];
        let said: Vec<String> = cases.iter().map(|(what, bytes)| format!("{what}: {}", refused(&empty, bytes))).collect();
        insta::assert_snapshot!(said.join("\n\n"));
        assert_eq!((empty.images.list().expect("a list").len(), empty.layers.list().expect("a list").len()), (0, 0));
        assert_eq!(empty.root.rubbish().expect("a look").len(), 0);
    }
}

native_test! {
    /// The others read what we write, and we read what they make of it: with the same ids.
    fn skopeo_and_podman_read_ours_and_we_read_theirs(host) {
        require(Need::Program("skopeo", "skopeo"));
        require(Need::Program("podman", "podman"));
        let here = Stores::open(host);
        let image = here.install(&web(), &["localhost/web:1"]).expect("an image");
        let path = |name: &str| host.dir().join(name);
        fs::write(path("ours.tar"), save(&here, &["localhost/web:1"])).expect("a file");
        run(Command::new("skopeo").args(["copy", "--insecure-policy", "oci-archive:ours.tar", "dir:raw"]), host);
        let digest = here.images.manifest(&image).expect("a manifest").expect("it has one").0.digest;
        assert_eq!(layers::Digest::of(&fs::read(path("raw/manifest.json")).expect("a manifest")), digest, "the digest that was pulled");
        run(Command::new("skopeo").args(["copy", "--insecure-policy", "docker-archive:ours.tar", "docker-archive:theirs.tar:localhost/web:1"]), host);
        run(Command::new("skopeo").args(["copy", "--insecure-policy", "oci-archive:ours.tar", "oci-archive:theirs-oci.tar:localhost/web:1"]), host);
        let storage = ["--root", "storage", "--runroot", "run-storage", "--storage-driver", "vfs"];
        let podman = |arguments: &[&str]| run(Command::new("podman").args(storage).args(arguments), host);
        let said = podman(&["load", "-i", "ours.tar"]);
        assert!(said.contains("localhost/web:1"), "{said}");
        assert!(podman(&["images", "--no-trunc", "-q"]).contains(&image.id), "the same id");
        podman(&["save", "-o", "podman.tar", "localhost/web:1"]);
        podman(&["save", "--format", "oci-archive", "-o", "podman-oci.tar", "localhost/web:1"]);
        for theirs in ["theirs.tar", "theirs-oci.tar", "podman.tar", "podman-oci.tar"] {
            let there = elsewhere(host, &format!("root-of-{theirs}"));
            let file = File::open(path(theirs)).expect(theirs);
            let loaded = there.images.load_archive(&there.layers, file, None).expect(theirs);
            assert_eq!((loaded.len(), &loaded[0].image, &loaded[0].references), (1, &image, &vec![reference("localhost/web:1")]), "{theirs}");
            assert_eq!(motd(&there, &image), "hello", "{theirs}");
        }
    }
}

fn run(command: &mut Command, host: &Host) -> String {
    let home: PathBuf = host.dir().to_path_buf();
    let out = command.current_dir(&home).env("HOME", &home).env("TMPDIR", &home).output().expect("it starts");
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}
