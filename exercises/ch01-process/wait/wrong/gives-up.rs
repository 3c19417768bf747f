// mistake: an interrupted wait is given up
match waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED) {
    Err(error) => Err(ChildError::Wait { pid: self.pid, errno: errno_of(error) }),
    Ok(end) => {
        self.reaped = true;
        Ok(ExitStatus::from_parts(
            end.as_ref().and_then(|end| end.exit_status()),
            end.as_ref().and_then(|end| end.terminating_signal()),
        ))
    }
}
