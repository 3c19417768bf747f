//! The attack of the page on hostile archives works on the unpacker that everybody writes first.

mod common;

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::symlink;
use std::path::Path;

use common::archive::Archive;
use common::tree;
use tar::EntryType;
use testkit::kernel_test;

/// Names are checked, as text, and then given to the kernel.
fn naive(archive: &[u8], destination: &Path) -> io::Result<()> {
    fs::create_dir_all(destination)?;
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        let name = entry.path()?.into_owned();
        if name.is_absolute() || name.components().any(|part| part.as_os_str() == "..") {
            continue;
        }
        let path = destination.join(&name);
        match entry.header().entry_type() {
            EntryType::Symlink => symlink(entry.link_name()?.unwrap_or_default(), path)?,
            EntryType::Directory => fs::create_dir_all(path)?,
            _ => {
                let mut content = Vec::new();
                entry.read_to_end(&mut content)?;
                fs::write(path, content)?;
            }
        }
    }
    Ok(())
}

kernel_test! {
    fn a_link_to_the_root_of_the_machine_leads_to_the_root_of_the_layer(host) {
        // Not the real one, in case that it works.
        let machine = tree(host.dir(), "machine", &[("etc/hostname", "honest")]);
        let owned = machine.join("etc/owned");
        let archive = Archive::new().symlink("x", &machine.display().to_string()).file("x/etc/owned", "hello");

        naive(&archive.bytes(), &host.dir().join("naive")).expect("the naive unpacker has no complaints");
        assert_eq!(fs::read_to_string(&owned).ok().as_deref(), Some("hello"), "the attack works");
        fs::remove_file(&owned).expect("clean up after the attack");

        let layer = host.dir().join("layer");
        archive.unpack(&layer).expect("a layer");
        assert!(!owned.exists(), "the attack works on ours");
        let inside = layer.join(owned.strip_prefix("/").expect("an absolute path"));
        assert_eq!(fs::read_to_string(inside).ok().as_deref(), Some("hello"), "the link means in the layer what it says");
    }
}
