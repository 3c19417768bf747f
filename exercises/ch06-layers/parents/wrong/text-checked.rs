// mistake: a link counts as harmless if its text has no .. and no slash in front, and is followed then
let found = beneath::look(directory, name).map_err(LayerError::file("look at", entry))?;
match found.map(|found| beneath::kind(&found)) {
    Some(SFlag::S_IFLNK) => {
        let target = readlinkat(directory, name).map_err(LayerError::file("look at", entry))?;
        let text = Path::new(&target);
        if text.is_absolute() || text.starts_with("..") {
            return Ok(Step::Link(target.into()));
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
    .map(Step::Directory)
    .map_err(LayerError::file("open a directory for", entry))
