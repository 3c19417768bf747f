//! Taking images in: whole or not at all, resumed where it was cut, and only what was asked for.

mod common;

use std::cell::Cell;
use std::fs;
use std::io::{self, Write};

use common::{Made, Stores, data, gzip, made, made_of, reference, tar};
use images::{ContainerConfig, Descriptor, DocumentError, Fetched, ImageConfig, ImageStoreError, IngestError, media};
use layers::Digest;
use testkit::kernel_test;

/// What does not compress: so that a cut is somewhere in the middle.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    };
    (0..length).map(next).collect()
}

fn two_layers() -> Made {
    made(&[tar("etc/motd", b"hello"), tar("noise", &noise(400_000))])
}

/// Writes the first bytes, then the network is gone.
fn cut(made: &Made, stores: &Stores, index: usize, at: usize) -> IngestError {
    let ingest = stores.ingest();
    let (blob, bytes) = &made.blobs[index];
    let cut = ingest.layer(blob, &made.diff_ids[index], |download| -> Result<(), IngestError> {
        let have = usize::try_from(download.have()).expect("a length");
        download.write_all(&bytes[have..at])?;
        Err(io::Error::other("the network is gone").into())
    });
    cut.expect_err("a cut")
}

kernel_test! {
    fn an_image_is_what_came_byte_for_byte(host) {
        let stores = Stores::open(host);
        let made = two_layers();
        let digest = format!("x.y/web@{}", made.manifest.0.digest);
        let image = stores.install(&made, &["x.y/web:1", &digest]).expect("an image");
        assert_eq!(image.id, made.config.0.digest.to_string());
        for (descriptor, bytes) in [&made.config, &made.manifest].into_iter().chain(&made.blobs) {
            assert_eq!(&fs::read(data(host).join("images/blobs/sha256").join(descriptor.digest.hex())).expect("a blob"), bytes);
        }
        let stores = Stores::open(host);
        for name in ["x.y/web:1", &digest, &format!("x.y/web:1@{}", made.manifest.0.digest), &image.id] {
            assert_eq!(stores.images.find(name).expect(name).id, image.id);
        }
        let known = stores.images.look("x.y/web:1").expect("the image");
        assert_eq!((known.tags, known.digests), (vec![reference("x.y/web:1")], vec![reference(&digest)]));
        let (descriptor, bytes, manifest) = stores.images.manifest(&image).expect("a manifest").expect("it has one");
        assert_eq!((descriptor, bytes, manifest.layers.len()), (made.manifest.0.clone(), made.manifest.1.clone(), 2));
        let layer = stores.layers.get(&made.diff_ids[0]).expect("the layer");
        assert_eq!(fs::read_to_string(layer.path.join("etc/motd")).expect("a file"), "hello");
        assert_eq!(fs::read_dir(data(host).join("images/ingest")).expect("a directory").count(), 0);
    }

    fn what_is_here_is_not_asked_for_again(host) {
        let stores = Stores::open(host);
        let made = two_layers();
        stores.install(&made, &["web"]).expect("an image");
        let ingest = stores.ingest();
        made.put(&ingest).expect("documents");
        for (index, (blob, _)) in made.blobs.iter().enumerate() {
            let fetched = ingest.layer(blob, &made.diff_ids[index], |_| -> Result<(), IngestError> { panic!("asked for") });
            assert_eq!(fetched.expect("here"), Fetched::Here);
        }
        ingest.install(&[made.install(&["again"])]).expect("an image");
        assert_eq!(stores.images.look("web").expect("the image").tags.len(), 2);
        // A layer that is lost is unpacked again out of its blob.
        stores.layers.remove(&made.diff_ids[1]).expect("a loss");
        let ingest = stores.ingest();
        let again = ingest.layer(&made.blobs[1].0, &made.diff_ids[1], |_| -> Result<(), IngestError> { panic!("asked for") });
        assert_eq!(again.expect("the blob is here"), Fetched::Unpacked);
        ingest.install(&[]).expect("nothing new");
        stores.layers.get(&made.diff_ids[1]).expect("the layer");
    }

    fn nothing_can_be_seen_of_what_is_not_installed(host) {
        let stores = Stores::open(host);
        let made = two_layers();
        let ingest = stores.ingest();
        made.put(&ingest).expect("documents");
        made.fetch(&ingest, 0).expect("a layer");
        made.fetch(&ingest, 1).expect("a layer");
        assert_eq!((stores.layers.list().expect("a list").len(), stores.images.list().expect("a list").len()), (0, 0));
        drop(ingest);
        assert_eq!(stores.root.rubbish().expect("a look").len(), 0);
        // Its blobs are kept for the next one.
        let ingest = stores.ingest();
        made.put(&ingest).expect("documents");
        assert_eq!(made.fetch(&ingest, 1).expect("a layer"), Fetched::Unpacked);
    }

    fn what_was_cut_goes_on_where_it_was_cut(host) {
        let made = two_layers();
        let stores = Stores::open(host);
        let length = made.blobs[1].1.len();
        let error = cut(&made, &stores, 1, length / 2);
        assert_eq!(error.to_string(), "write what came: the network is gone");
        // Another command, and a second cut.
        let stores = Stores::open(host);
        cut(&made, &stores, 1, length * 9 / 10);
        let (asked, ingest) = (Cell::new(0), stores.ingest());
        made.put(&ingest).expect("documents");
        made.fetch(&ingest, 0).expect("a layer");
        let fetched = ingest.layer(&made.blobs[1].0, &made.diff_ids[1], |download| {
            asked.set(download.have());
            let have = usize::try_from(download.have()).expect("a length");
            made.blobs[1].1[have..].chunks(1000).try_for_each(|chunk| download.write_all(chunk)).map_err(IngestError::from)
        });
        assert_eq!((fetched.expect("a layer"), asked.get()), (Fetched::Downloaded, (length * 9 / 10) as u64));
        ingest.install(&[made.install(&["web"])]).expect("an image");
        assert_eq!(fs::read_dir(data(host).join("images/partial")).expect("a directory").count(), 0);
    }

    /// A server that was asked for the rest may send all: before anything was written in this command, and after.
    fn what_begins_again_is_not_appended(host) {
        let (made, stores) = (two_layers(), Stores::open(host));
        let (blob, bytes) = &made.blobs[1];
        cut(&made, &stores, 1, 1000);
        let ingest = stores.ingest();
        let fetched = ingest.layer(blob, &made.diff_ids[1], |download| -> Result<(), IngestError> {
            assert_eq!(download.have(), 1000);
            download.restart()?;
            assert_eq!(download.have(), 0);
            download.write_all(&bytes[..5000])?;
            download.restart()?;
            Ok(download.write_all(bytes)?)
        });
        assert_eq!(fetched.expect("a layer"), Fetched::Downloaded);
    }

    fn what_is_not_what_was_asked_for_is_refused_and_not_kept(host) {
        let (made, stores) = (two_layers(), Stores::open(host));
        let (blob, bytes) = &made.blobs[1];
        let give = |bytes: &[u8]| {
            let ingest = stores.ingest();
            ingest.layer(blob, &made.diff_ids[1], |download| -> Result<(), IngestError> {
                let have = usize::try_from(download.have()).expect("a length");
                Ok(download.write_all(bytes.get(have..).unwrap_or_default())?)
            })
        };
        for at in [1, bytes.len() / 2, bytes.len() - 1] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            let error = give(&flipped).expect_err("a flipped bit");
            assert!(matches!(&error, IngestError::Digest { expected, .. } if *expected == blob.digest), "{at}: {error}");
            assert_eq!(fs::read_dir(data(host).join("images/partial")).expect("a directory").count(), 0, "{at}");
        }
        let error = give(&bytes[..bytes.len() - 1]).expect_err("a byte less");
        assert!(matches!(error, IngestError::Cut { .. }), "{error}");
        let error = give(&[bytes.as_slice(), b"x"].concat()).expect_err("a byte more");
        assert!(matches!(error, IngestError::Write(_)), "{error}");
        assert_eq!(give(bytes).expect("the right bytes, after all"), Fetched::Downloaded);
        assert_eq!(stores.images.list().expect("a list").len(), 0);
    }

    /// What a power failure leaves of a file that was renamed and not waited for.
    fn a_blob_without_its_bytes_is_fetched_again(host) {
        let (made, stores) = (two_layers(), Stores::open(host));
        let path = data(host).join("images/blobs/sha256").join(made.blobs[1].0.digest.hex());
        for broken in [vec![0; made.blobs[1].1.len()], Vec::new()] {
            fs::write(&path, broken).expect("a file");
            let ingest = stores.ingest();
            assert_eq!(made.fetch(&ingest, 1).expect("a layer"), Fetched::Downloaded);
            assert_eq!(fs::read(&path).expect("the blob"), made.blobs[1].1);
        }
    }

    fn a_second_pull_of_the_same_waits_and_has_it(host) {
        let (made, stores) = (two_layers(), Stores::open(host));
        let started = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            let first = scope.spawn(|| {
                let stores = Stores::open(host);
                let ingest = stores.ingest();
                made.put(&ingest).expect("documents");
                made.fetch(&ingest, 0).expect("a layer");
                ingest.layer(&made.blobs[1].0, &made.diff_ids[1], |download| {
                    started.wait();
                    download.write_all(&made.blobs[1].1).map_err(IngestError::from)
                }).expect("a layer");
                ingest.install(&[made.install(&["one"])]).expect("an image");
            });
            started.wait();
            let ingest = stores.ingest();
            made.put(&ingest).expect("documents");
            made.fetch(&ingest, 0).expect("a layer");
            let second = ingest.layer(&made.blobs[1].0, &made.diff_ids[1], |_| -> Result<(), IngestError> { panic!("asked for") });
            assert_ne!(second.expect("a layer"), Fetched::Downloaded);
            first.join().expect("a thread");
            ingest.install(&[made.install(&["two"])]).expect("an image");
        });
        assert_eq!(stores.images.look("one").expect("an image").tags.len(), 2);
    }

    fn layers_that_are_not_those_of_the_configuration_are_refused(host) {
        let stores = Stores::open(host);
        let archives = [tar("a", b"a"), tar("b", b"b")];
        let ids: Vec<String> = archives.iter().map(|archive| Digest::of(archive).to_string()).collect();
        let config = |ids: &[&String]| {
            let ids = ids.iter().map(|id| (*id).clone()).collect();
            ImageConfig::new("2024-01-01T00:00:00Z".into(), ids, ContainerConfig::default())
        };
        let refused = |config: &ImageConfig| stores.install(&made_of(config, &archives), &["web"]).expect_err("no image");
        let swapped = refused(&config(&[&ids[1], &ids[0]]));
        assert!(matches!(swapped, IngestError::DiffId { .. }), "{swapped}");
        let fewer = refused(&config(&[&ids[0]]));
        assert!(matches!(fewer, IngestError::LayerCount { layers: 2, diff_ids: 1 }), "{fewer}");
        let path = refused(&config(&[&ids[0], &"sha256:../../etc".into()]));
        assert!(matches!(path, IngestError::Store(ImageStoreError::Digest(_))), "{path}");
        assert_eq!(stores.images.list().expect("a list").len(), 0);
        // A blob that is known is not taken for another layer.
        stores.install(&made_of(&config(&[&ids[0], &ids[1]]), &archives), &["web"]).expect("an image");
        let swapped = refused(&config(&[&ids[1], &ids[0]]));
        assert!(matches!(swapped, IngestError::DiffId { .. }), "{swapped}");
    }

    fn wrong_sizes_and_missing_parts_are_refused(host) {
        let (made, stores) = (two_layers(), Stores::open(host));
        let ingest = stores.ingest();
        let small = Descriptor { size: made.config.0.size - 1, ..made.config.0.clone() };
        let error = ingest.put(&small, &made.config.1).expect_err("a wrong size");
        assert!(matches!(error, IngestError::Document(DocumentError::Mismatch { .. })), "{error}");
        made.put(&ingest).expect("documents");
        made.fetch(&ingest, 0).expect("a layer");
        let error = ingest.install(&[made.install(&["web"])]).expect_err("no image");
        assert!(matches!(error, IngestError::Missing(_)), "{error}");
        stores.install(&made, &["web"]).expect("an image");
        let large = Descriptor { size: made.blobs[1].0.size + 1, ..made.blobs[1].0.clone() };
        let ingest = stores.ingest();
        let error = ingest.layer(&large, &made.diff_ids[1], |_| -> Result<(), IngestError> { panic!("asked for") });
        let error = error.expect_err("a wrong size");
        assert!(matches!(error, IngestError::Document(DocumentError::Mismatch { .. })), "{error}");
        assert_eq!(stores.blobs(), 4, "a good blob stays, whatever somebody says of it");
    }

    /// The layer stays; its bytes are asked for when somebody needs them.
    fn the_blob_of_a_layer_can_be_dropped_and_fetched_again(host) {
        let (made, stores) = (two_layers(), Stores::open(host));
        stores.install(&made, &["local"]).expect("an image");
        assert_eq!(stores.images.packed_layers().expect("a list").len(), 0, "no registry has it");
        stores.install(&made, &[&format!("x.y/web@{}", made.manifest.0.digest)]).expect("an image");
        let packed = || stores.images.packed_layers().expect("a list");
        for layer in packed() {
            assert_eq!((layer.names.len(), layer.kept), (1, true));
            let ingest = stores.ingest();
            ingest.claim([&layer.blob.digest]).expect("a claim");
            assert_eq!(stores.images.drop_blob(&layer).expect("a look"), None, "somebody needs it");
            drop(ingest);
            assert_eq!(stores.images.drop_blob(&layer).expect("a removal"), Some(layer.blob.size));
        }
        assert_eq!((stores.blobs(), stores.layers.list().expect("a list").len()), (2, 2));
        assert!(packed().iter().all(|layer| !layer.kept));
        let ingest = stores.ingest();
        let (blob, bytes) = &made.blobs[0];
        let unasked = ingest.layer(blob, &made.diff_ids[0], |_| -> Result<(), IngestError> { panic!("asked for") });
        assert_eq!(unasked.expect("a layer"), Fetched::Here);
        let fetch = || ingest.blob(blob, |download| download.write_all(bytes).map_err(IngestError::from));
        assert_eq!((fetch().expect("a blob"), fetch().expect("a blob")), (Fetched::Downloaded, Fetched::Here));
        assert_eq!(stores.images.check(&stores.layers).expect("a check").len(), 0);
    }

    fn bytes_that_are_right_and_no_archive_are_an_error_of_the_layer(host) {
        let stores = Stores::open(host);
        let mut made = made(&[tar("a", b"a")]);
        let nonsense = gzip(&noise(100_000));
        made.blobs[0] = (Descriptor::of(media::OCI_LAYER_GZIP, &nonsense), nonsense);
        let ingest = stores.ingest();
        let error = made.fetch(&ingest, 0).expect_err("no archive");
        assert!(matches!(error, IngestError::Layer { .. }), "{error}");
        drop(ingest);
        assert_eq!(stores.root.rubbish().expect("a look").len(), 0);
    }
}
