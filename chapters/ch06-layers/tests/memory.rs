//! Archives that want memory. The kernel says how much they got: each test is a process of its own, and `VmHWM` is the
//! most that it ever had.

mod common;

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use common::archive::Archive;
use common::{READ_UNPACK, store};
use layers::{Held, LayerError, UnpackLimits, apply_tar};
use nix::mount::{MsFlags, mount, umount};
use process::Failure;
use tar::EntryType;
use testkit::{Host, judge, native_test};

const MIB: u64 = 1 << 20;
/// What a test may take more than before: for buffers, and one extension of 1 MiB with all that is made of it.
const ENOUGH: u64 = 24 * MIB;

/// The most memory that this process has had so far, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("the status of this process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

/// An archive that is made while it is read: `entry` says what its parts are.
struct Endless<F> {
    parts: std::ops::Range<u32>,
    entry: F,
    rest: io::Cursor<Vec<u8>>,
}

impl<F: FnMut(u32) -> Archive> Read for Endless<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let length = self.rest.read(buffer)?;
            if length > 0 {
                return Ok(length);
            }
            let Some(part) = self.parts.next() else { return Ok(0) };
            self.rest = io::Cursor::new((self.entry)(part).unfinished());
        }
    }
}

/// Unpacks `count` parts, and judges by what it cost.
fn cost(
    what: &str,
    host: &Host,
    count: u32,
    limits: &UnpackLimits,
    entry: impl FnMut(u32) -> Archive,
) -> Option<LayerError> {
    let layer = host.dir().join("layer");
    fs::create_dir(&layer).expect("a directory");
    let before = peak();
    let outcome = apply_tar(Endless { parts: 0..count, entry, rest: io::Cursor::default() }, &layer, limits);
    let taken = peak() - before;
    judge(&format!("whether {what} took more than {} MiB of memory", ENOUGH / MIB))
        .expected(false)
        .seen(taken > ENOUGH)
        .cause(|_| format!("it took {} MiB: something is kept that nobody needs, or that has no limit", taken / MIB))
        .read(READ_UNPACK);
    remove(&layer);
    outcome.err()
}

fn remove(layer: &Path) {
    fs::remove_dir_all(layer).expect("the layer");
}

native_test! {
    fn extensions_do_not_add_up(host) {
        let value = vec![b'v'; 60_000];
        let keys: Vec<String> = (0..16).map(|number| format!("SCHILY.xattr.user.{number}")).collect();
        let large: Vec<(&str, &[u8])> = keys.iter().map(|key| (key.as_str(), value.as_slice())).collect();
        let extension = Archive::new().pax(&large);
        let error = cost("50 MiB of attributes for one file", host, 50, &UnpackLimits::default(), |_| extension.clone());
        assert!(error.is_none(), "{error:?}");
    }

    fn long_names_do_not_add_up(host) {
        let long = "n".repeat(1_000_000);
        let kinds = [EntryType::GNULongName, EntryType::GNULongLink];
        let extension = kinds.map(|kind| Archive::new().entry(kind, "././@LongLink", "", long.as_bytes(), |_| {}));
        cost("50 MiB of long names for one file", host, 50, &UnpackLimits::default(), |part| extension[part as usize % 2].clone());
    }

    /// The worst that can be made of one extension.
    fn an_extension_of_small_records_stays_small(host) {
        let records: Vec<(&str, &[u8])> = (0..45_000).map(|_| ("SCHILY.xattr.u", &b"v"[..])).collect();
        let extension = Archive::new().pax(&records);
        cost("45,000 attributes of one byte", host, 3, &UnpackLimits::default(), |_| extension.clone());
    }

    fn a_directory_that_comes_again_is_remembered_once(host) {
        let name = format!("{}x", format!("{}/", "d".repeat(250)).repeat(15));
        let error = cost("the same directory 12,000 times", host, 12_000, &UnpackLimits::default(), |_| {
            Archive::new().pax(&[("path", name.as_bytes())]).directory("x")
        });
        assert!(error.is_none(), "{error:?}");
    }

    fn directories_are_remembered_up_to_a_limit(host) {
        let within = format!("{}/", "d".repeat(250)).repeat(15);
        let limits = UnpackLimits { kept: 8 * MIB, ..UnpackLimits::default() };
        let error = cost("12,000 directories with long names", host, 12_000, &limits, |part| {
            Archive::new().pax(&[("path", format!("{within}{part}").as_bytes())]).directory("x")
        });
        assert_eq!(
            error.map(|error| error.to_string()).as_deref(),
            Some("the layer has directories whose names take more than 8388608 bytes of memory")
        );
    }

    /// Each entry is a few bytes of gzip, and its way a thousand steps.
    fn steps_through_links_are_counted(host) {
        let limits = UnpackLimits { entries: 5000, ..UnpackLimits::default() };
        let back = "d/../".repeat(700);
        let error = cost("a way of many steps", host, 100, &limits, |part| match part {
            0 => Archive::new().directory("d/").pax(&[("linkpath", back.as_bytes())]).symlink("link", "x"),
            _ => Archive::new().file(&format!("link/{part}"), "").file(&format!("d/{part}"), ""),
        });
        assert_eq!(error.map(|error| error.to_string()).as_deref(), Some("the layer has more than 5000 entries"));
    }

    /// Names are kept by the disk, not by who removes them.
    fn a_directory_of_many_names_is_removed_in_little_memory(host) {
        const NAMES: u32 = 100_000;
        let memory = host.dir().join("memory");
        fs::create_dir(&memory).expect("a directory");
        mount(Some("none"), &memory, Some("tmpfs"), MsFlags::empty(), Some("nr_inodes=0")).expect("a tmpfs");
        let held = Held::create(&memory.join("held")).expect("a directory");
        fs::write(held.path().join("file"), "").expect("a file");
        fs::create_dir(held.path().join("below")).expect("a directory");
        let long = "n".repeat(240);
        for number in 0..NAMES {
            for directory in ["", "below"] {
                let name = held.path().join(directory).join(format!("{long}{number}"));
                fs::hard_link(held.path().join("file"), name).expect("a name");
            }
        }
        let (path, before) = (held.path().to_owned(), peak());
        held.remove().expect("a removal");
        let taken = peak() - before;
        assert!(!path.exists() && taken < MIB, "{} KiB for {NAMES} names", taken / 1024);
        umount(&memory).expect("unmount");
    }

    /// A stream says how much its reader must remember. Kilobytes would be enough for these.
    fn windows_have_a_limit(host) {
        let archive = Archive::new().file("f", "f").bytes();
        let store = store(host);
        let said = |stream: Vec<u8>| {
            let before = peak();
            let outcome = store.import(stream.as_slice()).map(|layer| layer.entries);
            let taken = peak() - before;
            assert!(taken < 128 * MIB + ENOUGH, "{} MiB", taken / MIB);
            outcome.map_err(|error| {
                let failure = Failure::from(error);
                format!("{}; {}", failure.message, failure.hint.unwrap_or_default())
            })
        };
        assert_eq!(said(zstd(17, &archive)), Ok(1));
        assert_eq!(said(xz(30, &archive)), Ok(1));
        insta::assert_snapshot!("windows", [zstd(18, &archive), zstd(31, &archive), xz(31, &archive), xz(40, &archive)]
            .map(|stream| said(stream).expect_err("too much")).join("\n"));
    }
}

/// A frame with a window of `2^(10 + exponent)` bytes, and `content` as it is.
fn zstd(exponent: u8, content: &[u8]) -> Vec<u8> {
    let block = u32::try_from(content.len() << 3 | 1).expect("a short archive").to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, 0, exponent << 3], &block[..3], content].concat()
}

/// A stream whose dictionary has `2^(12 + bits / 2)` bytes, or half as much more, and `content` as it is.
fn xz(bits: u8, content: &[u8]) -> Vec<u8> {
    let flags = [0, 0];
    let with_crc = |bytes: &[u8]| [bytes, &crc32(bytes).to_le_bytes()].concat();
    let header = [&b"\xfd7zXZ\0"[..], &with_crc(&flags)].concat();
    let block_header = with_crc(&[2, 0, 0x21, 1, bits, 0, 0, 0]);
    // The first chunk of LZMA2 resets the dictionary, 1 says that it is not compressed.
    let length = u16::try_from(content.len() - 1).expect("a short archive").to_be_bytes();
    let mut data = [&[1], &length[..], content, &[0]].concat();
    let unpadded = block_header.len() + data.len();
    data.resize(data.len().next_multiple_of(4), 0);
    let mut index = [&[0, 1][..], &variable(unpadded), &variable(content.len())].concat();
    index.resize(index.len().next_multiple_of(4), 0);
    let index = with_crc(&index);
    let backward = u32::try_from(index.len() / 4 - 1).expect("a short index").to_le_bytes();
    let footer = [&backward[..], &flags].concat();
    [&header[..], &block_header, &data, &index, &crc32(&footer).to_le_bytes(), &footer, b"YZ"].concat()
}

/// Seven bits a byte, the lowest first.
fn variable(number: usize) -> Vec<u8> {
    let low = u8::try_from(number & 0x7f).expect("seven bits");
    if number < 0x80 { vec![low] } else { [vec![low | 0x80], variable(number >> 7)].concat() }
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}
