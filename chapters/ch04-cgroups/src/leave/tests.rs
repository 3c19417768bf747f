//! The loop that empties a group, on a crowd that forks exactly when it hurts: after it was listed, unless it is stopped.

use std::cell::{Cell, RefCell};
use std::process::{Child, Command};

use testkit::judge;

use super::*;

/// More looks than a right answer needs by far.
const ENOUGH: u32 = 40;

#[derive(Default)]
struct Crowd {
    members: RefCell<Vec<Child>>,
    /// How often it can fork where nobody stops it.
    forks: Cell<u32>,
    cannot_be: Option<Cannot>,
    stopped: Cell<bool>,
    stops: Cell<u32>,
    lets: Cell<u32>,
    looks: Cell<u32>,
    /// How many of these while nobody was stopped.
    loose: Cell<u32>,
}

/// What the kernel refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cannot {
    Stopped,
    LetGo,
}

impl Crowd {
    fn of(size: usize) -> Self {
        let crowd = Self::default();
        crowd.forks.set(u32::MAX);
        (0..size).for_each(|_| crowd.fork());
        crowd
    }

    fn fork(&self) {
        let child = Command::new("sleep").arg("1000").spawn().expect("a child");
        self.members.borrow_mut().push(child);
    }

    /// `wish`, or a refusal.
    fn refused(&self, wish: Cannot) -> Result<(), CgroupError> {
        if self.cannot_be == Some(wish) {
            return Err(CgroupError::Wait { group: "crowd".into(), state: "as asked", errno: Errno::EACCES });
        }
        Ok(())
    }

    fn living(&self) -> Vec<i32> {
        let mut members = self.members.borrow_mut();
        members.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        members.iter().map(|child| child.id().cast_signed()).collect()
    }
}

impl Members for Crowd {
    fn list(&self) -> Result<Vec<i32>, CgroupError> {
        self.looks.set(self.looks.get() + 1);
        if self.looks.get() > ENOUGH {
            return Err(CgroupError::Wait { group: "crowd".into(), state: "empty", errno: Errno::ETIMEDOUT });
        }
        self.loose.set(self.loose.get() + u32::from(!self.stopped.get()));
        let living = self.living();
        if !self.stopped.get() && !living.is_empty() && self.forks.get() > 0 {
            self.forks.set(self.forks.get() - 1);
            self.fork();
        }
        Ok(living)
    }

    fn hold(&self) -> Result<(), CgroupError> {
        self.refused(Cannot::Stopped)?;
        self.stopped.set(true);
        self.stops.set(self.stops.get() + 1);
        Ok(())
    }

    fn let_go(&self) -> Result<(), CgroupError> {
        self.lets.set(self.lets.get() + 1);
        self.refused(Cannot::LetGo)?;
        self.stopped.set(false);
        Ok(())
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for child in self.members.get_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Empty,
    StillStopped,
    Left(usize),
    NeverEnds { stopped: bool },
}

#[test]
fn a_group_that_forks_is_emptied() {
    let crowd = Crowd::of(3);
    let done = kill_members(&crowd);
    let outcome = match (done, crowd.living().len()) {
        (Err(_), _) => Outcome::NeverEnds { stopped: crowd.stops.get() > 0 },
        (Ok(()), _) if crowd.stopped.get() => Outcome::StillStopped,
        (Ok(()), 0) => Outcome::Empty,
        (Ok(()), left) => Outcome::Left(left),
    };
    judge("a group of three, one of which forks after each look at the list")
        .expected(Outcome::Empty)
        .seen(outcome)
        .cause(|seen| match seen {
            Outcome::NeverEnds { stopped: false } => {
                "nobody was stopped: whatever is forked between the list and the last signal is on no list".into()
            }
            Outcome::NeverEnds { stopped: true } if crowd.loose.get() == crowd.looks.get() - 1 => {
                "the list was made before the group stood still: what was forked in between is not on it".into()
            }
            Outcome::StillStopped => {
                "the group was never let go: a stopped process does not die, it only has a signal waiting".into()
            }
            Outcome::Left(1) if crowd.looks.get() == 1 => {
                "the list was looked at once: who was forked meanwhile still lives".into()
            }
            _ => "unknown".into(),
        })
        .read("ch04-cgroups, \"Killing what forks\"");
}

/// A judge of the exercise `kill`: without a freezer there are only signals, and the next look.
#[test]
fn what_cannot_be_stopped_is_killed_all_the_same() {
    let mut crowd = Crowd::of(3);
    crowd.cannot_be = Some(Cannot::Stopped);
    crowd.forks.set(3);
    let done = kill_members(&crowd).is_ok();
    judge("whether a group that cannot be stopped was killed, and how many of it live")
        .expected((true, 0))
        .seen((done, crowd.living().len()))
        .cause(|seen| match seen {
            (true, _) if crowd.looks.get() == 1 => {
                "it was done once: who was forked between the list and the signals still lives".into()
            }
            (false, _) if crowd.looks.get() <= ENOUGH => {
                "it gave up: where nothing can be frozen, go on until the list is empty".into()
            }
            _ => "unknown".into(),
        })
        .read("ch04-cgroups, \"Killing what forks\"");
}

/// A judge of the exercise `kill`.
#[test]
fn what_cannot_be_let_go_is_an_error() {
    let mut crowd = Crowd::of(1);
    crowd.cannot_be = Some(Cannot::LetGo);
    judge("whether it is an error that the group could not be let go")
        .expected(true)
        .seen(kill_members(&crowd).is_err())
        .cause(|_| match crowd.lets.get() {
            0 => "nobody tried to let the group go".into(),
            _ => "the error was lost: what stays stopped keeps its signal waiting, and lives".into(),
        })
        .read("ch04-cgroups, \"Killing what forks\"");
}

#[test]
fn an_empty_group_is_not_even_stopped() {
    let crowd = Crowd::of(0);
    kill_members(&crowd).expect("nobody to kill");
    assert_eq!(crowd.stops.get(), 0);
}
