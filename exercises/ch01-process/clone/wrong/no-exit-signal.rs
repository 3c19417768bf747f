// mistake: no exit signal
let bits = u64::from(flags.bits().cast_unsigned());
let cgroup = self.cgroup.as_ref().map(AsFd::as_fd);
let side = sys::clone3(bits, 0, cgroup, alone)
    .map_err(|errno| SpawnError::Clone { flags: names(flags), errno })?;
match side {
    Clone3::Child => {
        drop(ours);
        become_program(inside, &Gate(theirs))
    }
    Clone3::Parent(pid, pidfd) => Ok(Pending { child: Child::new(pid, pidfd), channel: ours }),
}
