// mistake: directories are left as they are
if is_directory(&target) {
    empty = Some(target);
} else {
    null = Some(checked_null(root)?);
    let cover =
        clone_tree(null.as_ref().expect("just set"), Path::new(""), false).map_err(failed("copy the mask for", path))?;
    attach(cover.as_fd(), target.as_fd()).map_err(failed("mask", path))?;
}
let _: (&Option<OwnedFd>, fn(&Path) -> Result<OwnedFd, MaskError>) = (&empty, empty_directory);
