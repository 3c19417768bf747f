//! What is mounted, as a process sees it: `mountinfo`, `proc_pid_mountinfo(5)`. Names in there are whatever somebody who may
//! mount has chosen.

/// One mount.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mounted {
    /// Which directory of the file system it shows: `/`, or what was bind-mounted.
    pub root: String,
    /// Where, from the process's root.
    pub point: String,
    /// Its own options: `rw,nosuid,relatime`.
    pub options: Vec<String>,
    /// The type of the file system.
    pub kind: String,
    /// What the file system was made of; free text for many.
    pub source: String,
    /// Options of the file system, for all its mounts.
    pub super_options: Vec<String>,
}

impl Mounted {
    /// The lines of a table; what is none is passed over.
    pub fn parse(table: &str) -> Vec<Self> {
        table.lines().filter_map(line).collect()
    }

    /// Whether nothing can be written through it.
    pub fn is_read_only(&self) -> bool {
        self.options.iter().any(|option| option == "ro")
    }
}

fn line(line: &str) -> Option<Mounted> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ').skip(3);
    let mut right = right.split(' ');
    let list = |text: &str| text.split(',').map(unescape).collect();
    Some(Mounted {
        root: unescape(left.next()?),
        point: unescape(left.next()?),
        options: list(left.next()?),
        kind: unescape(right.next()?),
        source: unescape(right.next()?),
        super_options: list(right.next().unwrap_or_default()),
    })
}

/// `\040` is a blank, `\012` a line's end, `\134` a backslash.
fn unescape(field: &str) -> String {
    let mut parts = field.split('\\');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let octal = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(octal.unwrap_or(b'\\'));
        bytes.extend_from_slice(&part.as_bytes()[if octal.is_some() { 3 } else { 0 }..]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_read_whatever_its_names_are() {
        let table = "74 75 0:46 / / rw,relatime shared:1 master:2 - overlay none rw,upperdir=/a\\054b\n\
                     77 97 0:50 /null /proc/my\\040keys\\012\\134x ro,nosuid - tmpfs tmpfs rw,mode=755\n\
                     nonsense\n\n1 2 3:4 /\n";
        let mounts = Mounted::parse(table);
        assert_eq!(mounts.len(), 2);
        assert_eq!(mounts[0].super_options, ["rw", "upperdir=/a,b"]);
        assert!(!mounts[0].is_read_only() && mounts[1].is_read_only());
        let Mounted { root, point, kind, source, .. } = &mounts[1];
        assert_eq!((root.as_str(), point.as_str()), ("/null", "/proc/my keys\n\\x"));
        assert_eq!((kind.as_str(), source.as_str()), ("tmpfs", "tmpfs"));
    }
}
