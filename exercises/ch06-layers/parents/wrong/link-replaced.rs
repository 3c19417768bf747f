// mistake: the link is taken away, and a directory made in its place
let found = beneath::look(directory, name).map_err(LayerError::file("look at", entry))?;
if found.is_none_or(|found| beneath::kind(&found) != SFlag::S_IFDIR) {
    self.clear(directory, name, entry)?;
    make_directory(directory, name).map_err(LayerError::file("create a directory for", entry))?;
    self.implied += 1;
}
let opened = beneath::open(directory, name, DIRECTORY);
opened.map(Step::Directory).map_err(LayerError::file("open a directory for", entry))
