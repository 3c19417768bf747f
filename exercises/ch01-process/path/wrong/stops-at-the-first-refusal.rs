// mistake: the search ends at the first file that may not be executed
for directory in path.as_bytes().split(|byte| *byte == b':') {
    let candidate = Path::new(OsStr::from_bytes(directory)).join(name);
    match access(&candidate, AccessFlags::X_OK) {
        Ok(()) if !candidate.is_dir() => return Ok(candidate),
        Err(Errno::EACCES) => return Err(ExecError::Exec { program: candidate, errno: Errno::EACCES }),
        _ => {}
    }
}
Err(ExecError::NotInPath { name: name.display().to_string(), path: path.to_string_lossy().into_owned() })
