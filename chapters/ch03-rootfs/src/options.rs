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

/// What a list of mount options asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MountOptions {
    /// `MOUNT_ATTR_*` bits to set.
    pub set: u64,
    /// `MOUNT_ATTR_*` bits to clear.
    pub clear: u64,
    /// Attributes apply to mounts below, too (`rro`, …).
    pub recursive_attributes: bool,
    /// It is a bind mount, and of how much.
    pub bind: Option<Reach>,
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
    /// Reads a list such as `["nosuid", "ro", "size=64m"]`.
    pub fn parse<S: AsRef<str>>(options: &[S]) -> Self {
        let mut parsed = Self::default();
        for option in options {
            parsed.add(option.as_ref());
        }
        parsed
    }

    fn add(&mut self, option: &str) {
        if let Some((set, clear)) = attribute(option) {
            self.set = self.set & !clear | set;
            self.clear = self.clear & !set | clear;
            return;
        }
        if let Some((set, clear)) = option.strip_prefix('r').and_then(attribute).filter(|_| option != "relatime") {
            self.recursive_attributes = true;
            self.set = self.set & !clear | set;
            self.clear = self.clear & !set | clear;
            return;
        }
        let (word, recursive) = match option.strip_prefix('r') {
            Some(word) if propagation(word).is_some() || word == "bind" => (word, true),
            _ => (option, false),
        };
        if let Some(kind) = propagation(word) {
            self.propagation = kind;
            self.recursive_propagation = recursive;
        } else if option == "tmpcopyup" {
            self.copy_up = true;
        } else if word == "bind" {
            self.bind = Some(if recursive { Reach::Tree } else { Reach::One });
        } else if !matches!(word, "defaults" | "" | "silent" | "loud") {
            self.data.push(match word.split_once('=') {
                Some((name, value)) => (name.into(), Some(value.into())),
                None => (word.into(), None),
            });
        }
    }
}

/// Bits to set and to clear. The three access-time modes exclude each other.
fn attribute(option: &str) -> Option<(u64, u64)> {
    use libc::{
        MOUNT_ATTR__ATIME, MOUNT_ATTR_NOATIME, MOUNT_ATTR_NODEV, MOUNT_ATTR_NODIRATIME, MOUNT_ATTR_NOEXEC,
        MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY, MOUNT_ATTR_STRICTATIME,
    };
    let on = |bit: u64| Some((bit, 0));
    let off = |bit: u64| Some((0, bit));
    match option {
        "ro" => on(MOUNT_ATTR_RDONLY),
        "rw" => off(MOUNT_ATTR_RDONLY),
        "nosuid" => on(MOUNT_ATTR_NOSUID),
        "suid" => off(MOUNT_ATTR_NOSUID),
        "nodev" => on(MOUNT_ATTR_NODEV),
        "dev" => off(MOUNT_ATTR_NODEV),
        "noexec" => on(MOUNT_ATTR_NOEXEC),
        "exec" => off(MOUNT_ATTR_NOEXEC),
        "nodiratime" => on(MOUNT_ATTR_NODIRATIME),
        "diratime" => off(MOUNT_ATTR_NODIRATIME),
        "noatime" => Some((MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME)),
        "strictatime" => Some((MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME)),
        // Relative access times are the kernel's default, and their bit pattern is 0.
        "relatime" | "atime" => off(MOUNT_ATTR__ATIME),
        _ => None,
    }
}

fn propagation(word: &str) -> Option<u64> {
    match word {
        "private" => Some(libc::MS_PRIVATE),
        "slave" => Some(libc::MS_SLAVE),
        "shared" => Some(libc::MS_SHARED),
        "unbindable" => Some(libc::MS_UNBINDABLE),
        _ => None,
    }
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
        assert_eq!(options.set, libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_STRICTATIME);
        assert_eq!((options.propagation, options.recursive_propagation), (libc::MS_SLAVE, true));
        assert_eq!(data(&options), ["size=64m", "memory"]);
        let options = MountOptions::parse(&["tmpcopyup"]);
        assert!(options.copy_up && options.data.is_empty());
    }

    #[test]
    fn the_last_word_wins() {
        let options = MountOptions::parse(&["ro", "noexec", "rw", "exec"]);
        assert_eq!((options.set, options.clear), (0, libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOEXEC));
    }

    #[test]
    fn an_r_in_front_means_all_below() {
        let options = MountOptions::parse(&["rbind", "rro"]);
        assert_eq!((options.bind, options.recursive_attributes), (Some(Reach::Tree), true));
        assert_eq!(options.set, libc::MOUNT_ATTR_RDONLY);
        assert!(!MountOptions::parse(&["relatime"]).recursive_attributes);
    }
}
