// mistake: without WNOHANG the loop sleeps in wait(2) until the next end
loop {
    match wait(WaitOptions::empty()) {
        Ok(Some((pid, status))) if pid.as_raw_pid() == main.as_raw() => {
            ended = Some(ExitStatus::from_parts(status.exit_status(), status.terminating_signal()));
        }
        Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
        Ok(None) | Err(_) => return ended,
    }
}
