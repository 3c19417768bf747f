// mistake: a file that may not be executed counts as missing
for directory in path.as_bytes().split(|byte| *byte == b':') {
    let candidate = Path::new(OsStr::from_bytes(directory)).join(name);
    if access(&candidate, AccessFlags::X_OK).is_ok() && !candidate.is_dir() {
        return Ok(candidate);
    }
}
Err(ExecError::NotInPath { name: name.display().to_string(), path: path.to_string_lossy().into_owned() })
