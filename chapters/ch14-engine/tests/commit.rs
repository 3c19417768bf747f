//! `commit`: an image of what a container has become.

mod common;

use std::fs;

use common::{alone, another, command, data, named, status, traces};
use engine::{CommitWish, Engine, ImageListing, ImportWish, Status};
use images::{Image, Known};
use testkit::{Host, kernel_test, native_test};

fn commit(engine: &Engine, name: Option<&str>, wish: &CommitWish) -> Image {
    let reference = name.map(|name| name.parse().expect("a name"));
    engine.commit("web", reference.as_ref(), wish).expect("an image")
}

/// A container of that image, whose program judges what it sees.
fn judged(host: &Host, image: &str, script: &str) -> u8 {
    let code = host.dir().join("code");
    command(host, |engine| {
        let mut create = named("judge", script);
        create.config.image = image.into();
        engine.create(&create).expect("a container");
        let status = engine.start_attached("judge", &alone()).expect("an end");
        engine.remove("judge", false).expect("a removal");
        fs::write(&code, [status.code()]).expect("a file");
    });
    fs::read(code).expect("a file")[0]
}

fn all(engine: &Engine) -> Vec<Known> {
    let listing = ImageListing { all: true, ..ImageListing::default() };
    engine.list_images(&listing).expect("images").into_iter().map(|listed| listed.known).collect()
}

/// Ids.
fn nameless(engine: &Engine) -> Vec<String> {
    all(engine).into_iter().filter(|known| known.tags.is_empty()).map(|known| known.image.id).collect()
}

kernel_test! {
    fn what_was_written_is_in_the_image_and_what_was_deleted_is_not(host) {
        let mut create = named("web", "echo x >/f; chown 5:6 /f; rm -r /home; rm -r /tmp; mkdir /tmp");
        create.config.labels.insert("a".into(), "b".into());
        create.config.env = vec!["A=1".into()];
        command(host, |engine| {
            engine.create(&create).expect("a container");
            engine.start_attached("web", &alone()).expect("an end");
        });
        let engine = another(host);
        let wish = CommitWish {
            author: "me".into(),
            message: "words".into(),
            changes: vec!["ENV B=$A".into(), "CMD [\"b\"]".into(), "LABEL c=d".into()],
            pause: true,
        };
        let image = commit(&engine, Some("mine:1"), &wish);
        let config = &image.config.config;
        assert!(config.env.as_ref().expect("variables").ends_with(&["B=1".into()]), "{:?}", config.env);
        assert_eq!(config.cmd, Some(vec!["b".into()]));
        assert_eq!(config.other["Labels"], serde_json::json!({"a": "b", "c": "d"}));
        assert_eq!(image.config.rootfs.diff_ids.len(), 2);
        let history = image.config.other["history"].as_array().expect("a history");
        let last = history.last().expect("an entry");
        assert_eq!((last["author"].as_str(), last["comment"].as_str()), (Some("me"), Some("words")));
        assert!(last["created_by"].as_str().expect("a command").starts_with("sh -c echo x"), "{last}");
        assert_eq!(judged(host, "mine:1", "test $(cat /f) = x && test $(stat -c %u:%g /f) = 5:6 && ! test -e /home && test -z \"$(ls /tmp)\""), 0);
        engine.remove("web", false).expect("a removal");
        assert_eq!(traces(&data(host)), Vec::<String>::new());
    }
}

native_test! {
    fn the_image_that_had_the_name_is_nameless_then_and_without_a_change_there_is_no_layer(host) {
        command(host, |engine| {
            engine.create(&named("web", "true")).expect("a container");
        });
        let engine = another(host);
        let first = commit(&engine, Some("mine"), &CommitWish::default());
        assert_eq!(first.config.rootfs.diff_ids.len(), 1);
        let second = commit(&engine, Some("mine"), &CommitWish { message: "another".into(), ..CommitWish::default() });
        assert_eq!(engine.image("mine").expect("an image").image.id, second.id);
        assert!(nameless(&engine).contains(&first.id));
        let third = commit(&engine, None, &CommitWish::default());
        assert!(nameless(&engine).contains(&third.id));
    }

    fn what_runs_goes_on_also_after_a_change_that_is_refused(host) {
        command(host, |engine| {
            engine.run_detached(&named("web", "touch /f; while :; do sleep 1000; done")).expect("a container").1.expect("a start");
        });
        let engine = another(host);
        let wish = CommitWish { pause: true, ..CommitWish::default() };
        commit(&engine, Some("mine"), &wish);
        assert_eq!(status(&engine, "web"), Status::Running);
        let refused = engine.commit("web", None, &CommitWish { changes: vec!["RUN x".into()], ..wish.clone() }).expect_err("no change");
        assert_eq!(refused.message, "RUN is not a valid change command");
        engine.pause("web").expect("a pause");
        commit(&engine, None, &wish);
        assert_eq!(status(&engine, "web"), Status::Paused, "it was paused before");
        engine.remove("web", true).expect("a removal");
    }

    fn with_users_of_its_own_owners_are_those_that_the_container_sees(host) {
        let mut create = named("web", "echo x >/f; chown 5:6 /f; touch /g");
        create.host.userns_mode = "private".into();
        command(host, |engine| {
            engine.create(&create).expect("a container");
            engine.start_attached("web", &alone()).expect("an end");
        });
        commit(&another(host), Some("mine"), &CommitWish::default());
        assert_eq!(judged(host, "mine", "test $(stat -c %u:%g /f /g / | tr '\\n' ,) = 5:6,0:0,0:0,"), 0);
    }

    /// One removes the image, the other makes a container of it: a whole container, or none.
    fn an_image_that_is_removed_meanwhile_has_a_whole_container_or_none(host) {
        let engine = another(host);
        let (mut made, mut refused) = (0, 0);
        for number in 0..40_u8 {
            let mut tar = tar::Builder::new(Vec::new());
            let mut header = tar::Header::new_ustar();
            header.set_size(1);
            tar.append_data(&mut header, "file", [number].as_slice()).expect("in memory");
            let archive = tar.into_inner().expect("in memory");
            let wish = ImportWish { changes: vec!["CMD [\"sh\"]".into()], ..ImportWish::default() };
            engine.import(archive.as_slice(), "victim".parse().ok().as_ref(), &wish).expect("an image");
            let mut create = named(&format!("c{number}"), "true");
            create.config.image = "victim".into();
            let start = std::sync::Barrier::new(2);
            let (created, removed) = std::thread::scope(|scope| {
                let removing = scope.spawn(|| {
                    let engine = another(host);
                    start.wait();
                    // Later each time, so that it comes at every point of the other's way.
                    for _ in 0..u32::from(number) * 5 {
                        let _ = engine.image("victim");
                    }
                    engine.remove_image("victim", images::RemoveWish::default())
                });
                start.wait();
                (engine.create(&create), removing.join().expect("a thread"))
            });
            match created {
                Ok(saved) => {
                    assert!(removed.is_err(), "{number}: its image went");
                    made += 1;
                    engine.remove(&saved.id, false).expect("a removal");
                }
                Err(failure) => {
                    removed.expect("then it went");
                    assert!(failure.message.starts_with("No such image"), "{failure:?}");
                    refused += 1;
                }
            }
            let faults = engine.check(false).expect("a check").faults;
            assert!(faults.is_empty(), "{number}: {faults:?}");
            let _ = engine.remove_image("victim", images::RemoveWish::default());
        }
        println!("{made} made, {refused} refused");
        assert_eq!((all(&engine).len(), traces(&data(host))), (0, Vec::<String>::new()));
    }
}
