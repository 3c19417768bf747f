//! Registries that say one thing and have another, and what they leave for the next one.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use registry::Proxies;

use crate::support::faults::{Fault, Proxy};
use crate::support::fixture::{Home, Layout, layout, said, skopeo};
use crate::support::server::Server;
use crate::support::tree::describe;

fn proxied(repository: &str) -> (Proxy, &'static Layout) {
    let server = Server::plain();
    layout().send(&server.address, &format!("{repository}:1"), &[]);
    (Proxy::before(&server.address), layout())
}

#[test]
fn who_names_a_digest_gets_that_or_nothing() {
    needs_programs!();
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

#[test]
fn a_page_before_all_answers_has_no_layers() {
    needs_programs!();
    let (proxy, _) = proxied("portal");
    let home = Home::new();
    home.pull(&format!("{}/portal:1", proxy.address)).expect("an image");
    let layers = home.images.packed_layers().expect("a list");
    assert!(layers.len() > 1 && layers.iter().all(|layer| layer.kept), "{layers:?}");
    assert_eq!(home.client().still_has(&layers).len(), layers.len());
    proxy.spoil("HEAD ", 100, Fault::Instead("200 OK\n\n<html>log in</html>".into()));
    assert_eq!(home.client().still_has(&layers).len(), 0);
    let lost = format!("{}/portal no longer has layers that it had: {}", proxy.address, layers.len());
    assert!(home.log.lines().iter().any(|line| line.contains(&lost)), "{:?}", home.log.lines());
}

#[test]
fn what_another_registry_has_left_of_a_layer_does_no_harm() {
    needs_programs!();
    let (proxy, layout) = proxied("left");
    let name = format!("{}/left:1", proxy.address);
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    archive.append_data(&mut header, "x".repeat(300), io::empty()).expect("in memory");
    let unusable = archive.into_inner().expect("in memory");
    for (what, bytes) in [("other bytes", vec![b'x'; 4000]), ("a name that no disk takes", unusable)] {
        let home = Home::new();
        let partial = home.path().join("data/images/partial");
        fs::create_dir_all(&partial).expect("a directory");
        fs::write(partial.join(layout.large.hex()), bytes).expect("a file");
        let pulled = home.pull(&name).expect(what);
        assert_eq!(describe(&home.trees(&pulled)[0]), describe(&layout.tree("one")), "{what}");
    }
}

#[test]
fn who_is_stuck_with_a_layer_holds_up_nobody() {
    needs_programs!();
    let ((proxy, layout), home) = (proxied("stuck"), Home::new());
    let partial = home.path().join("data/images/partial");
    fs::create_dir_all(&partial).expect("a directory");
    let partial = partial.join(layout.large.hex());
    fs::write(&partial, "a part").expect("a file");
    // As a pull has it whose registry does not go on.
    let stuck = fs::File::open(&partial).expect("a file");
    stuck.lock().expect("a lock");
    let pulled = home.pull(&format!("{}/stuck:1", proxy.address)).expect("a pull");
    assert_eq!(describe(&home.trees(&pulled)[0]), describe(&layout.tree("one")));
    assert_eq!(fs::read_to_string(&partial).expect("a file"), "a part");
}

#[test]
fn an_image_does_not_choose_servers_that_we_ask() {
    needs_programs!();
    let (proxy, layout) = proxied("elsewhere");
    let own = TcpListener::bind("127.0.0.1:0").expect("a port");
    own.set_nonblocking(true).expect("a flag");
    let address = own.local_addr().expect("an address");
    let raw = format!("docker://{}/elsewhere:1", Server::plain().address);
    let raw = skopeo(&["inspect", "--tls-verify=false", "--raw", &raw]);
    // A proxy stands for the servers that have a certificate. Only of such layers is it for the image to say where they are.
    let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    let web = "https://layers.example/x";
    let cases = [
        (foreign, "http", false),
        (foreign, "https", false),
        (foreign, web, true),
        (images::media::OCI_LAYER_GZIP, web, false),
    ];
    for (kind, url, may_be) in cases {
        let missing = format!("sha256:{}", "2".repeat(64));
        let mut manifest: serde_json::Value = serde_json::from_str(&raw).expect("a manifest");
        let url = if url == web { web.to_owned() } else { format!("{url}://{address}/x") };
        manifest["layers"][1] = serde_json::json!({ "mediaType": kind, "digest": missing, "size": layout.large.hex().len(), "urls": [url] });
        proxy.spoil("HEAD /v2/elsewhere/manifests/", 1, Fault::Instead("405 Method Not Allowed\n\n".into()));
        let answer = format!("200 OK\nContent-Type: {}\n\n{manifest}", images::media::OCI_MANIFEST);
        proxy.spoil("GET /v2/elsewhere/manifests/", 1, Fault::Instead(answer));
        let mut home = Home::new();
        home.surroundings.proxies = Proxies::read(|name| (name == "HTTPS_PROXY").then(|| format!("http://{address}")));
        (home.surroundings.connect, home.surroundings.idle) = (Duration::from_millis(500), Duration::from_millis(500));
        let error = said(home.pull(&format!("{}/elsewhere:1", proxy.address)).expect_err("it is not there"));
        // And it is the layer that is missing.
        assert!(error.contains(&missing) && !error.contains("manifest for"), "{error}");
        let came = own.accept().map(drop).map_err(|error| error.kind());
        assert_eq!(came, if may_be { Ok(()) } else { Err(ErrorKind::WouldBlock) }, "{kind} {url}");
    }
}

/// The address of a server that lets `answer` answer every request, told its number.
fn odd(answer: impl Fn(usize, &mut TcpStream) -> io::Result<()> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        let mut number = 0;
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap_or_default();
            // Not TLS.
            if request[..length].first() != Some(&0x16) {
                number += 1;
                // Who is asked for too much goes away.
                let _ = answer(number, &mut stream);
            }
        }
    });
    address
}

#[test]
fn lists_and_headers_end_somewhere() {
    let address = odd(|number, stream| {
        let tags: Vec<String> = (0..20_000).map(|tag| format!("{number}-{tag:0100}")).collect();
        let body = serde_json::json!({ "tags": tags }).to_string();
        let link = format!("Link: </v2/x/tags/list?last={number}>; rel=next");
        write!(stream, "HTTP/1.1 200 OK\r\n{link}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    });
    let mut home = Home::new();
    let client = home.client();
    let error = said(client.registry(&address).expect("a registry").tags("x").expect_err("it goes on"));
    assert!(error.contains("has no end"), "{error}");
    drop(client);
    // Never silent for long, until the other goes away.
    let address = odd(|_, stream| {
        stream.set_read_timeout(Some(Duration::from_millis(20)))?;
        while stream.read(&mut [0]).is_err() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        Ok(())
    });
    home.surroundings.idle = Duration::from_millis(300);
    let error = said(home.pull(&format!("{address}/x")).expect_err("no answer"));
    assert!(error.contains("the answer timed out"), "{error}");
}
