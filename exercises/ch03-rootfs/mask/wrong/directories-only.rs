// mistake: files are left as they are
if is_directory(&target) {
    let cover = match &empty {
        Some(empty) => clone_tree(empty, Path::new(""), false).map_err(failed("copy the mask for", path))?,
        None => empty_directory(path)?,
    };
    attach(cover.as_fd(), target.as_fd()).map_err(failed("mask", path))?;
    if empty.is_none() {
        empty = Some(cover);
    }
} else {
    null = Some(target);
}
let _: (&Option<OwnedFd>, fn(&Places) -> Result<OwnedFd, MaskError>) = (&null, checked_null);
