// mistake: waits for any child, not for this one
loop {
    match rustix::process::wait(rustix::process::WaitOptions::empty()) {
        Ok(None) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(ChildError::Wait { pid: self.pid, errno: errno_of(error) }),
        Ok(Some((_, end))) => {
            self.reaped = true;
            return Ok(ExitStatus::from_parts(end.exit_status(), end.terminating_signal()));
        }
    }
}
