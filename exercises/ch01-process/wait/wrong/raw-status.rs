// mistake: the raw status of waitpid(2) is taken for the exit status
loop {
    let pid = rustix::process::Pid::from_raw(self.pid.as_raw());
    match rustix::process::waitpid(pid, rustix::process::WaitOptions::empty()) {
        Ok(None) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(ChildError::Wait { pid: self.pid, errno: errno_of(error) }),
        Ok(Some((_, status))) => {
            self.reaped = true;
            return Ok(ExitStatus::Code(status.as_raw().to_le_bytes()[0]));
        }
    }
}
