//! A registry in memory with one image, for the judges of exercises: they need no other program. Whoever asks it goes
//! through a proxy that writes down what was asked, and spoils answers.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use images::{Descriptor, Digest, Manifest, media};

use super::faults::Proxy;
use super::server::{PASSWORD, USER};
use super::tree::noise;

/// Bytes of the file in its layer.
pub(crate) const BULK: usize = 1_000_000;
/// `alice:wonder:land`, as Basic says it.
const KEY: &str = "Basic YWxpY2U6d29uZGVyOmxhbmQ=";
/// What its token server gives to everybody.
const TOKEN: &str = "Bearer everybody";

/// The image is `box`, by any tag.
pub(crate) struct Shelf {
    pub(crate) proxy: Proxy,
    pub(crate) layer: Digest,
}

/// Documents and blobs by the last part of their path, with their types.
type Things = HashMap<String, (&'static str, Vec<u8>)>;

impl Shelf {
    /// Anybody may.
    pub(crate) fn open() -> Self {
        Self::start(None)
    }

    /// Only alice, with her password.
    pub(crate) fn locked() -> Self {
        Self::start(Some(KEY))
    }

    /// Only who has a token.
    pub(crate) fn with_tokens() -> Self {
        Self::start(Some(TOKEN))
    }

    fn start(key: Option<&'static str>) -> Self {
        let (things, layer) = things();
        let things = Arc::new(things);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let proxy = Proxy::before(&listener.local_addr().expect("an address").to_string());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let things = Arc::clone(&things);
                // Whoever goes away in the middle is no failure of the test.
                std::thread::spawn(move || drop(serve(&stream, &things, key)));
            }
        });
        Self { proxy, layer }
    }

    /// Its image.
    pub(crate) fn name(&self) -> String {
        format!("{}/box:1", self.proxy.address)
    }

    /// What a line of a request for the layer has in it.
    pub(crate) fn layer_line(&self) -> String {
        format!("GET /v2/box/blobs/{}", self.layer)
    }
}

fn things() -> (Things, Digest) {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(BULK as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, "noise", noise(BULK).as_slice()).expect("in memory");
    let layer = archive.into_inner().expect("in memory");
    let digest = Digest::of(&layer);
    let config = serde_json::json!({
        "architecture": images::go_architecture(), "os": "linux",
        "rootfs": { "type": "layers", "diff_ids": [digest.to_string()] },
    });
    let config = config.to_string().into_bytes();
    let of = |kind, bytes: &[u8]| Descriptor::of(kind, bytes);
    let manifest = Manifest::new(of(media::OCI_CONFIG, &config), vec![of(media::OCI_LAYER, &layer)]);
    let manifest = serde_json::to_vec(&manifest).expect("JSON");
    let things = [(media::OCI_CONFIG, config), (media::OCI_LAYER, layer), (media::OCI_MANIFEST, manifest.clone())];
    let mut things: Things =
        things.into_iter().map(|(kind, bytes)| (Digest::of(&bytes).to_string(), (kind, bytes))).collect();
    things.insert("1".into(), (media::OCI_MANIFEST, manifest));
    (things, digest)
}

fn serve(mut stream: &TcpStream, things: &Things, key: Option<&str>) -> io::Result<()> {
    let (mut line, mut first, mut known) = (String::new(), None, key.is_none());
    let mut reader = BufReader::new(stream);
    reader.read_line(&mut line)?;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        match header.trim_end().split_once(": ") {
            Some(("range", range)) => {
                first =
                    range.strip_prefix("bytes=").and_then(|range| range.trim_end_matches('-').parse::<usize>().ok());
            }
            Some(("authorization", said)) => known = known || key == Some(said),
            Some(_) => {}
            None => break,
        }
    }
    let path = line.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    let mut answer = |head: &str, body: &[u8]| -> io::Result<()> {
        write!(stream, "HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len())?;
        if line.starts_with("HEAD") { Ok(()) } else { stream.write_all(body) }
    };
    match things.get(last) {
        _ if path == "/token" => answer("200 OK", br#"{"token":"everybody"}"#),
        _ if !known => answer("401 Unauthorized\r\nwww-authenticate: Basic realm=\"shelf\"", b""),
        Some((kind, bytes)) => match first {
            Some(first) if first < bytes.len() => {
                let (last, size) = (bytes.len() - 1, bytes.len());
                let head = format!("206 Partial Content\r\ncontent-range: bytes {first}-{last}/{size}");
                answer(&head, &bytes[first..])
            }
            _ => answer(&format!("200 OK\r\ncontent-type: {kind}"), bytes),
        },
        None if path == "/v2/" => answer("200 OK", b"{}"),
        None => answer("404 Not Found", b""),
    }
}

#[test]
fn its_key_is_that_of_alice() {
    use base64::Engine;
    let key = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    assert_eq!(KEY, format!("Basic {key}"));
}
