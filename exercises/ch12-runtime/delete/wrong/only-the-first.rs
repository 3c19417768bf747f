// mistake: a container ends with its first process
if let Ok(group) = self.cgroup() {
    group.thaw()?;
}
if let Some((_, pidfd)) = &init {
    let _ = sys::pidfd_send_signal(pidfd.as_fd(), Signal::SIGKILL as i32);
}
init.map_or(Ok(()), wait_for_end)
