//! `commit`: an image of what a container has become.

mod common;

use std::fs;

use common::{alone, another, command, data, named, status, traces};
use engine::{CommitWish, Engine, Status};
use images::Image;
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
        let names: Vec<_> = engine.images().expect("images").into_iter().map(|(name, image)| (name, image.id)).collect();
        assert!(names.contains(&(Some("mine:latest".into()), second.id)) && names.contains(&(None, first.id)), "{names:?}");
        let nameless = commit(&engine, None, &CommitWish::default());
        assert!(engine.images().expect("images").iter().any(|(name, image)| name.is_none() && image.id == nameless.id));
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
}
