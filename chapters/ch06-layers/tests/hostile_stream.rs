//! Archives that are more than they seem: two readers see two archives, or there is no end to them.

mod common;

use std::fs;
use std::io::{self, Read, Write};

use common::archive::Archive;
use common::{READ_UNPACK, on_their_way, store};
use flate2::Compression;
use flate2::write::GzEncoder;
use layers::{UnpackLimits, apply_tar};
use process::Failure;
use tar::{EntryType, Header};
use testkit::{judge, native_test};

/// An archive inside a file: whoever takes the file's size from the wrong header reads it as entries (CVE-2025-62518).
fn smuggled() -> Vec<u8> {
    Archive::new().file("etc/owned", "dead").bytes()
}

native_test! {
    /// The extension counts, for docker and GNU tar as for us: what it says is content, is never read as entries.
    fn content_is_not_read_as_entries(host) {
        let hidden = smuggled();
        let length = hidden.len().to_string();
        let size = |text: &'static [u8]| Archive::new().pax(&[("size", text)]);
        let zero = |header: &mut Header| header.set_size(0);
        let twice = Archive::new().pax(&[("size", length.as_bytes())]);
        let said = |attack: &str, archive: &Archive| {
            let layer = host.dir().join("layer");
            let outcome = archive.unpack(&layer);
            judge(&format!("whether the smuggled file is there after {attack}"))
                .expected(false)
                .seen(layer.join("etc/owned").exists())
                .cause(|_| "the content of a file was read as entries".into())
                .read(READ_UNPACK);
            fs::remove_dir_all(layer).expect("the layer");
            format!("{attack}: {}", outcome.map_or_else(|error| error.to_string(), |_| "taken".into()))
        };
        insta::assert_snapshot!("sizes", [
            said("the same size twice", &twice.clone().entry(EntryType::Regular, "outer", "", &hidden, |_| {})),
            said("zero in the header", &twice.clone().entry(EntryType::Regular, "outer", "", &hidden, zero)),
            said("less in the header", &twice.clone().entry(EntryType::Regular, "outer", "", &hidden, |header| header.set_size(512))),
            said("the largest number in the header", &twice.entry(EntryType::Regular, "outer", "", &hidden,
                |header| header.set_size(0o777_7777_7777))),
            said("no number", &size(b"-1").file("outer", "")),
            said("hexadecimal", &size(b"0x10").file("outer", "")),
            said("more than there can be", &size(b"99999999999999999999").file("outer", "")),
            said("too large for the header, and not there", &size(b"9999999999").entry(EntryType::Regular, "outer", "", b"", zero)),
            said("a negative number", &Archive::new().entry(EntryType::Regular, "outer", "", b"",
                |header| header.as_old_mut().size = [255; 12])),
            said("a sparse file", &Archive::new().pax(&[("GNU.sparse.major", b"1")]).file("outer", "")),
            said("a sparse file of old", &Archive::new().entry(EntryType::GNUSparse, "outer", "", b"", |_| {})),
            said("a kind that nobody knows", &Archive::new().entry(EntryType::new(b'V'), "outer", "", b"", |_| {})),
            said("an owner that means leave it", &Archive::new().pax(&[("uid", b"4294967295")]).file("outer", "")),
            said("a negative owner", &Archive::new().entry(EntryType::Regular, "outer", "", b"",
                |header| header.as_old_mut().uid = [255; 8])),
            said("a wrong checksum", &Archive::new().raw(&[b'x'; 512])),
        ].join("\n"));
    }

    fn bombs_go_off_before_the_disk_is_full(host) {
        let limits = UnpackLimits { entries: 100, kept: 1 << 20, bytes: 1 << 20 };
        let store = store(host).with_limits(limits);
        let said = |bytes: &[u8]| {
            let failure = Failure::from(store.import(bytes).expect_err("a bomb"));
            assert_eq!(store.list().expect("a list"), []);
            assert_eq!(on_their_way(host), 0);
            format!("{}: {}; {}", bytes.len(), failure.message, failure.hint.unwrap_or_default())
        };
        let many = (0..200).fold(Archive::new(), |archive, n| archive.file(&n.to_string(), ""));
        insta::assert_snapshot!("bombs", [
            // A file of 64 GiB, if anybody reads that far.
            said(&zipped(&Archive::new().entry(EntryType::Regular, "zeros", "", b"", |header| header.set_size(1 << 36)).bytes(), 8 << 20)),
            // All of it behind the end of the archive.
            said(&zipped(&Archive::new().bytes(), 8 << 20)),
            said(&zipped(&many.bytes(), 0)),
            // One name, and so many directories.
            said(&zipped(&Archive::new().pax(&[("path", &b"b/".repeat(150))]).directory("x").bytes(), 0)),
            said(&zipped(&Archive::new().entry(EntryType::XHeader, "x", "", b"", |header| header.set_size(1 << 30)).bytes(), 0)),
        ].join("\n"));
    }

    fn a_layer_of_just_the_limit_is_taken(host) {
        let bytes = Archive::new().file("a", "a").file("b", "b").bytes();
        let take = |entries: u64, length: u64| {
            apply_tar(bytes.as_slice(), host.dir(), &UnpackLimits { entries, kept: 0, bytes: length }).map(|applied| applied.entries)
        };
        let length = bytes.len() as u64;
        assert_eq!(take(2, length).ok(), Some(2));
        assert_eq!(take(1, length).expect_err("an entry too many").to_string(), "the layer has more than 1 entries");
        assert!(take(2, length - 1).is_err());
        for name in ["a", "b"] {
            fs::remove_file(host.dir().join(name)).expect("a file");
        }
    }

    fn a_reader_that_fails_is_an_error_of_the_reader(host) {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::new(io::ErrorKind::ConnectionReset, "connection reset"))
            }
        }
        let start = Archive::new().file("a", &"x".repeat(10_000)).bytes();
        let error = apply_tar(start[..2000].chain(Broken), host.dir(), &UnpackLimits::default()).expect_err("half a layer");
        assert_eq!(error.to_string(), "read the layer: connection reset");
        fs::remove_file(host.dir().join("a")).expect("half a file");
    }
}

/// gzip of `bytes` and of so many zeros after them.
fn zipped(bytes: &[u8], zeros: u64) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("in memory");
    io::copy(&mut io::repeat(0).take(zeros), &mut encoder).expect("in memory");
    encoder.finish().expect("in memory")
}
