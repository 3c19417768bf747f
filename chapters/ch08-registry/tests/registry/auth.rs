//! Who may, and who is told what.

use crate::support::faults::{Fault, Proxy};
use crate::support::fixture::{Home, layout, said};
use crate::support::server::{PASSWORD, Server, USER};
use crate::support::shelf::Shelf;
use crate::support::tokens::tokens;

fn send(address: &str, name: &str) {
    layout().send(address, name, &["--dest-creds", &format!("{USER}:{PASSWORD}")]);
}

#[test]
fn a_password_is_asked_for_kept_and_forgotten() {
    needs_programs!();
    let server = Server::with_password();
    send(&server.address, "secret:1");
    let home = Home::new();
    let name = format!("{}/secret:1", server.address);
    let complaints = [
        said(home.pull(&name).expect_err("nobody")),
        said(home.client().login(&server.address, USER, "wrong").expect_err("the wrong password")),
    ];
    insta::assert_snapshot!(complaints.join("\n").replace(&server.address, "REGISTRY"));
    home.client().login(&server.address, USER, PASSWORD).expect("the right password");
    assert!(home.pull(&name).expect("alice").new);
    assert!(home.client().logout(&server.address).expect("a file"));
    said(Home::new().pull(&name).expect_err("nobody again"));
}

#[test]
fn a_token_is_got_for_what_is_wanted() {
    needs_programs!();
    let tokens = tokens();
    send(&tokens.registry.address, "tokens:1");
    let home = Home::new();
    let name = format!("{}/tokens:1", tokens.registry.address);
    tokens.asked();
    let error = said(home.pull(&name).expect_err("nobody"));
    assert!(error.contains("pull access denied") && error.contains("mini-docker login"), "{error}");
    home.client().login(&tokens.registry.address, USER, PASSWORD).expect("the right password");
    tokens.asked();
    assert!(home.pull(&name).expect("alice").new);
    // One token for all of it; and what is kept is no password.
    assert_eq!(tokens.asked(), ["POST alice repository:tokens:pull"]);
    let kept = std::fs::read_to_string(home.path().join("config.json")).expect("a file");
    assert!(kept.contains("identitytoken") && !kept.contains(PASSWORD), "{kept}");
    let error = said(home.client().login(&tokens.registry.address, USER, "wrong").expect_err("the wrong password"));
    assert!(error.contains("incorrect username or password"), "{error}");
}

#[test]
fn no_credential_follows_to_another_host() {
    needs_programs!();
    let server = Server::with_password();
    send(&server.address, "redirected:1");
    let home = Home::new();
    let (front, elsewhere) = (Proxy::before(&server.address), Proxy::before(&Server::plain().address));
    layout().send(&Server::plain().address, "redirected:1", &[]);
    home.client().login(&front.address, USER, PASSWORD).expect("the right password");
    let path = format!("/v2/redirected/blobs/{}", layout().large);
    let to = format!("307 Temporary Redirect\nLocation: http://{}{path}\n\n", elsewhere.address);
    front.spoil(&format!("GET {path}"), 1, Fault::Instead(to));
    assert!(home.pull(&format!("{}/redirected:1", front.address)).expect("a pull").new);
    let there = elsewhere.asked();
    assert_eq!(there.len(), 1, "{there:?}");
    assert_eq!(there[0].header("authorization"), None);
    let here = front.asked();
    assert!(here.iter().any(|asked| asked.path == path && asked.header("authorization").is_some()), "{here:?}");
}

#[test]
fn whoever_we_are_sent_to_does_not_ask_who_we_are() {
    let (front, elsewhere, evil, home) = (Shelf::locked(), Shelf::open(), Shelf::open(), Home::new());
    home.client().login(&front.proxy.address, USER, PASSWORD).expect("the right password");
    let to = format!("307 Temporary Redirect\nLocation: http://{}/moved\n\n", elsewhere.proxy.address);
    front.proxy.spoil(&front.layer_line(), 1, Fault::Instead(to));
    let realm = format!("http://{}/token", evil.proxy.address);
    let question = format!("401 Unauthorized\nWWW-Authenticate: Bearer realm=\"{realm}\"\n\n");
    elsewhere.proxy.spoil("/moved", 100, Fault::Instead(question));
    let error = said(home.pull(&front.name()).expect_err("it is not for us"));
    assert!(error.contains("/moved"), "{error}");
    assert_eq!(evil.proxy.asked(), []);
}

#[test]
fn a_password_is_not_sent_to_where_nobody_is_proven() {
    needs_programs!();
    let home = Home::new();
    let proxy = Proxy::before(&Server::plain().address);
    home.client().login(&proxy.address, USER, PASSWORD).expect("whoever");
    for (challenge, expected) in [
        ("Bearer realm=\"http://auth.example/token\"", "its token server is not encrypted"),
        ("Bearer realm=\"ftp://auth.example/token\"", "its token server is not on the web"),
        ("Bearer realm=\"https://user@auth.example/token\"", "its token server has no address"),
        ("Bearer service=x", "its challenge has no address of a token server"),
        ("Negotiate", "it does not say how to prove who we are"),
    ] {
        let text = format!("401 Unauthorized\nWWW-Authenticate: {challenge}\n\n");
        proxy.spoil("HEAD ", 1, Fault::Instead(text));
        let error = said(home.pull(&format!("{}/x:1", proxy.address)).expect_err(challenge));
        assert!(error.contains(expected), "{challenge}: {error}");
    }
}

#[test]
fn a_password_in_an_address_is_neither_sent_nor_shown() {
    let home = Home::new();
    let complain = |address: &str| home.client().read_address(address).err().map(said);
    insta::assert_snapshot!(complain("http://alice:wonder@127.0.0.1:1/a").expect("refused"), @r"
    127.0.0.1: user and password in an address are not supported
    hint: let curl say them: curl -u USER ADDRESS | mini-docker import - NAME
    ");
    let odd = complain("http://alice:wonder/land@127.0.0.1:1/a").expect("no address");
    assert!(!odd.contains("wonder"), "{odd}");
}
