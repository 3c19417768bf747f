// mistake: a plain open, which follows the link that an earlier entry has made
match openat(directory, name, DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()) {
    Err(Errno::ENOENT) => {
        make_directory(directory, name).map_err(LayerError::file("create a directory for", entry))?;
        self.implied += 1;
        openat(directory, name, DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
    }
    other => other,
}
.map(Step::Directory)
.map_err(LayerError::file("open a directory for", entry))
