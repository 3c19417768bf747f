// mistake: the whiteout is made in the root of the layer, not where its marker is
let parent = path.parent().unwrap_or(Path::new("")).to_path_buf();
let last = path.file_name().unwrap_or_default().as_bytes();
if last == OPAQUE {
    return Ok(Meaning::Opaque(parent));
}
if path.components().any(|part| part.as_os_str().as_bytes().starts_with(META)) {
    return Ok(Meaning::Nothing);
}
match last.strip_prefix(WHITEOUT) {
    None => Ok(Meaning::File),
    Some(b"" | b"." | b"..") => Err(LayerError::entry(path, Refusal::Whiteout)),
    Some(hidden) => Ok(Meaning::Whiteout(PathBuf::from(OsStr::from_bytes(hidden)))),
}
