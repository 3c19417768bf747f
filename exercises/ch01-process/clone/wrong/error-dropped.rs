// mistake: the child runs its closure and ends without a word about what came out of it
let bits = u64::from(flags.bits().cast_unsigned());
let cgroup = self.cgroup.as_ref().map(AsFd::as_fd);
let side = sys::clone3(bits, Signal::SIGCHLD as i32, cgroup, alone)
    .map_err(|errno| SpawnError::Clone { flags: names(flags), errno })?;
match side {
    Clone3::Child => {
        drop(ours);
        let _ = inside(&Gate(theirs));
        sys::exit_now(crate::ENGINE_FAILED)
    }
    Clone3::Parent(pid, pidfd) => Ok(Pending { child: Child::new(pid, pidfd), channel: ours }),
}
