// mistake: one wait for one SIGCHLD
if let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG)
    && pid.as_raw_pid() == main.as_raw()
{
    ended = Some(ExitStatus::from_parts(status.exit_status(), status.terminating_signal()));
}
ended
