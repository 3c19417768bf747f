//! Registries that say one thing and have another.

use crate::support::faults::{Fault, Proxy};
use crate::support::fixture::{Home, Layout, layout, said};
use crate::support::server::Server;

fn proxied(repository: &str) -> (Proxy, &'static Layout) {
    let server = Server::plain();
    layout().send(&server.address, &format!("{repository}:1"), &[]);
    (Proxy::before(&server.address), layout())
}

#[test]
fn who_names_a_digest_gets_that_or_nothing() {
    let (proxy, layout) = proxied("pinned");
    let name = format!("{}/pinned@{}", proxy.address, layout.manifest);
    let other = format!("sha256:{}", "1".repeat(64));
    let lie = format!("200 OK\nDocker-Content-Digest: {other}\n\n");
    proxy.spoil("HEAD ", 1, Fault::Instead(lie.clone()));
    let home = Home::new();
    assert_eq!(home.pull(&name).expect("what was named").digest, layout.manifest);
    // Also where the lie goes on.
    let another = "200 OK\nContent-Type: application/vnd.oci.image.manifest.v1+json\n\n{\"schemaVersion\":2}";
    proxy.spoil("HEAD ", 1, Fault::Instead(lie));
    proxy.spoil("/manifests/", 1, Fault::Instead(another.into()));
    let home = Home::new();
    let error = said(home.pull(&name).expect_err("something else"));
    assert!(error.contains("it is not what was asked for"), "{error}");
    assert!(home.images.list().expect("a list").is_empty());
}
