// mistake: everything that is mentioned is taken for new
self.modes.keys().filter(|kind| **kind != Kind::Time).map(|kind| kind.clone_flag()).collect()
