// mistake: SIGKILL ends everybody, and the kernel ends the rest with process 1
if let Some((_, pidfd)) = &init {
    let _ = sys::pidfd_send_signal(pidfd.as_fd(), Signal::SIGKILL as i32);
}
init.map_or(Ok(()), wait_for_end)
