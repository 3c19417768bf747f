//! Any bytes as the records of a PAX header, before a file.

use super::archive::archive;

pub(crate) fn pax(records: &[u8]) {
    let mut bytes = Vec::new();
    for (kind, content) in [(tar::EntryType::XHeader, records), (tar::EntryType::Regular, b"content")] {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.as_old_mut().name[0] = b'f';
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(content.len() as u64);
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    archive(&bytes);
}
