// mistake: linkat walks along the target's name by itself, and follows links on the way
if target == path {
    return Err(LayerError::entry(path, Refusal::Itself));
}
self.clear(parent, name, path)?;
match linkat(&self.root, target, parent, name, AtFlags::empty()) {
    Err(Errno::ENOENT | Errno::ENOTDIR) => Err(LayerError::entry(path, Refusal::Target(target.into()))),
    other => other.map_err(LayerError::file("link", path)),
}
