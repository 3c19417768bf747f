// mistake: an archive with a name behind a link must be an attack
let found = beneath::look(directory, name).map_err(LayerError::file("look at", entry))?;
match found.map(|found| (beneath::kind(&found), beneath::is_whiteout(&found))) {
    Some((SFlag::S_IFDIR, _)) => {}
    Some((_, false)) => return Err(LayerError::entry(entry, Refusal::NotDirectory)),
    missing_or_deleted => {
        if missing_or_deleted.is_some() {
            self.clear(directory, name, entry)?;
        }
        make_directory(directory, name).map_err(LayerError::file("create a directory for", entry))?;
        self.implied += 1;
        if missing_or_deleted.is_some() {
            self.mark_opaque(directory, name, entry)?;
        }
    }
}
let opened = beneath::open(directory, name, DIRECTORY);
opened.map(Step::Directory).map_err(LayerError::file("open a directory for", entry))
