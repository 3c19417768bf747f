// mistake: a target behind a link must be an attack
let missing = || LayerError::entry(path, Refusal::Target(target.into()));
let (Some(within), Some(target_name)) = (target.parent(), target.file_name()) else { return Err(missing()) };
let directory = match beneath::open(&self.root, within, DIRECTORY) {
    Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => return Err(missing()),
    other => other.map_err(LayerError::file("open the target of", path))?,
};
if name == target_name && beneath::same(&directory, parent).map_err(LayerError::file("look at", path))? {
    return Err(LayerError::entry(path, Refusal::Itself));
}
self.clear(parent, name, path)?;
match linkat(&directory, target_name, parent, name, AtFlags::empty()) {
    Err(Errno::ENOENT) => Err(missing()),
    other => other.map_err(LayerError::file("link", path)),
}
