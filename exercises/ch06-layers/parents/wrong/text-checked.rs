// mistake: a link counts as harmless if its text has no .. and no slash in front
let found = beneath::look(directory, name).map_err(LayerError::file("look at", entry))?;
match found.map(|found| beneath::kind(&found)) {
    Some(SFlag::S_IFLNK) => {
        let target = nix::fcntl::readlinkat(directory, name).map_err(LayerError::file("look at", entry))?;
        let target = Path::new(&target);
        if target.is_absolute() || target.components().any(|part| part.as_os_str() == "..") {
            return Err(LayerError::entry(entry, Refusal::Link));
        }
    }
    Some(SFlag::S_IFDIR) => {}
    Some(_) => return Err(LayerError::entry(entry, Refusal::NotDirectory)),
    None => {
        make_directory(directory, name).map_err(LayerError::file("create a directory for", entry))?;
        self.implied += 1;
    }
}
openat(directory, name, DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
    .map_err(LayerError::file("open a directory for", entry))
