//! Images of earlier versions: taken over whole, whenever the command that does it is killed.

mod common;

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use common::{Stores, data};
use images::{ContainerConfig, Digest, ImageConfig};
use testkit::kernel_test;

/// What version 3 left: two images, one of them with a name. Their ids.
fn earlier(data: &Path) -> [String; 2] {
    let images = data.join("images");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&images).expect("a directory");
    fs::write(data.join("mini-docker.json"), r#"{"version": 3}"#).expect("a record");
    let ids = ["named", "nameless"].map(|command| {
        let config = ContainerConfig { cmd: Some(vec![command.into()]), ..ContainerConfig::default() };
        let config = ImageConfig::new("2024-01-01T00:00:00Z".into(), Vec::new(), config);
        let bytes = serde_json::to_vec(&config).expect("JSON");
        let id = Digest::of(&bytes);
        fs::write(images.join(format!("{}.json", id.hex())), bytes).expect("an image");
        id.to_string()
    });
    let names =
        serde_json::json!({"web:latest": ids[0], "x.y:5000/team/web:1": ids[0], "gone:latest": Digest::of(b"gone")});
    fs::write(images.join("repositories.json"), names.to_string()).expect("the table");
    ids
}

fn assert_is_taken_over(host: &testkit::Host, ids: &[String; 2]) {
    let stores = Stores::open(host);
    for name in ["web", "x.y:5000/team/web:1", ids[0].as_str()] {
        assert_eq!(stores.images.find(name).expect(name).id, ids[0]);
    }
    assert!(stores.images.look(&ids[1]).expect("the nameless one").is_dangling());
    assert_eq!((stores.images.list().expect("a list").len(), stores.blobs()), (2, 2));
    let mut left: Vec<_> =
        fs::read_dir(data(host).join("images")).expect("a directory").flatten().map(|e| e.file_name()).collect();
    left.sort();
    assert_eq!(left, ["blobs", "diffs", "images.json"]);
    assert!(fs::read_to_string(data(host).join("mini-docker.json")).expect("the record").contains("\"version\": 4"));
}

kernel_test! {
    fn images_of_an_earlier_version_are_taken_over(host) {
        let ids = earlier(&data(host));
        assert_is_taken_over(host, &ids);
        assert_is_taken_over(host, &ids);
    }

    fn a_command_that_was_killed_meanwhile_is_followed_by_one_that_does_the_rest(host) {
        let images = data(host).join("images");
        let ids = earlier(&data(host));
        let digits = ids[0].trim_start_matches("sha256:");
        // Killed after the first blob.
        fs::create_dir_all(images.join("blobs/sha256")).expect("a directory");
        fs::copy(images.join(format!("{digits}.json")), images.join("blobs/sha256").join(digits)).expect("a blob");
        assert_is_taken_over(host, &ids);
        // Killed when the table was there, and what it was made of, too.
        fs::write(images.join(format!("{digits}.json")), "left").expect("a file");
        fs::write(images.join("repositories.json"), "{}").expect("a file");
        assert_is_taken_over(host, &ids);
    }

    fn images_without_any_name_are_taken_over(host) {
        let ids = earlier(&data(host));
        fs::remove_file(data(host).join("images/repositories.json")).expect("a removal");
        let stores = Stores::open(host);
        assert!(ids.iter().all(|id| stores.images.find(id).is_ok()));
        assert!(!data(host).join("images/repositories.json").exists());
    }
}
