// mistake: a process without an exit status is taken for one that exited with 0
loop {
    match waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED) {
        Ok(None) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(ChildError::Wait { pid: self.pid, errno: errno_of(error) }),
        Ok(Some(end)) => {
            self.reaped = true;
            return Ok(ExitStatus::Code(end.exit_status().unwrap_or(0).to_le_bytes()[0]));
        }
    }
}
