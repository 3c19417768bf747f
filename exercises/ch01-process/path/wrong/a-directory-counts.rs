// mistake: whatever has an x bit is a program
let mut denied = None;
for directory in path.as_bytes().split(|byte| *byte == b':') {
    let candidate = Path::new(OsStr::from_bytes(directory)).join(name);
    match access(&candidate, AccessFlags::X_OK) {
        Ok(()) => return Ok(candidate),
        Err(Errno::EACCES) => denied = denied.or(Some(candidate)),
        _ => {}
    }
}
match denied {
    Some(program) => Err(ExecError::Exec { program, errno: Errno::EACCES }),
    None => Err(ExecError::NotInPath { name: name.display().to_string(), path: path.to_string_lossy().into_owned() }),
}
