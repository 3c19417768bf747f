//! The words of `mount(8)`, sorted into what the kernel wants separately: attributes of the mount, propagation, and
//! options of the file system.

/// How far a bind mount reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// One mount.
    One,
    /// And all mounts below it.
    Tree,
}

/// `MOUNT_ATTR_*` bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attributes {
    /// To set.
    pub set: u64,
    /// To clear.
    pub clear: u64,
}

impl Attributes {
    /// The last word on a bit wins.
    fn add(&mut self, word: Self) {
        self.set = self.set & !word.clear | word.set;
        self.clear = self.clear & !word.set | word.clear;
    }

    /// Whether anything is asked for.
    pub fn is_some(self) -> bool {
        self != Self::default()
    }
}

/// What a list of mount options asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MountOptions {
    /// Of the mount itself.
    pub own: Attributes,
    /// Of it and of all mounts below it (`rro`, …).
    pub all: Attributes,
    /// It is a bind mount, and of how much.
    pub bind: Option<Reach>,
    /// Its files are shown with other owners, and of how much.
    pub id_map: Option<Reach>,
    /// `MS_PRIVATE`, `MS_SLAVE`, `MS_SHARED`, `MS_UNBINDABLE`, or 0.
    pub propagation: u64,
    /// Propagation of the mounts below, too.
    pub recursive_propagation: bool,
    /// A tmpfs begins with what it hides (`tmpcopyup`).
    pub copy_up: bool,
    /// For the file system itself: `size=64m` as name and value, `memory` as a name.
    pub data: Vec<(String, Option<String>)>,
}

impl MountOptions {
    /// Whether nothing is to be written to what is mounted.
    pub(crate) fn is_read_only(&self) -> bool {
        (self.own.set | self.all.set) & libc::MOUNT_ATTR_RDONLY != 0
    }
}

/// Bits to set and to clear. The three access-time modes exclude each other.
const ATTRIBUTES: [(&str, u64, u64); 17] = {
    use libc::{
        MOUNT_ATTR__ATIME, MOUNT_ATTR_NOATIME, MOUNT_ATTR_NODEV, MOUNT_ATTR_NODIRATIME, MOUNT_ATTR_NOEXEC,
        MOUNT_ATTR_NOSUID, MOUNT_ATTR_NOSYMFOLLOW, MOUNT_ATTR_RDONLY, MOUNT_ATTR_STRICTATIME,
    };
    [
        ("ro", MOUNT_ATTR_RDONLY, 0),
        ("rw", 0, MOUNT_ATTR_RDONLY),
        ("nosuid", MOUNT_ATTR_NOSUID, 0),
        ("suid", 0, MOUNT_ATTR_NOSUID),
        ("nodev", MOUNT_ATTR_NODEV, 0),
        ("dev", 0, MOUNT_ATTR_NODEV),
        ("noexec", MOUNT_ATTR_NOEXEC, 0),
        ("exec", 0, MOUNT_ATTR_NOEXEC),
        ("nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0),
        ("symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW),
        ("nodiratime", MOUNT_ATTR_NODIRATIME, 0),
        ("diratime", 0, MOUNT_ATTR_NODIRATIME),
        ("noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME),
        ("strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME),
        // Relative access times are the kernel's default, and their bit pattern is 0.
        ("relatime", 0, MOUNT_ATTR__ATIME),
        ("atime", 0, MOUNT_ATTR__ATIME),
        ("nostrictatime", 0, MOUNT_ATTR__ATIME),
    ]
};

/// `relatime` taken back is what there was before it.
const NO_RELATIVE_TIMES: &str = "norelatime";

const PROPAGATION: [(&str, u64); 4] = [
    ("private", libc::MS_PRIVATE),
    ("slave", libc::MS_SLAVE),
    ("shared", libc::MS_SHARED),
    ("unbindable", libc::MS_UNBINDABLE),
];

/// Of a whole file system: the kernel reads them among the data of each.
const OF_FILE_SYSTEMS: [&str; 7] = ["async", "dirsync", "lazytime", "mand", "nolazytime", "nomand", "sync"];

/// They ask for nothing: messages in the kernel's log, and a counter that file systems keep or do not.
const EMPTY: [&str; 5] = ["defaults", "silent", "loud", "iversion", "noiversion"];

impl MountOptions {
    /// Reads a list such as `["nosuid", "ro", "size=64m"]`.
    pub fn parse<S: AsRef<str>>(options: &[S]) -> Self {
        let mut parsed = Self::default();
        for option in options {
            parsed.add(option.as_ref());
        }
        parsed
    }

    /// All words that are more than data for a file system, sorted.
    pub fn names() -> Vec<String> {
        let attributes = ATTRIBUTES.iter().map(|(name, ..)| *name).chain([NO_RELATIVE_TIMES]);
        let twice = attributes.chain(PROPAGATION.iter().map(|(name, _)| *name)).chain(["bind", "idmap"]);
        let once = OF_FILE_SYSTEMS.into_iter().chain(EMPTY).chain(["tmpcopyup"]);
        let mut names: Vec<String> =
            twice.flat_map(|name| [name.to_owned(), format!("r{name}")]).chain(once.map(str::to_owned)).collect();
        names.sort_unstable();
        names
    }

    fn add(&mut self, option: &str) {
        if let Some(word) = attribute(option) {
            return self.own.add(word);
        }
        if let Some(word) = option.strip_prefix('r').and_then(attribute) {
            return self.all.add(word);
        }
        let known = |word: &str| propagation(word).is_some() || matches!(word, "bind" | "idmap");
        let (word, reach) = match option.strip_prefix('r') {
            Some(word) if known(word) => (word, Reach::Tree),
            _ => (option, Reach::One),
        };
        if let Some(kind) = propagation(word) {
            self.propagation = kind;
            self.recursive_propagation = reach == Reach::Tree;
        } else if option == "tmpcopyup" {
            self.copy_up = true;
        } else if word == "bind" {
            self.bind = Some(reach);
        } else if word == "idmap" {
            self.id_map = Some(reach);
        } else if !word.is_empty() && !EMPTY.contains(&word) {
            self.data.push(match word.split_once('=') {
                Some((name, value)) => (name.into(), Some(value.into())),
                None => (word.into(), None),
            });
        }
    }
}

fn attribute(option: &str) -> Option<Attributes> {
    if option == NO_RELATIVE_TIMES {
        return Some(Attributes::default());
    }
    let (_, set, clear) = ATTRIBUTES.iter().find(|(name, ..)| *name == option)?;
    Some(Attributes { set: *set, clear: *clear })
}

fn propagation(word: &str) -> Option<u64> {
    PROPAGATION.iter().find(|(name, _)| *name == word).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(options: &MountOptions) -> Vec<String> {
        options
            .data
            .iter()
            .map(|(name, value)| format!("{name}{}", value.as_ref().map_or(String::new(), |v| format!("={v}"))))
            .collect()
    }

    #[test]
    fn attributes_propagation_and_data_are_told_apart() {
        let options = MountOptions::parse(&["nosuid", "ro", "rslave", "size=64m", "memory", "strictatime"]);
        let all = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_STRICTATIME;
        assert_eq!((options.own.set, options.all), (all, Attributes::default()));
        assert_eq!((options.propagation, options.recursive_propagation), (libc::MS_SLAVE, true));
        assert_eq!(data(&options), ["size=64m", "memory"]);
        let options = MountOptions::parse(&["tmpcopyup"]);
        assert!(options.copy_up && options.data.is_empty());
    }

    #[test]
    fn the_last_word_wins() {
        let options = MountOptions::parse(&["ro", "noexec", "rw", "exec"]);
        assert_eq!((options.own.set, options.own.clear), (0, libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOEXEC));
    }

    #[test]
    fn an_r_in_front_means_all_below() {
        let options = MountOptions::parse(&["rbind", "rro", "nosuid", "ridmap", "rrelatime"]);
        assert_eq!((options.bind, options.id_map), (Some(Reach::Tree), Some(Reach::Tree)));
        assert_eq!((options.all.set, options.own.set), (libc::MOUNT_ATTR_RDONLY, libc::MOUNT_ATTR_NOSUID));
        assert!(options.data.is_empty());
        let relative = MountOptions::parse(&["relatime"]);
        assert_eq!((relative.own.is_some(), relative.all.is_some()), (true, false));
    }

    #[test]
    fn no_name_of_ours_is_left_to_a_file_system() {
        for name in MountOptions::names() {
            let left = data(&MountOptions::parse(&[&name]));
            assert!(left.is_empty() || OF_FILE_SYSTEMS.contains(&name.as_str()), "{name}: {left:?}");
        }
    }
}
