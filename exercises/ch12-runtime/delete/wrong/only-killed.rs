// mistake: SIGKILL ends everybody, and the kernel ends the rest with process 1
match &init {
    Some((pid, pidfd)) => {
        let _ = sys::pidfd_send_signal(pidfd.as_fd(), Signal::SIGKILL as i32);
        wait_for_end(*pid, pidfd)
    }
    None => Ok(()),
}
