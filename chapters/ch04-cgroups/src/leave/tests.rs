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
    stopped: Cell<bool>,
    stops: Cell<u32>,
    looks: Cell<u32>,
}

impl Crowd {
    fn of(size: usize) -> Self {
        let crowd = Self::default();
        (0..size).for_each(|_| crowd.fork());
        crowd
    }

    fn fork(&self) {
        let child = Command::new("sleep").arg("1000").spawn().expect("a child");
        self.members.borrow_mut().push(child);
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
        let living = self.living();
        if !self.stopped.get() && !living.is_empty() {
            self.fork();
        }
        Ok(living)
    }

    fn hold(&self) -> Result<(), CgroupError> {
        self.stopped.set(true);
        self.stops.set(self.stops.get() + 1);
        Ok(())
    }

    fn let_go(&self) -> Result<(), CgroupError> {
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
            Outcome::NeverEnds { stopped: true } => {
                "the list was made before the group stood still: what was forked in between is not on it".into()
            }
            Outcome::StillStopped => {
                "the group was never let go: a stopped process does not die, it only has a signal waiting".into()
            }
            Outcome::Left(_) => "the list was looked at once: who was forked meanwhile still lives".into(),
            Outcome::Empty => "unknown".into(),
        })
        .read("ch04-cgroups, \"Killing what forks\"");
}

#[test]
fn an_empty_group_is_not_even_stopped() {
    let crowd = Crowd::of(0);
    kill_members(&crowd).expect("nobody to kill");
    assert_eq!(crowd.stops.get(), 0);
}
