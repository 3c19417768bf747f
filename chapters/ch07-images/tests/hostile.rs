//! Images that no honest tool makes: each is refused, says why, and leaves nothing.

mod common;

use std::io::Write as _;

use common::{Stores, gzip, made_of, tar};
use images::{
    ContainerConfig, Descriptor, Digest, Document, DocumentError, ImageConfig, Index, IngestError, Manifest, Platform,
    media, resolve,
};
use process::Failure;
use serde_json::{Value, json};
use testkit::{judge, kernel_test};

const READ_PLATFORM: &str = "ch07-images, \"One name, many machines\"";

const DIGEST: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

fn descriptor(media_type: &str) -> Value {
    json!({"mediaType": media_type, "digest": DIGEST, "size": 2})
}

fn manifest(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut manifest = json!({
        "schemaVersion": 2, "mediaType": media::OCI_MANIFEST,
        "config": descriptor(media::OCI_CONFIG), "layers": [descriptor(media::OCI_LAYER_GZIP)],
    });
    change(&mut manifest);
    manifest.to_string().into_bytes()
}

fn said(error: impl Into<Failure>) -> String {
    let failure: Failure = error.into();
    format!("{:?}: {}\n  hint: {}", failure.kind, failure.message, failure.hint.unwrap_or_default())
}

#[test]
fn documents_that_are_none_are_refused() {
    let digest = |digest: &str| {
        let digest = digest.to_owned();
        manifest(move |manifest| manifest["config"]["digest"] = digest.into())
    };
    let cases: [(&str, Vec<u8>, Option<&str>); 14] = [
        ("no JSON", b"<html>".to_vec(), None),
        ("schema 1", br#"{"schemaVersion": 1, "fsLayers": []}"#.to_vec(), None),
        ("no schema", b"{}".to_vec(), None),
        ("another type", manifest(|m| m["mediaType"] = "text/html".into()), None),
        ("both of two", manifest(|m| m["manifests"] = json!([])), None),
        ("a manifest that is called an index", manifest(|_| ()), Some(media::OCI_INDEX)),
        ("a chart", manifest(|m| m["config"]["mediaType"] = "application/vnd.cncf.helm.config.v1+json".into()), None),
        (
            "a layer that is none",
            manifest(|m| m["layers"][0]["mediaType"] = "application/vnd.in-toto+json".into()),
            None,
        ),
        ("a path for a digest", digest("sha256:../../../../etc/passwd"), None),
        ("another algorithm", digest(&format!("sha512:{}", "1".repeat(128))), None),
        ("capital digits", digest(&format!("sha256:{}", "A".repeat(64))), None),
        ("a negative size", manifest(|m| m["layers"][0]["size"] = (-1).into()), None),
        ("ten thousand layers", manifest(|m| m["layers"] = json!(vec![descriptor(media::OCI_LAYER); 10_000])), None),
        ("more than four MiB", manifest(|m| m["padding"] = "x".repeat(4 << 20).into()), None),
    ];
    let said: Vec<String> = cases
        .iter()
        .map(|(what, bytes, kind)| format!("{what}: {}", said(Document::parse(bytes, *kind).expect_err(what))))
        .collect();
    insta::assert_snapshot!(said.join("\n\n"));
}

/// An index of this one thing.
fn index_of(inner: &Descriptor) -> (Descriptor, Vec<u8>) {
    let manifests = vec![Descriptor { platform: Some(Platform::host()), ..inner.clone() }];
    let media_type = Some(media::OCI_INDEX.into());
    let index = Index { schema_version: 2, media_type, manifests, other: std::collections::BTreeMap::new() };
    let bytes = serde_json::to_vec(&index).expect("JSON");
    (Descriptor::of(media::OCI_INDEX, &bytes), bytes)
}

#[test]
fn indexes_end_somewhere_and_are_what_their_digests_say() {
    let bytes = manifest(|_| ());
    let innermost = (Descriptor::of(media::OCI_MANIFEST, &bytes), bytes);
    let nested = |depth: usize| {
        let mut all = vec![innermost.clone()];
        for _ in 0..depth {
            all.push(index_of(&all[all.len() - 1].0));
        }
        let root = all[all.len() - 1].clone();
        let fetch = |wanted: &Descriptor| -> Result<Vec<u8>, DocumentError> {
            Ok(all.iter().find(|(descriptor, _)| descriptor.digest == wanted.digest).expect("one of them").1.clone())
        };
        resolve(root, &Platform::host(), fetch).map(|resolved| resolved.documents.len())
    };
    assert_eq!((nested(0).expect("a manifest"), nested(1).expect("an index"), nested(4).expect("deep")), (1, 2, 5));
    assert!(matches!(nested(5), Err(DocumentError::Nested(4))));
    // A ring needs a digest that is wrong somewhere.
    let ring = Descriptor::new(media::OCI_INDEX, DIGEST.parse().expect("a digest"), 2);
    let root = index_of(&ring);
    let itself = |_: &Descriptor| -> Result<Vec<u8>, DocumentError> { Ok(root.1.clone()) };
    let error = resolve(root.clone(), &Platform::host(), itself).expect_err("a ring");
    assert!(matches!(error, DocumentError::Mismatch { .. }), "{error}");
    let large = index_of(&Descriptor::new(media::OCI_INDEX, DIGEST.parse().expect("a digest"), 1 << 40));
    let never = |_: &Descriptor| -> Result<Vec<u8>, DocumentError> { panic!("fetched") };
    assert!(matches!(resolve(large, &Platform::host(), never), Err(DocumentError::TooLarge(_))));
}

/// Whose an image is, in an index, by the last digit of its digest.
fn entry(platform: Option<&str>, digit: char) -> Value {
    let digest = format!("sha256:{}", digit.to_string().repeat(64));
    let mut entry = json!({"mediaType": media::OCI_MANIFEST, "digest": digest, "size": 2});
    let words: Vec<&str> = platform.unwrap_or_default().split('/').collect();
    if let [os, architecture, variant @ ..] = &words[..] {
        entry["platform"] = json!({"os": os, "architecture": architecture});
        if let [variant] = variant {
            entry["platform"]["variant"] = (*variant).into();
        }
    }
    entry
}

fn index(entries: &[Value]) -> Index {
    serde_json::from_value(json!({"schemaVersion": 2, "manifests": entries})).expect("an index")
}

/// The judge of the exercise `platform`.
#[test]
fn the_newest_that_the_machine_runs_is_chosen() {
    let notes = |digit| {
        let mut entry = entry(Some("linux/amd64"), digit);
        entry["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
        entry
    };
    let all = vec![
        entry(Some("unknown/unknown"), '9'),
        notes('8'),
        entry(Some("linux/arm64/v8"), '1'),
        entry(Some("linux/arm/v5"), '2'),
        entry(Some("linux/arm/v6"), '3'),
        entry(Some("linux/arm/v7"), '4'),
        entry(Some("windows/amd64"), '5'),
        entry(Some("linux/amd64"), '6'),
        entry(Some("linux/amd64"), '7'),
    ];
    let chosen = |entries: &[Value], platform: &str| -> Option<char> {
        let platform: Platform = platform.parse().expect("a platform");
        let index = index(entries);
        index.choose(&platform).ok().and_then(|entry| entry.digest.hex().chars().next())
    };
    let expect = |entries: &[Value], platform: &str, expected: Option<char>, cause: &dyn Fn(char) -> &'static str| {
        judge(&format!("the image of the index that is chosen for {platform}"))
            .expected(expected)
            .seen(chosen(entries, platform))
            .cause(|seen| seen.map_or("no image was chosen, and there is one that runs there: how well it runs is what counts, not what it is called", cause).into())
            .read(READ_PLATFORM);
    };
    let wrong = |seen| match seen {
        '9' => "the first entry was taken, whoever it is for: compare its platform with the one that is wanted",
        '8' => "an attestation was taken for an image: it has notes on one, so leave it out",
        '5' => "it is for another operating system",
        '1'..='4' => {
            "it is for another processor, and does not run there at all: what has no distance is left out first"
        }
        _ => "unknown",
    };
    expect(&all, "linux/amd64", Some('6'), &|seen| match seen {
        '7' => "of several that suit alike, the first counts",
        other => wrong(other),
    });
    expect(&all, "linux/arm64", Some('1'), &|seen| match seen {
        '2'..='4' => "arm is another architecture than arm64",
        other => wrong(other),
    });
    let variants = |seen| match seen {
        '2' => "the first that runs there was taken, and a newer one would, too: take the least distance",
        '4' => "the newest of all was taken, and this processor is older",
        other => wrong(other),
    };
    expect(&all, "linux/arm/v6", Some('3'), &variants);
    expect(&all[..4], "linux/arm/v7", Some('2'), &variants);
    judge("the image that is chosen for linux/arm/v5 of one for linux/arm/v7")
        .expected(None)
        .seen(chosen(&all[5..6], "linux/arm/v5"))
        .cause(|_| "an image was chosen that does not run there: the newest it has is v5".into())
        .read(READ_PLATFORM);
    judge("the image that is chosen of attestations only")
        .expected(None)
        .seen(chosen(&all[..2], "linux/amd64"))
        .cause(|_| "an attestation was taken for an image: it has notes on one, so leave it out".into())
        .read(READ_PLATFORM);
    // Who makes images for one machine only may leave out for which.
    let plain = [entry(None, '3'), entry(Some("linux/arm64"), '1')];
    expect(&plain, "linux/arm64", Some('1'), &|_| "an entry that names the platform counts before one that names none");
    expect(&plain, "linux/amd64", Some('3'), &wrong);
}

#[test]
fn the_platform_is_chosen_and_attestations_never_are() {
    let unknown = || entry(Some("unknown/unknown"), '9');
    let all = index(&[
        unknown(),
        entry(Some("linux/arm64/v8"), '1'),
        entry(Some("linux/arm/v5"), '2'),
        entry(Some("linux/arm/v7"), '3'),
        entry(Some("windows/amd64"), '4'),
        entry(Some("linux/amd64"), '5'),
        entry(Some("linux/amd64"), '6'),
    ]);
    let chosen = |platform: &str| {
        let platform: Platform = platform.parse().expect("a platform");
        all.choose(&platform).map(|entry| entry.digest.hex()[..1].to_owned()).map_err(|error| error.to_string())
    };
    let choices =
        ["linux/amd64", "linux/arm64", "linux/arm/v7", "linux/arm/v6", "linux/amd64/v3", "windows/amd64"].map(chosen);
    assert_eq!(choices.map(|choice| choice.expect("one")), ["5", "1", "3", "2", "5", "4"]);
    insta::assert_snapshot!(chosen("linux/s390x").expect_err("none"), @"no image for linux/s390x in it; there are: linux/arm64/v8, linux/arm/v5, linux/arm/v7, windows/amd64, linux/amd64");
    assert!(index(&[unknown()]).choose(&Platform::host()).is_err());
    // By a digest of another kind, for those who know it; the rest is ours.
    let other = |digest: &str| json!({"mediaType": media::OCI_MANIFEST, "digest": digest, "size": 2});
    let mixed = index(&[other(&format!("sha512:{}", "7".repeat(128))), entry(Some("linux/amd64"), '8')]);
    assert_eq!(mixed.manifests.len(), 1);
    let damaged = json!({"schemaVersion": 2, "manifests": [other("sha256:7")]});
    assert!(serde_json::from_value::<Index>(damaged).is_err());
}

kernel_test! {
    fn layers_that_are_bombs_or_lead_out_are_refused_and_leave_nothing(host) {
        let stores = Stores::open(host);
        let config = |diff_id: &Digest| ImageConfig::new("2024-01-01T00:00:00Z".into(), vec![diff_id.to_string()], ContainerConfig::default());
        let mut way_out = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(0);
        header.as_old_mut().name[..9].copy_from_slice(b"../escape");
        header.set_cksum();
        way_out.append(&header, std::io::empty()).expect("in memory");
        let way_out = way_out.into_inner().expect("in memory");
        let cases: [(&str, Vec<u8>, Vec<u8>); 4] = [
            ("a way out", gzip(&way_out), way_out.clone()),
            ("a window of two GiB", zstd_with_a_window_of_two_gib(), vec![0; 1024]),
            ("no archive", gzip(b"nothing of that kind".repeat(100).as_slice()), b"nothing of that kind".repeat(100)),
            ("cut off", gzip(&tar("a", b"a"))[..30].to_vec(), tar("a", b"a")),
        ];
        for (what, blob, plain) in cases {
            let diff_id = Digest::of(&plain);
            let mut made = made_of(&config(&diff_id), &[]);
            let layer = Descriptor::of(media::OCI_LAYER_GZIP, &blob);
            let manifest = Manifest::new(made.config.0.clone(), vec![layer.clone()]);
            let bytes = serde_json::to_vec(&manifest).expect("JSON");
            made.manifest = (Descriptor::of(media::OCI_MANIFEST, &bytes), bytes);
            let ingest = stores.ingest();
            made.put(&ingest).expect("documents");
            let fetched = ingest.layer(&layer, &diff_id, |download| download.write_all(&blob).map_err(IngestError::from));
            let error = fetched.expect_err(what);
            assert!(matches!(error, IngestError::Layer { .. }), "{what}: {error}");
            assert!(ingest.install(&[made.install(&["web"])]).is_err(), "{what}");
            assert_eq!((stores.images.list().expect("a list").len(), stores.layers.list().expect("a list").len()), (0, 0), "{what}");
            assert_eq!(stores.root.rubbish().expect("a look").len(), 0, "{what}");
        }
        assert!(!host.dir().join("data/tmp/escape").exists());
    }
}

/// A frame whose header asks for that much memory (RFC 8878, 3.1.1).
fn zstd_with_a_window_of_two_gib() -> Vec<u8> {
    vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00]
}
