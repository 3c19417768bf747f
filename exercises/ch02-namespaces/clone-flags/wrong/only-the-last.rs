// mistake: each flag replaces the one before
let mut flags = CloneFlags::empty();
for (kind, mode) in &self.modes {
    if matches!(mode, Mode::New) && *kind != Kind::Time {
        flags = kind.clone_flag();
    }
}
flags
