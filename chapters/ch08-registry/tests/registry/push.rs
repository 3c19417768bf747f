//! What goes is what others find.

use std::sync::Once;

use images::Digest;

use crate::support::faults::{Fault, Proxy};
use crate::support::fixture::{Home, layout, reference, said, skopeo};
use crate::support::server::Server;
use crate::support::tree::describe;

/// A home that has the image, and another name for it.
fn home_with(server: &Server, name: &str) -> Home {
    static SENT: Once = Once::new();
    SENT.call_once(|| layout().send(&server.address, "source:1", &[]));
    let home = Home::new();
    let pulled = home.pull(&format!("{}/source:1", server.address)).expect("a pull");
    home.images.tag(&pulled.image, &reference(name)).expect("a name");
    home
}

#[test]
fn what_goes_is_what_skopeo_and_podman_find() {
    needs_programs!();
    let server = Server::plain();
    let name = format!("{}/pushed/here:2", server.address);
    let home = home_with(server, &name);
    let pushed = home.client().push(home.stores(), &reference(&name)).expect("a push");
    assert_eq!(pushed.digest, layout().manifest);
    let raw = skopeo(&["inspect", "--tls-verify=false", "--raw", &format!("docker://{name}")]);
    assert_eq!(Digest::of(raw.as_bytes()), layout().manifest);
    let copy = home.path().join("copy");
    skopeo(&["copy", "--src-tls-verify=false", &format!("docker://{name}"), &format!("dir:{}", copy.display())]);
    assert!(copy.join(layout().large.hex()).exists());
    // The registry had the layers, and was asked for them by name.
    assert!(home.log.lines().iter().any(|line| line == "Mounted(\"source\")"), "{:?}", home.log.lines());
    let again = home.client().push(home.stores(), &reference(&name)).expect("a push");
    assert_eq!(again, pushed);
    assert!(home.log.lines().iter().any(|line| line == "ExistsThere"));
}

#[test]
fn what_was_made_here_goes_too() {
    needs_programs!();
    let server = Server::plain();
    let home = Home::new();
    let layer = home.layers.import_directory(&layout().tree("one")).expect("a layer");
    let config = images::ImageConfig::new(
        "2020-02-02T02:02:02Z".into(),
        vec![layer.diff_id.to_string()],
        images::ContainerConfig::default(),
    );
    let name = format!("{}/made:here", server.address);
    let image = home.images.put(Some(&reference(&name)), config, None).expect("an image");
    let pushed = home.client().push(home.stores(), &reference(&name)).expect("a push");
    let other = Home::new();
    let pulled = other.pull(&name).expect("a pull");
    assert_eq!((pulled.image.id.as_str(), pulled.digest.clone()), (image.id.as_str(), pushed.digest));
    assert_eq!(describe(&other.trees(&pulled)[0]), describe(&layout().tree("one")));
    // Now it is known under the digest that it has there.
    let known = home.images.look(&name).expect("the image");
    assert_eq!(known.digests, [reference(&name).at(&pulled.digest)]);
}

#[test]
fn a_push_survives_what_networks_do() {
    needs_programs!();
    let cases: [(&str, &str, Fault); 4] = [
        ("mount is not had", "mount=", Fault::Instead("405 Method Not Allowed\n\n".into())),
        ("an upload breaks", "PUT /v2/faulty", Fault::Silence),
        ("a server's moment", "PUT /v2/faulty", Fault::Instead("503 Service Unavailable\n\n".into())),
        ("a start fails", "POST /v2/faulty", Fault::Instead("502 Bad Gateway\n\n".into())),
    ];
    for (number, (what, word, fault)) in cases.into_iter().enumerate() {
        let server = Server::plain();
        let proxy = Proxy::before(&server.address);
        let name = format!("{}/faulty{number}:1", proxy.address);
        let home = home_with(server, &name);
        proxy.spoil(word, 1, fault);
        let pushed = home.client().push(home.stores(), &reference(&name)).expect(what);
        assert_eq!(pushed.digest, layout().manifest, "{what}");
        let direct = format!("docker://{}/faulty{number}:1", server.address);
        assert_eq!(Digest::of(skopeo(&["inspect", "--tls-verify=false", "--raw", &direct]).as_bytes()), pushed.digest);
    }
}

#[test]
fn a_broken_piece_costs_a_piece() {
    needs_programs!();
    let cases: [(&str, Fault); 3] = [
        ("no answer", Fault::Silence),
        ("a server's moment", Fault::Instead("503 Service Unavailable\n\n".into())),
        ("out of order", Fault::Instead("416 Range Not Satisfiable\n\n".into())),
    ];
    for (number, (what, fault)) in cases.into_iter().enumerate() {
        let server = Server::plain();
        let proxy = Proxy::before(&server.address);
        let name = format!("{}/pieces{number}:1", proxy.address);
        let mut home = home_with(server, &name);
        home.surroundings.chunk = 1_000_000;
        proxy.spoil("mount=", 100, Fault::Instead("405 Method Not Allowed\n\n".into()));
        proxy.spoil("PATCH ", 1, fault);
        let pushed = home.client().push(home.stores(), &reference(&name)).expect(what);
        let asked = proxy.asked();
        let pieces = asked.iter().filter(|asked| asked.method == "PATCH").count();
        assert!((6..=12).contains(&pieces), "{what}: {pieces} pieces");
        assert!(asked.iter().any(|asked| asked.method == "GET" && asked.path.contains("/uploads/")), "{what}");
        let direct = format!("docker://{}/pieces{number}:1", server.address);
        assert_eq!(Digest::of(skopeo(&["inspect", "--tls-verify=false", "--raw", &direct]).as_bytes()), pushed.digest);
    }
}

#[test]
fn a_registry_that_wants_it_otherwise_is_said() {
    needs_programs!();
    let server = Server::plain();
    let proxy = Proxy::before(&server.address);
    let name = format!("{}/refused:1", proxy.address);
    let home = home_with(server, &name);
    let denied = "403 Forbidden\n\n{\"errors\":[{\"code\":\"DENIED\",\"message\":\"requested access to the resource is denied\"}]}";
    proxy.spoil("POST /v2/refused", 100, Fault::Instead(denied.into()));
    let error = said(home.client().push(home.stores(), &reference(&name)).expect_err("denied"));
    assert!(error.contains("denied: requested access to the resource is denied"), "{error}");
    let error = said(home.client().push(home.stores(), &reference("127.0.0.1:1/nothing")).expect_err("nothing"));
    assert!(error.starts_with("An image does not exist locally with the tag: 127.0.0.1:1/nothing"), "{error}");
}

#[test]
fn who_takes_nothing_or_hardly_anything_is_given_up() {
    needs_programs!();
    let server = Server::plain();
    let there = |there: usize| format!("Location: /v2/endless/blobs/uploads/x\nRange: 0-{there}\n\n");
    let taken = |last: usize| format!("202 Accepted\n{}", there(last));
    let forgetful = (0..300).map(|turn| if turn % 2 == 0 { taken(99_999) } else { "416 No\n\n".into() }).collect();
    let slow = (0..300).map(|turn| taken(turn + 1)).collect();
    let cases: [(Vec<String>, &str, usize); 2] = [(forgetful, "416", 20), (slow, "it takes too little at a time", 200)];
    for (answers, expected, most) in cases {
        let proxy = Proxy::before(&server.address);
        let name = format!("{}/endless:1", proxy.address);
        let mut home = home_with(server, &name);
        home.surroundings.chunk = 100_000;
        // One layer only.
        proxy.spoil(&format!("HEAD /v2/endless/blobs/{}", layout().small), 1, Fault::Instead("200 OK\n\n".into()));
        proxy.spoil("mount=", 100, Fault::Instead("405 Method Not Allowed\n\n".into()));
        proxy.spoil("GET /v2/endless/blobs/uploads/", 1000, Fault::Instead(format!("204 No Content\n{}", there(0))));
        for answer in answers {
            proxy.spoil("PATCH ", 1, Fault::Instead(answer));
        }
        let error = said(home.client().push(home.stores(), &reference(&name)).expect_err(expected));
        let pieces = proxy.asked().iter().filter(|asked| asked.method == "PATCH").count();
        assert!(error.contains(expected) && pieces < most, "{pieces} pieces: {error}");
    }
}
