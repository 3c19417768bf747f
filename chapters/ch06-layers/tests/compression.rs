//! Every compression that docker takes, from the programs that people use, and from those who want our memory.

mod common;

use std::fs;
use std::io::{self, Read};
use std::process::Command;

use common::archive::Archive;
use layers::{DataRoot, Layer, LayerStore};
use process::Failure;
use testkit::{Host, Need, native_test, require};

/// Something that does not fit into one block of any of them.
fn archive() -> Vec<u8> {
    let noise = |seed: u32| {
        let numbers = std::iter::successors(Some(seed), |number| {
            Some(number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223))
        });
        numbers.take(100_000).map(|number| char::from(b'a' + (number >> 24) as u8 % 26)).collect::<String>()
    };
    let large = noise(1) + &noise(2) + &noise(1);
    Archive::new().directory("d/").file("d/large", &large).file("small", "small").symlink("link", "d/large").bytes()
}

/// What `program` makes of `bytes`.
fn compressed(host: &Host, bytes: &[u8], program: &str, arguments: &[&str]) -> Vec<u8> {
    let file = host.dir().join("file");
    fs::write(&file, bytes).expect("a file");
    let done = Command::new(program).args(arguments).arg("-c").arg(&file).output().expect("the program");
    assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}

/// One byte at a time: neither signatures nor blocks come in one read.
struct Slowly<'a>(&'a [u8]);

impl Read for Slowly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(1);
        self.0.read(&mut buffer[..length])
    }
}

/// Each of `streams` must be the layer that `bytes` are; half of it, or a damaged one, none at all.
fn same_layer(host: &Host, bytes: &[u8], streams: &[(&str, Vec<u8>)]) {
    let import = |bytes: &mut dyn Read| -> Result<Layer, Failure> {
        let root = host.dir().join("store");
        let store = LayerStore::open(&DataRoot::open(&root)?)?;
        let layer = store.import(bytes).map_err(Failure::from);
        // Unpacked anew each time.
        fs::remove_dir_all(root).expect("the store");
        layer
    };
    let expected = import(&mut &bytes[..]).expect("a layer");
    for (what, stream) in streams {
        assert!(stream.len() < bytes.len(), "{what} is not compressed");
        let layer = import(&mut stream.as_slice()).unwrap_or_else(|failure| panic!("{what}: {}", failure.message));
        assert_eq!(layer, expected, "{what}");
        let layer = import(&mut Slowly(stream)).unwrap_or_else(|failure| panic!("{what}, slowly: {}", failure.message));
        assert_eq!(layer, expected, "{what}, slowly");
        let half = import(&mut &stream[..stream.len() / 2]).expect_err("half of it");
        assert!(half.message.starts_with("read the layer: "), "{what}: {}", half.message);
    }
    for (what, stream) in streams {
        let mut damaged = stream.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0x10;
        assert!(import(&mut damaged.as_slice()).is_err(), "{what} was taken with a wrong bit");
    }
}

native_test! {
    fn bzip2(host) {
        require(Need::Program("bzip2", "bzip2"));
        let bytes = archive();
        let (one, two) = bytes.split_at(150_000);
        same_layer(host, &bytes, &[
            ("bzip2", compressed(host, &bytes, "bzip2", &[])),
            ("bzip2 of two parts", [compressed(host, one, "bzip2", &["-1"]), compressed(host, two, "bzip2", &[])].concat()),
        ]);
    }

    fn xz(host) {
        // Busybox has an xz, too, which does not compress. It has no xzgrep.
        require(Need::Program("xzgrep", "xz-utils"));
        let bytes = archive();
        let (one, two) = bytes.split_at(150_000);
        let parts = [compressed(host, one, "xz", &[]), vec![0; 8], compressed(host, two, "xz", &[])].concat();
        same_layer(host, &bytes, &[
            ("xz", compressed(host, &bytes, "xz", &[])),
            ("xz with the largest preset", compressed(host, &bytes, "xz", &["-9e", "--check=sha256"])),
            ("xz with filters", compressed(host, &bytes, "xz", &["--x86", "--delta=dist=4", "--lzma2=preset=1", "--check=crc32"])),
            ("xz in blocks", compressed(host, &bytes, "xz", &["--block-size=50000"])),
            ("xz of two parts, with zeros between", parts),
        ]);
    }

    fn zstd(host) {
        require(Need::Program("zstd", "zstd"));
        let bytes = archive();
        let (one, two) = bytes.split_at(150_000);
        // For other programs: a magic, a length, and whatever they like.
        let note = b"\x5e\x2a\x4d\x18\x04\0\0\0note".to_vec();
        let part = |bytes, arguments: &[&str]| compressed(host, bytes, "zstd", arguments);
        same_layer(host, &bytes, &[
            ("zstd", part(&bytes, &["-q"])),
            ("zstd with the largest window", part(&bytes, &["-q", "--ultra", "-22", "--long=27"])),
            ("zstd in a hurry", part(&bytes, &["-q", "--fast=5"])),
            ("zstd of two parts, with notes", [note.clone(), part(one, &["-q"]), note.clone(), part(two, &["-q"]), note].concat()),
        ]);
    }
}
