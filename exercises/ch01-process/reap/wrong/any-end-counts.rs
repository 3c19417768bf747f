// mistake: the status of whoever ended last is taken for main's
loop {
    match wait(WaitOptions::NOHANG) {
        Ok(Some((_, status))) => {
            ended = Some(ExitStatus::from_parts(status.exit_status(), status.terminating_signal()));
        }
        Err(rustix::io::Errno::INTR) => {}
        Ok(None) | Err(_) => return ended,
    }
}
