// mistake: a whiteout is looked for first, and the opaque marker begins like one
let parent = path.parent().unwrap_or(Path::new("")).to_path_buf();
let last = path.file_name().unwrap_or_default().as_bytes();
if let Some(hidden) = last.strip_prefix(WHITEOUT) {
    if matches!(hidden, b"" | b"." | b"..") {
        return Err(LayerError::entry(path, Refusal::Whiteout));
    }
    return Ok(Meaning::Whiteout(parent.join(OsStr::from_bytes(hidden))));
}
if last == OPAQUE {
    return Ok(Meaning::Opaque(parent));
}
if path.components().any(|part| part.as_os_str().as_bytes().starts_with(META)) {
    return Ok(Meaning::Nothing);
}
Ok(Meaning::File)
