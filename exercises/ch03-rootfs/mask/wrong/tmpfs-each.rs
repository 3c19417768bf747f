// mistake: a new tmpfs for every directory
let cover = if is_directory(&target) {
    empty_directory(path)?
} else {
    null = Some(checked_null(root)?);
    clone_tree(null.as_ref().expect("just set"), Path::new(""), false).map_err(failed("copy the mask for", path))?
};
attach(cover.as_fd(), target.as_fd()).map_err(failed("mask", path))?;
empty = Some(cover);
