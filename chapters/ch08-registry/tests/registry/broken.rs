//! Networks and registries as they are: the right image, or an error that says what was wrong, and never anything else.

use std::sync::Once;
use std::time::Duration;

use crate::support::faults::{Asked, Fault, Proxy};
use crate::support::fixture::{BULK, Home, layout, said};
use crate::support::server::Server;
use crate::support::tree::describe;

/// A proxy before the image, whose large layer is at the path that the word is in.
fn proxied() -> (Proxy, String, String) {
    static SENT: Once = Once::new();
    let server = Server::plain();
    SENT.call_once(|| layout().send(&server.address, "broken:1", &[]));
    let proxy = Proxy::before(&server.address);
    let name = format!("{}/broken:1", proxy.address);
    (proxy, name, format!("GET /v2/broken/blobs/{}", layout().large))
}

fn requests(proxy: &Proxy) -> Vec<Asked> {
    let large = layout().large.to_string();
    proxy.asked().into_iter().filter(|asked| asked.method == "GET" && asked.path.contains(&large)).collect()
}

fn assert_right(home: &Home, name: &str) {
    let pulled = home.pull(name).expect("a pull");
    let trees = home.trees(&pulled);
    assert_eq!(describe(&trees[0]), describe(&layout().tree("one")));
}

#[test]
fn what_passes_is_tried_again() {
    needs_programs!();
    let cases: [(&str, Fault, usize); 7] = [
        ("a cut", Fault::Cut(1_000_000), 2),
        ("a cut at the start", Fault::Cut(0), 3),
        ("a server's moment", Fault::Instead("503 Service Unavailable\n\n".into()), 2),
        ("too many", Fault::Instead("429 Too Many Requests\nRetry-After: 0\n\n".into()), 2),
        ("a range ignored", Fault::IgnoreRange, 1),
        ("a range that is another", Fault::WrongRange, 1),
        ("no such range", Fault::Instead("416 Range Not Satisfiable\n\n".into()), 1),
    ];
    for (what, fault, times) in cases {
        let ((proxy, name, word), home) = (proxied(), Home::new());
        if times == 1 {
            // They need a download that is to go on.
            proxy.spoil(&word, 1, Fault::Cut(500_000));
        }
        proxy.spoil(&word, times, fault);
        println!("{what}");
        assert_right(&home, &name);
    }
}

#[test]
fn a_cut_download_goes_on_where_it_was() {
    needs_programs!();
    let ((proxy, name, word), home) = (proxied(), Home::new());
    // Five attempts in vain, then the command is over.
    proxy.spoil(&word, 1, Fault::Cut(BULK * 9 / 10));
    proxy.spoil(&word, 4, Fault::Cut(0));
    said(home.pull(&name).expect_err("a cut"));
    requests(&proxy);
    assert_right(&home, &name);
    let again: usize = requests(&proxy).iter().map(|asked| asked.sent).sum();
    assert!(again > 0 && again * 100 <= BULK * 12, "{again} of {BULK} came again");
}

#[test]
fn what_stays_wrong_is_said() {
    needs_programs!();
    let cases: [(&str, Fault, &str); 10] = [
        ("a byte too many, after the last one", Fault::Longer, "it sends more than"),
        ("a flipped byte", Fault::Flip(2_000_000), "what came has the digest"),
        ("a short body", Fault::Shorten(1000), "are missing"),
        ("a length too small", Fault::ClaimLength(17), "it sends 17 bytes"),
        ("a length too large", Fault::ClaimLength(u64::MAX), "it sends"),
        ("cut for ever", Fault::Cut(0), "Peer disconnected"),
        (
            "gone",
            Fault::Instead(
                "404 Not Found\n\n{\"errors\":[{\"code\":\"BLOB_UNKNOWN\",\"message\":\"blob unknown\"}]}".into(),
            ),
            "blob unknown",
        ),
        ("a teapot", Fault::Instead("418 I'm a teapot\n\n<html>".into()), "unexpected HTTP status: 418"),
        ("rubbish", Fault::Instead("banana\n\n".into()), "Get \"http://"),
        (
            "a redirect to a file",
            Fault::Instead("302 Found\nLocation: file:///etc/passwd\n\n".into()),
            "no address on the web",
        ),
    ];
    for (what, fault, expected) in cases {
        let ((proxy, name, word), home) = (proxied(), Home::new());
        proxy.spoil(&word, 100, fault);
        let error = said(home.pull(&name).expect_err(what));
        assert!(error.contains(expected), "{what}: {error}");
        assert!(home.images.find(&name).is_err(), "{what}: there is half an image");
    }
}

#[test]
fn after_one_layer_has_failed_no_other_is_asked_for_again() {
    needs_programs!();
    let ((proxy, name, word), mut home) = (proxied(), Home::new());
    home.surroundings.idle = Duration::from_millis(500);
    proxy.spoil(&word, 1, Fault::Stall(1_000_000));
    let small = format!("GET /v2/broken/blobs/{}", layout().small);
    proxy.spoil(&small, 1, Fault::Instead("418 I'm a teapot\n\n".into()));
    let error = said(home.pull(&name).expect_err("a teapot"));
    assert!(error.contains("unexpected HTTP status: 418"), "{error}");
    assert_eq!(requests(&proxy).len(), 1);
}

#[test]
fn nobody_is_waited_for_for_ever() {
    needs_programs!();
    let ((proxy, name, word), mut home) = (proxied(), Home::new());
    home.surroundings.idle = Duration::from_millis(200);
    proxy.spoil(&word, 1, Fault::Stall(1_000_000));
    assert_right(&home, &name);
    // And not at all for as long as somebody likes.
    let home = Home::new();
    proxy.spoil("/manifests/", 100, Fault::Instead("429 Too Many Requests\nRetry-After: 86400\n\n".into()));
    let error = said(home.pull(&name).expect_err("too many"));
    assert!(error.contains("in 86400 s") && error.contains("registry-mirrors"), "{error}");
}

#[test]
fn manifests_are_bounded_and_compared() {
    needs_programs!();
    let other = "200 OK\nContent-Type: application/vnd.oci.image.manifest.v1+json\n\n{\"schemaVersion\":2}";
    let long = format!("200 OK\n\n{}", " ".repeat(5 * 1024 * 1024));
    for (fault, expected) in [(other.to_owned(), "its digest is"), (long, "longer than 4194304 bytes")] {
        let ((proxy, name, _), home) = (proxied(), Home::new());
        proxy.spoil("GET /v2/broken/manifests/", 100, Fault::Instead(fault));
        let error = said(home.pull(&name).expect_err(expected));
        assert!(error.contains(expected), "{error}");
    }
    // A registry without a digest in its answers, and without answers to HEAD.
    let ((proxy, name, _), home) = (proxied(), Home::new());
    proxy.spoil("HEAD ", 100, Fault::Instead("405 Method Not Allowed\n\n".into()));
    assert_right(&home, &name);
}

#[test]
fn a_warning_is_passed_on() {
    needs_programs!();
    let ((proxy, name, _), home) = (proxied(), Home::new());
    let text = "404 Not Found\nWarning: 299 - \"this registry ends in May\"\n\n";
    proxy.spoil("HEAD ", 1, Fault::Instead(text.into()));
    assert_right(&home, &name);
    assert!(home.log.lines().iter().any(|line| line.contains("this registry ends in May")));
}
