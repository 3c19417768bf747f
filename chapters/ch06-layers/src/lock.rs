//! Locks that are waited for, in one order. (`flock(2)`, on the directory that the lock protects.)
//!
//! Two commands that take the same two locks in different orders wait for each other for ever, and only on a bad day. So
//! every lock has a rank, and whoever holds one takes only later ones; a debug build panics at the first wrong step, on a
//! good day. No lock is held while a container starts: that may take as long as its image likes.
//!
//! The mark of a directory that somebody is alive for ([`Held`](crate::Held)) is not one of these: nobody who has a lock
//! waits for it.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::path::Path;

use crate::disk_error::DiskError;
use crate::held::is_at;

/// All locks, in the order in which they may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// The data root, while it is made, or brought forward.
    Root,
    /// One container: its record, its state, whether it is there.
    Container,
    /// The names of containers.
    Names,
    /// The table of images.
    Images,
}

thread_local! {
    static HELD: RefCell<Vec<Rank>> = const { RefCell::new(Vec::new()) };
}

/// A lock, until it is dropped or its holder dies.
#[derive(Debug)]
pub struct Lock {
    file: File,
    rank: Rank,
    // The order is one thread's.
    _here: PhantomData<*const ()>,
}

impl Lock {
    /// Waits for the lock on `directory`.
    ///
    /// # Errors
    /// [`DiskError::Io`].
    ///
    /// # Panics
    /// In a debug build, if this thread holds a lock of the same or a later rank.
    pub fn wait(rank: Rank, directory: &Path) -> Result<Self, DiskError> {
        let file = File::open(directory).map_err(DiskError::at("open", directory))?;
        Self::of(rank, file).map_err(DiskError::at("lock", directory))
    }

    /// The same for a directory that may be removed meanwhile: `None` if it is gone, or was gone before the lock came.
    ///
    /// # Errors
    /// [`DiskError::Io`].
    ///
    /// # Panics
    /// As [`Lock::wait`].
    pub fn wait_if_there(rank: Rank, directory: &Path) -> Result<Option<Self>, DiskError> {
        let file = match File::open(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(DiskError::at("open", directory))?,
        };
        let lock = Self::of(rank, file).map_err(DiskError::at("lock", directory))?;
        Ok(Some(lock).filter(|lock| is_at(&lock.file, directory)))
    }

    fn of(rank: Rank, file: File) -> io::Result<Self> {
        HELD.with_borrow(|held| {
            debug_assert!(held.iter().all(|earlier| *earlier < rank), "{rank:?} is locked while {held:?} are held");
        });
        file.lock()?;
        HELD.with_borrow_mut(|held| held.push(rank));
        Ok(Self { file, rank, _here: PhantomData })
    }

    /// To be called where nobody may hold a lock.
    ///
    /// # Panics
    /// In a debug build, if this thread holds one.
    pub fn assert_none() {
        HELD.with_borrow(|held| debug_assert!(held.is_empty(), "{held:?} are held across what may take long"));
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        HELD.with_borrow_mut(|held| held.retain(|rank| *rank != self.rank));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn locks_are_taken_in_their_order_and_given_back() {
        let here = tempfile::tempdir().expect("a directory");
        for _ in 0..2 {
            let root = Lock::wait(Rank::Root, here.path()).expect("a lock");
            drop(root);
            let _names = Lock::wait(Rank::Names, here.path()).expect("a lock");
        }
        Lock::assert_none();
    }

    #[test]
    #[cfg(debug_assertions)]
    fn a_wrong_order_and_a_second_of_the_same_rank_are_caught_before_they_wait() {
        for (first, second) in [(Rank::Images, Rank::Names), (Rank::Names, Rank::Names)] {
            let caught = thread::spawn(move || {
                let (one, two) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("another"));
                let _held = Lock::wait(first, one.path()).expect("a lock");
                Lock::wait(second, two.path()).map(drop)
            });
            assert!(caught.join().is_err(), "{second:?} after {first:?}");
        }
        let caught = thread::spawn(|| {
            let here = tempfile::tempdir().expect("a directory");
            let _held = Lock::wait(Rank::Images, here.path()).expect("a lock");
            Lock::assert_none();
        });
        assert!(caught.join().is_err(), "a lock was held");
    }

    #[test]
    fn a_lock_is_waited_for() {
        let here = tempfile::tempdir().expect("a directory");
        let held = Lock::wait(Rank::Images, here.path()).expect("a lock");
        let (told, hears) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                told.send("waits").expect("a listener");
                let _mine = Lock::wait(Rank::Images, here.path()).expect("a lock");
                told.send("has it").expect("a listener");
            });
            assert_eq!(hears.recv(), Ok("waits"));
            assert!(File::open(here.path()).expect("a directory").try_lock().is_err(), "nobody else has it");
            assert_eq!(hears.try_recv(), Err(mpsc::TryRecvError::Empty));
            drop(held);
            assert_eq!(hears.recv(), Ok("has it"));
        });
    }
}
