//! A process's directory in `/proc`, held open: what is read through it is about that very process, or fails. By its number
//! alone the second read could be about another one.

use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::Identity;
use crate::identity::start_time;

/// More of one file is not read: what stands in there is up to the process.
const LONGEST: u64 = 1 << 20;

/// The directory of one process (`proc_pid(5)`). When the process is gone and waited for, everything fails with `ESRCH`.
#[derive(Debug)]
pub struct ProcDir(fs::File);

impl ProcDir {
    /// Of whoever has this number now.
    ///
    /// # Errors
    /// `ENOENT` if nobody has.
    pub fn open(pid: i32) -> io::Result<Self> {
        fs::File::open(format!("/proc/{pid}")).map(Self)
    }

    /// Of this process; `None` if it has ended.
    pub fn of(identity: Identity) -> Option<Self> {
        let directory = Self::open(identity.pid).ok()?;
        let stat = directory.text("stat").ok()?;
        // A zombie has a directory, and nothing in it that we could be after.
        let is_there = start_time(&stat) == Some(identity.start_time) && !is_zombie(&stat);
        is_there.then_some(directory)
    }

    /// One of its files, as text; at most a mebibyte of it.
    ///
    /// # Errors
    /// The kernel's.
    pub fn text(&self, name: &str) -> io::Result<String> {
        let mut bytes = Vec::new();
        fs::File::open(self.path(name))?.take(LONGEST).read_to_end(&mut bytes)?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// Where one of its links leads.
    ///
    /// # Errors
    /// The kernel's.
    pub fn link(&self, name: &str) -> io::Result<String> {
        let target = fs::read_link(self.path(name))?;
        Ok(target.to_string_lossy().into_owned())
    }

    /// The inode number of what one of its links leads to: which namespace `ns/net` is.
    ///
    /// # Errors
    /// The kernel's.
    pub fn inode(&self, name: &str) -> io::Result<u64> {
        Ok(fs::metadata(self.path(name))?.ino())
    }

    /// The names in one of its directories, at most `most`.
    ///
    /// # Errors
    /// The kernel's.
    pub fn names(&self, directory: &str, most: usize) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(self.path(directory))?.take(most);
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    /// A file of it, for those who open it by name.
    pub fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{name}", self.0.as_raw_fd()))
    }
}

impl AsFd for ProcDir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Field 3 of `proc_pid_stat(5)`; before it stands a name, which the process itself has chosen.
fn is_zombie(stat: &str) -> bool {
    stat.rsplit_once(") ").is_some_and(|(_, fields)| fields.starts_with('Z'))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use nix::unistd::Pid;

    use super::*;

    #[test]
    fn what_has_ended_says_nothing_although_its_directory_is_open() {
        let mut child = Command::new("sleep").arg("1000").spawn().expect("a process");
        let identity = Identity::of(Pid::from_raw(child.id().cast_signed())).expect("its identity");
        let directory = ProcDir::of(identity).expect("its directory");
        assert!(directory.text("status").expect("its status").starts_with("Name:"));
        assert_eq!(
            directory.inode("ns/net").expect("a namespace"),
            fs::metadata("/proc/self/ns/net").expect("ours").ino()
        );
        child.kill().expect("its end");
        child.wait().expect("its end");
        assert!(directory.text("status").is_err() && directory.inode("ns/net").is_err());
        assert!(ProcDir::of(identity).is_none());
    }

    #[test]
    fn another_process_of_the_same_number_is_not_it() {
        let Identity { pid, start_time } = Identity::of(nix::unistd::getpid()).expect("we");
        assert!(ProcDir::of(Identity { pid, start_time }).is_some());
        assert!(ProcDir::of(Identity { pid, start_time: start_time + 1 }).is_none());
    }
}
