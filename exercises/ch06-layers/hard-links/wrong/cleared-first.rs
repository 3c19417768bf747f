// mistake: room is made for the new name before anybody asks whether that is the target
self.clear(parent, name, path)?;
let missing = || LayerError::entry(path, Refusal::Target(target.into()));
let (Some(within), Some(target_name)) = (target.parent(), target.file_name()) else { return Err(missing()) };
let directory = match beneath::inside(&self.root, within) {
    Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => return Err(missing()),
    other => other.map_err(LayerError::file("open the target of", path))?,
};
match linkat(&directory, target_name, parent, name, AtFlags::empty()) {
    Err(Errno::ENOENT) => Err(missing()),
    other => other.map_err(LayerError::file("link", path)),
}
