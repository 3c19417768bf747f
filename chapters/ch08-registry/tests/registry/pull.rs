//! What comes is what was sent.

use std::fs;

use images::Platform;

use crate::support::faults::Proxy;
use crate::support::fixture::{Home, layout, reference, said, skopeo};
use crate::support::server::Server;
use crate::support::tree::describe;

#[test]
fn what_comes_is_what_was_sent() {
    needs_programs!();
    let (layout, server) = (layout(), Server::plain());
    layout.send(&server.address, "same:1", &[]);
    let home = Home::new();
    let name = format!("{}/same:1", server.address);
    let pulled = home.pull(&name).expect("a pull");
    assert!(pulled.new);
    assert_eq!(pulled.digest, layout.manifest);
    let trees = home.trees(&pulled);
    assert_eq!(describe(&trees[0]), describe(&layout.tree("one")));
    let mut second = describe(&layout.tree("two"));
    // What removes something has another form there.
    second.remove("etc/.wh.removed");
    let mut ours = describe(&trees[1]);
    ours.remove("etc/removed").expect("a whiteout");
    assert_eq!(ours, second);
    // The configuration is what it was, to the byte.
    let raw = skopeo(&["inspect", "--tls-verify=false", "--config", "--raw", &format!("docker://{name}")]);
    assert_eq!(images::Digest::of(raw.as_bytes()).to_string(), pulled.image.id);
    assert_eq!(home.images.find(&name).expect("by its name").id, pulled.image.id);
    let by_digest = format!("{}/same@{}", server.address, layout.manifest);
    assert_eq!(home.images.find(&by_digest).expect("by its digest").id, pulled.image.id);
}

#[test]
fn an_unchanged_image_costs_one_request_and_reads_no_layer() {
    needs_programs!();
    let server = Server::plain();
    layout().send(&server.address, "again:1", &[]);
    let (home, proxy) = (Home::new(), Proxy::before(&server.address));
    let name = format!("{}/again:1", proxy.address);
    assert!(home.pull(&name).expect("a pull").new);
    let paths: Vec<String> = proxy.asked().iter().map(|asked| format!("{} {}", asked.method, asked.path)).collect();
    assert_eq!(paths.iter().filter(|path| path.contains("/manifests/")).count(), 2, "{paths:?}");
    assert!(!home.pull(&name).expect("a pull").new);
    let asked = proxy.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0].method, "HEAD");
    let accept = asked[0].header("accept").expect("an Accept");
    assert!(images::media::ACCEPT.iter().all(|kind| accept.contains(kind)), "{accept}");
    assert!(asked[0].header("user-agent").is_some_and(|agent| agent.starts_with("mini-docker/")));
}

#[test]
fn an_image_under_another_name_has_its_layers_here() {
    needs_programs!();
    let server = Server::plain();
    layout().send(&server.address, "first:1", &[]);
    layout().send(&server.address, "second:1", &[]);
    let (home, proxy) = (Home::new(), Proxy::before(&server.address));
    home.pull(&format!("{}/first:1", proxy.address)).expect("a pull");
    proxy.asked();
    home.pull(&format!("{}/second:1", proxy.address)).expect("a pull");
    let blobs = proxy.asked().into_iter().filter(|asked| asked.path.contains("/blobs/")).count();
    assert_eq!(blobs, 1, "only the configuration");
    assert!(home.log.lines().iter().any(|line| line == "Exists"));
}

#[test]
fn the_platform_is_chosen_from_an_index() {
    needs_programs!();
    let server = Server::plain();
    layout().send(&server.address, "many:1", &[]);
    // An index by hand: an attestation first, then another architecture, then this one.
    let manifest = skopeo(&["inspect", "--tls-verify=false", "--raw", &format!("docker://{}/many:1", server.address)]);
    let entry = |os: &str, architecture: &str| {
        serde_json::json!({
            "mediaType": images::media::OCI_MANIFEST, "digest": layout().manifest.to_string(), "size": manifest.len(),
            "platform": { "os": os, "architecture": architecture },
        })
    };
    let index = serde_json::json!({
        "schemaVersion": 2, "mediaType": images::media::OCI_INDEX,
        "manifests": [entry("unknown", "unknown"), entry("linux", "s390x"), entry("linux", images::go_architecture())],
    });
    put(&server.address, "/v2/many/manifests/index", &index.to_string(), images::media::OCI_INDEX);
    let home = Home::new();
    let name = format!("{}/many:index", server.address);
    let pulled = home.pull(&name).expect("a pull");
    assert_eq!(pulled.digest, images::Digest::of(index.to_string().as_bytes()));
    let other: Platform = "linux/riscv64".parse().expect("a platform");
    let error = home.client().pull(home.stores(), &reference(&name), &other).expect_err("not there");
    assert!(said(error).contains("linux/riscv64"));
    assert!(!home.pull(&name).expect("a pull").new, "the index is the same");
}

#[test]
fn what_is_not_there_is_named_in_dockers_words() {
    needs_programs!();
    let server = Server::plain();
    layout().send(&server.address, "there:1", &[]);
    let home = Home::new();
    let complain = |name: &str| said(home.pull(&format!("{}/{name}", server.address)).expect_err(name));
    let all = ["there:2", "nowhere:1"].map(|name| complain(name).replace(&server.address, "REGISTRY")).join("\n");
    insta::assert_snapshot!(all);
    let error = said(home.pull("127.0.0.1:1/x").expect_err("nobody is there"));
    insta::assert_snapshot!(error, @r#"
    Head "http://127.0.0.1:1/v2/x/manifests/latest": Connection refused (os error 111)
    hint: is the server running, and is this its port?
    "#);
}

#[test]
fn a_certificate_has_to_be_one_of_its_authority() {
    needs_programs!();
    let server = Server::with_tls();
    layout().send(&server.address, "tls:1", &[]);
    let home = Home::new();
    let name = format!("{}/tls:1", server.address);
    // On loopback docker takes any certificate, where none was said to be the right one.
    assert!(home.pull(&name).expect("a pull").new);
    let home = Home::new();
    let directory = home.surroundings.certificates.join(&server.address);
    fs::create_dir_all(&directory).expect("a directory");
    fs::copy(server.directory.path().join("ca.crt"), directory.join("ca.crt")).expect("a file");
    assert!(home.pull(&name).expect("the right authority").new);
    let other = rcgen::generate_simple_self_signed(vec!["other".into()]).expect("a certificate");
    fs::write(directory.join("ca.crt"), other.cert.pem()).expect("a file");
    let error = said(home.pull(&name).expect_err("the wrong authority"));
    assert!(error.contains("tls: invalid peer certificate: UnknownIssuer"), "{error}");
    fs::write(directory.join("ca.crt"), "no certificate").expect("a file");
    let error = said(home.pull(&name).expect_err("no authority"));
    assert!(error.contains("ca.crt: no certificate in it"), "{error}");
}

#[test]
fn tags_and_repositories_are_listed_to_the_end() {
    needs_programs!();
    let server = Server::plain();
    for tag in ["a", "b", "c"] {
        layout().send(&server.address, &format!("listed:{tag}"), &[]);
    }
    let home = Home::new();
    let client = home.client();
    let registry = client.registry(&server.address).expect("a registry");
    assert_eq!(registry.tags("listed").expect("tags"), ["a", "b", "c"]);
    assert!(registry.catalog().expect("repositories").contains(&"listed".to_owned()));
    let found = client.search(&server.address, "list", 5).expect("an answer");
    assert_eq!(
        found.iter().map(|found| found.name.clone()).collect::<Vec<_>>(),
        [format!("{}/listed", server.address)]
    );
}

#[test]
fn a_mirror_is_asked_first_and_not_needed() {
    needs_programs!();
    let server = Server::plain();
    layout().send(&server.address, "library/mirrored:1", &[]);
    let mut home = Home::new();
    home.surroundings.settings.registry_mirrors =
        vec!["ftp://x".into(), "http://127.0.0.1:1".into(), format!("http://{}", server.address)];
    let pulled = home.pull("mirrored:1").expect("a pull");
    assert_eq!(home.images.find("mirrored:1").expect("by its name").id, pulled.image.id);
    let lines = home.log.lines();
    assert!(lines.iter().any(|line| line.contains("is no address of a mirror")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("mirror 127.0.0.1:1")), "{lines:?}");
}

/// One request by hand.
fn put(address: &str, path: &str, body: &str, kind: &str) {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).expect("a connection");
    write!(
        stream,
        "PUT {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}
