//! Images on disk: named, found by name and by id, kept when a name moves on, and damage that is named.

use std::fs;
use std::path::Path;
use std::thread;

use images::{ContainerConfig, Image, ImageConfig, ImageStore, ImageStoreError, Reference};
use layers::DataRoot;
use process::Failure;

fn reference(text: &str) -> Reference {
    text.parse().expect("an image name")
}

/// A configuration that differs by its command, and so has another id.
fn config(command: &str) -> ImageConfig {
    let config = ContainerConfig { cmd: Some(vec![command.into()]), ..ContainerConfig::default() };
    ImageConfig::new("2024-01-01T00:00:00Z".into(), vec![format!("sha256:{}", "1".repeat(64))], config)
}

fn put(store: &ImageStore, name: &str, command: &str) -> Image {
    store.put(Some(&reference(name)), config(command), None).expect("an image")
}

/// The image's names, as people see them.
fn names(store: &ImageStore, image: &Image) -> Vec<String> {
    store.look(&image.id).expect("the image").tags.iter().map(Reference::familiar).collect()
}

/// A store in a directory that lives as long as the test.
fn with_store(test: impl FnOnce(&ImageStore, &Path)) {
    let scratch = tempfile::tempdir().expect("a directory");
    let root = DataRoot::open(scratch.path()).expect("a data root");
    test(&ImageStore::open(&root).expect("a store"), scratch.path());
}

fn complaint(error: ImageStoreError, root: &Path) -> String {
    let failure = Failure::from(error);
    let text = format!("Error: {}\nhint: {}", failure.message, failure.hint.unwrap_or_default());
    text.replace(&root.display().to_string(), "ROOT")
}

#[test]
fn an_image_is_found_by_every_form_of_its_name_and_id() {
    with_store(|store, _| {
        let image = put(store, "busybox", "sh");
        let digits = image.id.strip_prefix("sha256:").expect("a digest");
        for text in [
            "busybox",
            "busybox:latest",
            "docker.io/library/busybox",
            &image.id,
            digits,
            image.short_id(),
            &digits[..3],
        ] {
            assert_eq!(store.find(text).expect(text), image, "{text}");
        }
        assert_eq!(image.short_id().len(), 12);
    });
}

#[test]
fn the_id_is_the_digest_of_what_is_on_disk() {
    use sha2::{Digest, Sha256};
    with_store(|store, root| {
        let image = put(store, "busybox", "sh");
        let digits = image.id.trim_start_matches("sha256:");
        let bytes = fs::read(root.join("images/blobs/sha256").join(digits)).expect("the configuration");
        let digest = Sha256::digest(&bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        assert_eq!(digest, digits);
    });
}

#[test]
fn a_configuration_reads_as_the_specification_writes_it() {
    with_store(|store, _| {
        let mut image = put(store, "busybox", "sh").config;
        image.architecture = "amd64".into();
        insta::assert_snapshot!(serde_json::to_string_pretty(&image).expect("JSON"), @r#"
        {
          "created": "2024-01-01T00:00:00Z",
          "architecture": "amd64",
          "os": "linux",
          "config": {
            "Cmd": [
              "sh"
            ]
          },
          "rootfs": {
            "type": "layers",
            "diff_ids": [
              "sha256:1111111111111111111111111111111111111111111111111111111111111111"
            ]
          }
        }
        "#);
    });
}

#[test]
fn fields_that_we_do_not_know_are_kept() {
    let text = concat!(
        r#"{"architecture":"amd64","os":"linux","config":{"Labels":{"a":"b"}},"#,
        r#""rootfs":{"type":"layers","diff_ids":[]},"history":[{"comment":"x"}]}"#
    );
    let config: ImageConfig = serde_json::from_str(text).expect("a configuration");
    assert_eq!(serde_json::to_string(&config).expect("JSON"), text);
}

#[test]
fn a_name_moves_and_the_old_image_stays_without_one() {
    with_store(|store, _| {
        let (old, other) = (put(store, "web", "old"), put(store, "a", "other"));
        let new = put(store, "web", "new");
        assert_eq!(store.find("web").expect("the new one").id, new.id);
        assert_eq!(store.find(&old.id).expect("the old one").id, old.id);
        assert_eq!(names(store, &other), ["a:latest"]);
        assert_eq!(names(store, &new), ["web:latest"]);
        assert_eq!(names(store, &old), [] as [&str; 0]);
        assert!(store.look(&old.id).expect("the old one").is_dangling());
        assert_eq!(store.list().expect("a list").len(), 3);
    });
}

#[test]
fn one_image_may_have_several_names() {
    with_store(|store, _| {
        let image = put(store, "one", "sh");
        assert_eq!(image.id, put(store, "two:2", "sh").id);
        assert_eq!(store.tag(&image, &reference("x.y/three")).expect("a name"), None);
        assert_eq!(names(store, &image), ["one:latest", "two:2", "x.y/three:latest"]);
        let other = put(store, "other", "other");
        let moved = store.tag(&other, &reference("one")).expect("a name").expect("another had it");
        assert_eq!(
            (moved.to_string(), names(store, &other)),
            (image.id, vec!["one:latest".into(), "other:latest".into()])
        );
    });
}

#[test]
fn a_name_counts_before_an_id() {
    with_store(|store, _| {
        let image = put(store, "busybox", "sh");
        let digits = image.id.trim_start_matches("sha256:")[..4].to_owned();
        let named = put(store, &digits, "other");
        assert_eq!(store.find(&digits).expect("the image of that name").id, named.id);
    });
}

#[test]
fn what_is_not_there_is_named() {
    with_store(|store, root| {
        // Enough of them for two to begin with the same digit.
        for number in 0..17 {
            put(store, &format!("image{number}"), &number.to_string());
        }
        let ids: Vec<String> = store.list().expect("a list").into_iter().map(|known| known.image.id).collect();
        let first = |id: &String| id["sha256:".len()..][..1].to_owned();
        let digit = ids.iter().map(first).find(|digit| ids.iter().filter(|id| first(id) == *digit).count() > 1);
        let error = store.find(&digit.expect("two alike")).expect_err("an ambiguous id");
        assert!(matches!(error, ImageStoreError::Ambiguous(..)), "{error}");
        let complaints = ["nosuch", "busybox:1", "Busybox", "sha256:zz", "0000000000000000"]
            .map(|text| complaint(store.find(text).expect_err(text), root));
        insta::assert_snapshot!(complaints.join("\n\n"));
    });
}

#[test]
fn damage_is_named_with_its_file() {
    with_store(|store, root| {
        put(store, "busybox", "sh");
        fs::write(root.join("images/images.json"), "{\"references\": 1}").expect("a file");
        let error = store.find("busybox").expect_err("a damaged table");
        insta::assert_snapshot!(complaint(error, root));
    });
}

#[test]
fn names_given_at_the_same_time_are_all_kept() {
    with_store(|store, _| {
        thread::scope(|scope| {
            for number in 0..16 {
                scope.spawn(move || put(store, &format!("image{number}"), "sh"));
            }
        });
        let list = store.list().expect("a list");
        assert_eq!((list.len(), list[0].tags.len()), (1, 16));
    });
}
