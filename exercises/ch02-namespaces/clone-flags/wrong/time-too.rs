// mistake: the time namespace is treated like the others
self.modes.iter().filter(|(_, mode)| matches!(mode, Mode::New)).map(|(kind, _)| kind.clone_flag()).collect()
