//! Archives as nobody's tar writes them: names and sizes go into the headers as they are given.

/// A tar archive being written.
#[derive(Default, Clone)]
pub(crate) struct Archive(Vec<u8>);

/// What an entry's header says beside name, kind and link.
#[derive(Clone, Copy)]
pub(crate) struct Fields {
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    pub(crate) mtime: u64,
    /// Other than the length of the content, for archives that lie.
    pub(crate) size: Option<u64>,
    pub(crate) device: (u32, u32),
}

impl Default for Fields {
    fn default() -> Self {
        Self { mode: 0o644, uid: 0, gid: 0, mtime: 1_700_000_000, size: None, device: (0, 0) }
    }
}

impl Archive {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Any entry: type flag, name, link target, content.
    pub(crate) fn entry(mut self, kind: u8, name: &str, link: &str, content: &[u8], fields: Fields) -> Self {
        let mut header = tar::Header::new_ustar();
        let old = header.as_ustar_mut().expect("a ustar header");
        // A name that does not fit goes in front, as GNU tar does it.
        let (name, link) = (name.as_bytes(), link.as_bytes());
        if name.len() > old.name.len() {
            self = self.entry(b'L', "././@LongLink", "", &[name, b"\0"].concat(), Fields::default());
        }
        if link.len() > old.linkname.len() {
            self = self.entry(b'K', "././@LongLink", "", &[link, b"\0"].concat(), Fields::default());
        }
        let short = |text: &[u8]| text.len().min(100);
        old.name[..short(name)].copy_from_slice(&name[..short(name)]);
        old.linkname[..short(link)].copy_from_slice(&link[..short(link)]);
        old.typeflag[0] = kind;
        header.set_mode(fields.mode);
        header.set_uid(fields.uid);
        header.set_gid(fields.gid);
        header.set_mtime(fields.mtime);
        header.set_size(fields.size.unwrap_or(content.len() as u64));
        header.set_device_major(fields.device.0).expect("ustar");
        header.set_device_minor(fields.device.1).expect("ustar");
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.content(content)
    }

    pub(crate) fn file(self, name: &str, content: &[u8]) -> Self {
        self.entry(b'0', name, "", content, Fields::default())
    }

    pub(crate) fn directory(self, name: &str) -> Self {
        self.entry(b'5', name, "", b"", Fields { mode: 0o755, ..Fields::default() })
    }

    pub(crate) fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(b'2', name, target, b"", Fields { mode: 0o777, ..Fields::default() })
    }

    pub(crate) fn hard_link(self, name: &str, target: &str) -> Self {
        self.entry(b'1', name, target, b"", Fields::default())
    }

    pub(crate) fn fifo(self, name: &str) -> Self {
        self.entry(b'6', name, "", b"", Fields::default())
    }

    /// PAX records for the entry that follows.
    pub(crate) fn pax(self, records: &[(&str, &[u8])]) -> Self {
        let mut body = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let length = (rest + 1..).find(|length| rest + length.to_string().len() == *length).expect("a length");
            body.extend_from_slice(format!("{length} {key}=").as_bytes());
            body.extend_from_slice(value);
            body.push(b'\n');
        }
        self.entry(b'x', "PaxHeaders/x", "", &body, Fields::default())
    }

    /// The archive, with the two blocks of zeros that end it.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }

    /// The archive as far as it is.
    pub(crate) fn unfinished(self) -> Vec<u8> {
        self.0
    }

    fn content(mut self, content: &[u8]) -> Self {
        self.0.extend_from_slice(content);
        let padded = self.0.len().next_multiple_of(512);
        self.0.resize(padded, 0);
        self
    }
}
