// mistake: the namespaces asked for never reach the kernel
let cgroup = self.cgroup.as_ref().map(AsFd::as_fd);
let side = sys::clone3(0, Signal::SIGCHLD as i32, cgroup, alone)
    .map_err(|errno| SpawnError::Clone { flags: names(flags), errno })?;
match side {
    Clone3::Child => {
        drop(ours);
        become_program(inside, &Gate(theirs))
    }
    Clone3::Parent(pid, pidfd) => Ok(Pending { child: Child::new(pid, pidfd), channel: ours }),
}
