//! Names go, images go, and what somebody still needs stays. The words and the order are docker's.

mod common;

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use common::{Made, Stores, made, reference, tar};
use images::{Fetched, Image, Known, RemoveError, RemoveWish, Removed, Use};
use testkit::{judge, kernel_test};

const READ_MARK: &str = "ch07-images, \"What nobody needs\"";
const READ_UNTAG: &str = "ch07-images, \"The last name\"";

const FORCE: RemoveWish = RemoveWish { force: true, keep_parents: false };

/// An image with a layer that all have, and one of its own.
fn image(content: &str) -> Made {
    made(&[tar("common", b"common"), tar("own", content.as_bytes())])
}

fn pulled(stores: &Stores, content: &str, name: &str) -> Image {
    let made = image(content);
    let digest = reference(name).at(&made.manifest.0.digest).to_string();
    stores.install(&made, &[name, &digest]).expect("an image")
}

fn used(image: &Image, running: bool) -> Vec<Use> {
    vec![Use { container: "c".repeat(64), image: image.id.clone(), layers: image.layers(), running }]
}

fn remove(stores: &Stores, text: &str, wish: RemoveWish, uses: &[Use]) -> Result<Vec<String>, String> {
    let removed = stores.images.remove(&stores.layers, text, wish, || Ok::<_, RemoveError>(uses.to_vec()));
    removed.map(|list| list.iter().map(said).collect()).map_err(|error| error.to_string())
}

fn prune(stores: &Stores, all: bool, uses: &[Use]) -> (Vec<String>, u64) {
    let pruned = stores.images.prune(&stores.layers, all, |_| true, || Ok::<_, RemoveError>(uses.to_vec()));
    let (removed, bytes) = pruned.expect("a pruning");
    (removed.iter().map(said).collect(), bytes)
}

fn said(removed: &Removed) -> String {
    match removed {
        Removed::Untagged(name) => format!("Untagged: {name}"),
        Removed::Deleted(digest) => format!("Deleted: {digest}"),
    }
}

fn names(stores: &Stores) -> Vec<String> {
    let all = stores.images.list().expect("a list");
    let mut names: Vec<String> = all.iter().flat_map(|known| &known.tags).map(ToString::to_string).collect();
    names.sort();
    names
}

/// Layers and blobs that are there.
fn there(stores: &Stores) -> (usize, usize) {
    (stores.layers.list().expect("a list").len(), stores.blobs())
}

/// What is wrong with a removal.
fn why_not(expected: &[String], seen: &[String]) -> &'static str {
    let deleted = |list: &[String]| list.iter().any(|line| line == "Deleted");
    let digests = |list: &[String]| list.iter().filter(|line| line.contains('@')).count();
    match (deleted(expected), deleted(seen)) {
        (false, true) => {
            "the image was deleted, with a name that nobody asked to take: it goes with its last name, forced or not"
        }
        (true, false) => "its last name is gone, and the image is still there: nobody can call it, so delete it",
        _ if digests(seen) < digests(expected) => {
            "a name with a digest stays, though the last tag of its repository is gone: it came with the tag, and goes with it"
        }
        _ if seen.len() > expected.len() => {
            "a name was taken that nobody asked to take: of another repository, or of one that still has a tag"
        }
        _ => "unknown",
    }
}

kernel_test! {
    /// A judge of the exercise `mark`.
    fn what_a_container_is_made_of_stays_though_its_image_is_gone(host) {
        let stores = Stores::open(host);
        let images = ["one", "two"].map(|name| pulled(&stores, name, name));
        let uses: Vec<Use> = images.iter().flat_map(|image| used(image, false)).collect();
        for image in &images {
            remove(&stores, &image.id, FORCE, &uses).expect("a removal");
        }
        judge("layers and blobs that two stopped containers have after `rmi -f` of their images")
            .expected((3, 2))
            .seen(there(&stores))
            .cause(|seen| match seen {
                (0..=2, _) => "a container needs its layers, stopped or not, whatever becomes of its image, and they are gone: mark what its entry names",
                (3, 0 | 1) => "the layers of a container are there, and the configuration of its image is gone: that is a blob, and inspect reads it",
                _ => "unknown",
            }.into())
            .read(READ_MARK);
        for image in &images {
            assert!(stores.layers.get(&image.layers()[1]).is_ok() && stores.images.of_container(&image.id).is_ok());
        }
        prune(&stores, true, &[]);
        judge("layers and blobs when the containers are gone, too")
            .expected((0, 0))
            .seen(there(&stores))
            .cause(|_| "something counts as needed that nobody needs".into())
            .read(READ_MARK);
    }

    /// A judge of the exercise `mark`.
    fn an_image_without_a_name_keeps_its_layers(host) {
        let stores = Stores::open(host);
        let (old, new) = (stores.install(&image("old"), &["web"]).expect("an image"), pulled(&stores, "new", "web"));
        assert!(stores.images.look(&old.id).expect("the image").is_dangling());
        remove(&stores, &new.id, FORCE, &[]).expect("a removal");
        judge("layers and blobs of an image that has no name, when another one is removed")
            .expected((2, 4))
            .seen(there(&stores))
            .cause(|seen| if *seen == (0, 0) || seen.0 == 1 {
                "images without a name are no roots, and they are still listed and run by their ids: mark every image of the table".into()
            } else {
                "unknown".into()
            })
            .read(READ_MARK);
        pulled(&stores, "other", "other");
        stores.images.prune(&stores.layers, false, |_| false, || Ok::<_, RemoveError>(Vec::new())).expect("a pruning");
        judge("layers and blobs of two images, one without a name, after a prune that removes no image")
            .expected((3, 7))
            .seen(there(&stores))
            .cause(|_| "not every image of the table is a root".into())
            .read(READ_MARK);
    }

    /// A judge of the exercise `mark`.
    fn what_a_pull_has_found_here_is_here_when_it_ends(host) {
        let stores = Stores::open(host);
        let made = image("one");
        let before = stores.install(&made, &["one"]).expect("an image");
        let ingest = stores.ingest();
        made.put(&ingest).expect("documents");
        for index in 0..2 {
            assert_eq!(made.fetch(&ingest, index).expect("a layer"), Fetched::Here);
        }
        remove(&stores, &before.id, FORCE, &[]).expect("a removal");
        let installed = ingest.install(&[made.install(&["two"])]).map(|_| ()).map_err(|error| error.to_string());
        judge("the end of a pull that found layers here, of an image that was removed meanwhile")
            .expected(Ok(()))
            .seen(installed)
            .cause(|_| "whoever takes an image in is no root, and what it had found here is gone: mark what it has claimed, blobs and layers".into())
            .read(READ_MARK);
        assert_eq!(there(&stores), (2, 4));
    }

    /// A judge of the exercise `untag`.
    fn only_the_last_name_takes_the_image_along(host) {
        let stores = Stores::open(host);
        let made = image("one");
        let at = |name: &str| reference(name).at(&made.manifest.0.digest).familiar();
        let (web, other) = (at("web"), at("x.y/web"));
        let untagged = |names: &[&str]| -> Vec<String> { names.iter().map(|name| format!("Untagged: {name}")).collect() };
        // A registry has the index and the manifest of an image, and both can be asked for.
        let index = reference("web").at(&made.config.0.digest).familiar();
        let mut both = untagged(&[&web, &index]);
        both.sort();
        let cases: [(&[&str], &str, Vec<String>); 8] = [
            (&["web", "other"], "web", untagged(&["web:latest"])),
            (&["web:1", "web:2", &web], "web:1", untagged(&["web:1"])),
            (&["web", &web, "x.y/web", &other], "web", untagged(&["web:latest", &web])),
            (&["web", &web, &other], "web", untagged(&["web:latest", &web])),
            (&["web", &web], &web, untagged(&[&web])),
            (&[&web, &index], &web, untagged(&[&web])),
            (&["web", &web, &index], "web", [untagged(&["web:latest"]), both, vec!["Deleted".into()]].concat()),
            (&["web", &web], "web", [untagged(&["web:latest", &web]), vec!["Deleted".into()]].concat()),
        ];
        for (names, removed, expected) in cases {
            for wish in [RemoveWish::default(), FORCE] {
                let image = stores.install(&made, names).expect("an image");
                let said = remove(&stores, removed, wish, &[]);
                let mut seen: Vec<String> = said.expect("a removal").into_iter()
                    .map(|line| if line.starts_with("Deleted") { "Deleted".into() } else { line }).collect();
                seen.dedup();
                judge(&format!("what `rmi{} {removed}` takes from an image called {}", if wish.force { " -f" } else { "" }, names.join(" and ")))
                    .expected(expected.clone())
                    .seen(seen)
                    .cause(|seen| why_not(&expected, seen).into())
                    .read(READ_UNTAG);
                let gone = expected.iter().any(|line| line == "Deleted");
                assert_eq!(stores.images.find(&image.id).is_err(), gone);
                let _ = remove(&stores, &image.id, FORCE, &[]);
                assert_eq!(there(&stores), (0, 0));
            }
        }
    }

    /// A judge of the exercise `untag`.
    fn with_its_last_name_an_image_goes_as_it_would_by_its_id(host) {
        let stores = Stores::open(host);
        let left = |what: &str, cause: &str| judge(&format!("images that are left after {what}"))
            .expected(0)
            .seen(stores.images.list().expect("a list").len())
            .cause(|_| cause.into())
            .read(READ_UNTAG);
        let image = pulled(&stores, "one", "one");
        remove(&stores, "one", FORCE, &used(&image, false)).expect("a removal");
        left("`rmi -f one`, of which there is a stopped container", "force overcomes a stopped container: `delete` has to know of it");
        let parent = stores.install(&self::image("parent"), &["web"]).expect("an image");
        let mut config = parent.config.clone();
        config.config.cmd = Some(vec!["other".into()]);
        stores.images.put(Some(&reference("web")), config, Some(&parent)).expect("an image");
        remove(&stores, "web", RemoveWish::default(), &[]).expect("a removal");
        left("`rmi web`, which was made from an image without a name", "what it was made from goes too, unless the wish is to keep it");
    }

    fn the_last_name_takes_the_image_with_it_and_what_others_share_stays(host) {
        let stores = Stores::open(host);
        let (one, two) = (pulled(&stores, "one", "one"), pulled(&stores, "two", "two"));
        stores.images.tag(&one, &reference("another")).expect("a name");
        assert_eq!(there(&stores), (3, 7));
        let digest = image("one").manifest.0.digest;
        assert_eq!(remove(&stores, "one", RemoveWish::default(), &[]).expect("a removal"), ["Untagged: one:latest".to_owned(), format!("Untagged: one@{digest}")]);
        assert_eq!((there(&stores), names(&stores).len()), ((3, 7), 2));
        let said = remove(&stores, "another", RemoveWish::default(), &[]).expect("a removal");
        assert_eq!(said[..2], ["Untagged: another:latest".to_owned(), format!("Deleted: {}", one.id)]);
        assert_eq!((said.len(), there(&stores)), (3, (2, 4)), "{said:?}");
        let said = remove(&stores, &two.short_id()[..6], RemoveWish::default(), &[]).expect("a removal");
        assert_eq!((said.len(), there(&stores)), (5, (0, 0)), "two names, the image, two layers: {said:?}");
        assert_eq!(stores.root.rubbish().expect("a look").len(), 0);
        assert_eq!(remove(&stores, "two", RemoveWish::default(), &[]).expect_err("gone"), "No such image: two:latest");
        // Found by a digest, under which nobody calls it.
        stores.install(&image("three"), &["three"]).expect("an image");
        let name = format!("three@{}", image("three").manifest.0.digest);
        assert!(stores.images.find(&name).is_ok());
        assert_eq!(remove(&stores, &name, RemoveWish::default(), &[]).expect_err("no name"), format!("No such image: {name}"));
    }

    fn conflicts_are_those_of_docker_and_force_overcomes_the_soft_ones(host) {
        let stores = Stores::open(host);
        let image = pulled(&stores, "one", "one");
        let (short, container) = (image.short_id().to_owned(), "c".repeat(12));
        for running in [false, true] {
            let uses = used(&image, running);
            assert_eq!(
                remove(&stores, "one", RemoveWish::default(), &uses).expect_err("in use"),
                format!("conflict: unable to remove repository reference \"one\" (must force) - container {container} is using its referenced image {short}")
            );
            let word = if running { ("cannot", "running") } else { ("must", "stopped") };
            assert_eq!(
                remove(&stores, &image.id, RemoveWish::default(), &uses).expect_err("in use"),
                format!("conflict: unable to delete {short} ({} be forced) - image is being used by {} container {container}", word.0, word.1)
            );
        }
        assert!(remove(&stores, &image.id, FORCE, &used(&image, true)).expect_err("it runs").contains("cannot be forced"));
        stores.images.tag(&image, &reference("two")).expect("a name");
        assert_eq!(
            remove(&stores, &short, RemoveWish::default(), &[]).expect_err("two names"),
            format!("conflict: unable to delete {short} (must be forced) - image is referenced in multiple repositories")
        );
        assert_eq!(names(&stores).len(), 2, "nothing has changed");
        // By name, force takes the name, and what runs keeps the image.
        assert_eq!(remove(&stores, "two", FORCE, &used(&image, true)).expect("a name").len(), 1);
        assert_eq!(remove(&stores, "one", FORCE, &used(&image, true)).expect("a name").len(), 2);
        assert!(stores.images.look(&image.id).expect("the image").is_dangling());
        // What is stopped keeps its layers, and what its image said.
        remove(&stores, &image.id, FORCE, &used(&image, false)).expect("a removal");
        assert!(stores.images.find(&image.id).is_err());
        assert_eq!(stores.images.of_container(&image.id).expect("of the container").config, image.config);
        assert_eq!(there(&stores), (2, 1));
        prune(&stores, true, &[]);
        assert_eq!(there(&stores), (0, 0));
    }

    fn an_image_that_another_was_made_from_is_neither_dangling_nor_pruned(host) {
        let stores = Stores::open(host);
        let parent = stores.install(&image("parent"), &["web"]).expect("an image");
        let mut config = parent.config.clone();
        config.config.cmd = Some(vec!["other".into()]);
        let child = stores.images.put(Some(&reference("web")), config, Some(&parent)).expect("an image");
        let known = |image: &Image| -> Known { stores.images.look(&image.id).expect("the image") };
        assert!(known(&parent).is_intermediate() && !known(&parent).is_dangling());
        assert_eq!(prune(&stores, false, &[]), (Vec::new(), 0));
        let refused = remove(&stores, &parent.id, FORCE, &[]).expect_err("it has a child");
        assert!(refused.ends_with("(cannot be forced) - image has dependent child images"), "{refused}");
        // With the child goes its parent, unless that is to stay.
        let keep = RemoveWish { keep_parents: true, ..RemoveWish::default() };
        let said = remove(&stores, "web", keep, &[]).expect("a removal");
        assert_eq!(said, ["Untagged: web:latest".to_owned(), format!("Deleted: {}", child.id)]);
        assert!(known(&parent).is_dangling());
        let (said, bytes) = prune(&stores, false, &[]);
        assert_eq!((said[0].clone(), there(&stores)), (format!("Deleted: {}", parent.id), (0, 0)));
        assert!(bytes > 0);
    }

    fn what_is_on_its_way_in_is_not_pruned_and_what_was_killed_is(host) {
        let stores = Stores::open(host);
        let made = image("one");
        let ingest = stores.ingest();
        made.put(&ingest).expect("documents");
        made.fetch(&ingest, 0).expect("a layer");
        prune(&stores, true, &[]);
        assert_eq!(stores.blobs(), 3);
        made.fetch(&ingest, 1).expect("a layer");
        drop(ingest);
        // And a file that somebody was writing when he was killed.
        let (left, young) = (stores.root.path().join("images/blobs/sha256/.left"), stores.root.path().join("images/diffs/.young"));
        for path in [&left, &young] {
            fs::write(path, "half").expect("a file");
        }
        let long_ago = SystemTime::now() - Duration::from_hours(2);
        File::options().write(true).open(&left).and_then(|file| file.set_modified(long_ago)).expect("a time");
        assert!(prune(&stores, false, &[]).1 > 0);
        assert_eq!((stores.blobs(), young.exists()), (0, true));
    }

    /// Nobody knows what a damaged manifest needs.
    fn nothing_goes_while_something_cannot_be_read(host) {
        let stores = Stores::open(host);
        let (one, two) = (image("one"), pulled(&stores, "two", "two"));
        stores.install(&one, &["one"]).expect("an image");
        let path = stores.root.path().join("images/blobs/sha256").join(one.manifest.0.digest.hex());
        std::fs::write(path, "{").expect("damage");
        remove(&stores, "two", RemoveWish::default(), &[]).expect("a name");
        assert!(stores.images.find(&two.id).is_err());
        assert_eq!(there(&stores), (3, 7));
        remove(&stores, "one", RemoveWish::default(), &[]).expect("the damaged one");
        prune(&stores, false, &[]);
        assert_eq!(there(&stores), (0, 0));
    }
}
