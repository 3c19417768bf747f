//! A control group and how long it stays.

use cgroups::{Cgroup, CgroupError};

/// A group that does not outlive what it was made for.
#[derive(Debug)]
pub(crate) struct Group(Option<Cgroup>);

impl Group {
    pub(crate) fn new(group: Cgroup) -> Self {
        Self(Some(group))
    }

    /// The group.
    pub(crate) fn get(&self) -> &Cgroup {
        self.0.as_ref().expect("present until it is removed")
    }

    /// As it is, and for others to end.
    pub(crate) fn leave(mut self) {
        self.0.take();
    }

    /// Without a process, and for others to remove.
    pub(crate) fn emptied(mut self) -> Result<Cgroup, CgroupError> {
        self.get().kill()?;
        Ok(self.0.take().expect("present until now"))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0.take()
            && group.kill().is_ok()
        {
            let _ = group.remove();
        }
    }
}
