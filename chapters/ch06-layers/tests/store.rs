//! The store: a layer is there once, whole, or not at all.

mod common;

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc;

use common::archive::Archive;
use common::{data_root, listing, on_their_way, store, tree};
use flate2::Compression;
use flate2::write::GzEncoder;
use layers::{LayerError, create_tar};
use process::Failure;
use testkit::kernel_test;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

kernel_test! {
    fn a_layer_is_found_again(host) {
        let store = store(host);
        let archive = Archive::new().file("etc/motd", "hello").file("etc/.wh.issue", "");
        let layer = store.import(archive.reader()).expect("a layer");
        assert_eq!((layer.size, layer.entries), (5, 2));
        assert_eq!(layer.path, host.dir().join("data/layers").join(layer.diff_id.hex()).join("diff"));
        assert_eq!(fs::read_to_string(layer.path.join("etc/motd")).expect("a file"), "hello");
        let again = common::store(host);
        assert_eq!(again.get(&layer.diff_id).expect("the layer"), layer);
        assert_eq!(again.list().expect("a list"), [layer]);
        assert_eq!(on_their_way(host), 0);
    }

    /// Compression is only the way; the name of a layer is the digest of what was compressed.
    fn compressed_or_not_it_is_the_same_layer(host) {
        let store = store(host);
        let bytes = Archive::new().file("a", "a").bytes();
        let plain = store.import(bytes.as_slice()).expect("a layer");
        let marker = plain.path.join("not unpacked again");
        fs::write(&marker, "").expect("a file");
        let (one, two) = bytes.split_at(700);
        assert_eq!(store.import(gzip(&bytes).as_slice()).expect("a layer"), plain);
        assert_eq!(store.import([gzip(one), gzip(two)].concat().as_slice()).expect("two members"), plain);
        // One byte at a time: a signature is not always in the first read.
        assert_eq!(store.import(Slowly(&gzip(&bytes))).expect("a layer"), plain);
        assert!(marker.exists());
        assert_eq!((store.list().expect("a list").len(), on_their_way(host)), (1, 0));
    }

    fn what_cannot_be_read_is_named(host) {
        let store = store(host);
        let said = |bytes: &[u8]| {
            let failure = Failure::from(store.import(bytes).expect_err("no layer"));
            format!("{}\nhint: {}", failure.message, failure.hint.unwrap_or_default())
        };
        let archive = Archive::new().file("a", "a").bytes();
        insta::assert_snapshot!("cannot_be_read", [
            said(&[0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0]),
            said(b"\xfd7zXZ\0\0"),
            said(b"BZh91AY"),
            said(&[b'x'; 600]),
            said(&gzip(&archive)[..60]),
            said(&[&gzip(&archive)[..], b"garbage"].concat()),
        ].join("\n\n"));
        assert_eq!((store.list().expect("a list").len(), on_their_way(host)), (0, 0));
    }

    fn an_empty_archive_is_a_layer(host) {
        let store = store(host);
        let layer = store.import(Archive::new().reader()).expect("a layer");
        assert_eq!((layer.size, layer.entries), (0, 0));
        // The digest that docker knows: two blocks of zeros.
        assert_eq!(layer.diff_id.hex(), "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef");
    }

    fn a_directory_becomes_the_layer_that_its_archive_becomes(host) {
        let store = store(host);
        let tree = tree(host.dir(), "tree", &[("etc/motd", "hello"), ("tmp/", "")]);
        fs::set_permissions(tree.join("tmp"), fs::Permissions::from_mode(0o1777)).expect("a mode");
        let layer = store.import_directory(&tree).expect("a layer");
        assert_eq!(listing(&layer.path), listing(&tree));
        assert_eq!(create_tar(&tree, io::sink()).expect("an archive"), layer.diff_id);
        assert_eq!(store.import_directory(&tree).expect("the same"), layer);
        fs::write(tree.join(".wh.x"), "").expect("a file");
        let error = store.import_directory(&tree).expect_err("no layer");
        assert_eq!(error.to_string(), "entry \".wh.x\" of the layer: its name would mean a deletion in an archive");
        assert_eq!(on_their_way(host), 0);
    }

    fn a_removed_layer_is_gone(host) {
        let store = store(host);
        let layer = store.import(Archive::new().file("a", "a").reader()).expect("a layer");
        store.remove(&layer.diff_id).expect("remove");
        assert!(matches!(store.get(&layer.diff_id), Err(LayerError::NotFound(_))));
        assert!(matches!(store.remove(&layer.diff_id), Err(LayerError::NotFound(_))));
        assert_eq!((store.list().expect("a list").len(), on_their_way(host)), (0, 0));
        assert_eq!(store.import(Archive::new().file("a", "a").reader()).expect("again"), layer);
    }

    /// A killed import leaves a directory that nobody holds.
    fn what_a_killed_import_has_left_is_rubbish_but_not_what_is_under_way(host) {
        let (root, store) = (data_root(host), store(host));
        let killed = host.dir().join("data/tmp/killed");
        fs::create_dir_all(killed.join("diff/etc")).expect("a directory");
        let rubbish = || root.rubbish().expect("a look").into_iter().map(|left| {
            let path = left.path().to_owned();
            left.remove().expect("a removal");
            path
        }).collect::<Vec<_>>();
        let bytes = Archive::new().file("a", &"x".repeat(5000)).bytes();
        let (bytes_in, bytes_out) = mpsc::channel();
        let (asked, asks) = mpsc::channel();
        std::thread::scope(|scope| {
            let import = scope.spawn(|| store.import(Fed { bytes: bytes_out, asked, here: io::Cursor::default() }));
            bytes_in.send(bytes[..2048].to_vec()).expect("the import");
            // Twice asked: the first part has been taken.
            asks.recv().expect("the import");
            asks.recv().expect("the import");
            assert_eq!(on_their_way(host), 2);
            assert_eq!(rubbish(), [killed]);
            assert_eq!(on_their_way(host), 1, "the import goes on");
            bytes_in.send(bytes[2048..].to_vec()).expect("the import");
            drop(bytes_in);
            import.join().expect("the import").expect("a layer");
        });
        assert_eq!(on_their_way(host), 0);
        assert_eq!(store.list().expect("a list").len(), 1);
    }

    fn imports_of_the_same_layer_do_not_disturb_each_other(host) {
        let store = store(host);
        let archive = (0..50).fold(Archive::new(), |archive, n| archive.file(&format!("d/{n}"), "x"));
        let layers: Vec<_> = std::thread::scope(|scope| {
            let imports: Vec<_> = (0..8).map(|_| scope.spawn(|| store.import(archive.reader()))).collect();
            imports.into_iter().map(|import| import.join().expect("the import").expect("a layer")).collect()
        });
        assert!(layers.iter().all(|layer| *layer == layers[0]));
        assert_eq!((store.list().expect("a list").len(), on_their_way(host)), (1, 0));
    }

    fn a_damaged_record_is_an_error_with_a_name(host) {
        let store = store(host);
        let layer = store.import(Archive::new().reader()).expect("a layer");
        let record = layer.path.with_file_name("layer.json");
        fs::write(&record, "{").expect("damage");
        let error = store.get(&layer.diff_id).expect_err("damaged").to_string();
        assert!(error.starts_with(&format!("{} is damaged: EOF while", record.display())), "{error}");
    }
}

struct Slowly<'a>(&'a [u8]);

impl Read for Slowly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(1);
        self.0.read(&mut buffer[..length])
    }
}

/// A stream that says when it needs more.
struct Fed {
    bytes: mpsc::Receiver<Vec<u8>>,
    asked: mpsc::Sender<()>,
    here: io::Cursor<Vec<u8>>,
}

impl Read for Fed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.here.read(buffer)?;
        if length > 0 {
            return Ok(length);
        }
        // Nobody listens any more at the end.
        let _ = self.asked.send(());
        self.here = io::Cursor::new(self.bytes.recv().unwrap_or_default());
        self.here.read(buffer)
    }
}
