// mistake: what is not for this platform will not be chosen, so nothing else has to be left out
let suits = |entry: &&Descriptor| platform.distance(entry.platform.as_ref()?);
let best = self.manifests.iter().filter(|entry| suits(entry).is_some()).min_by_key(suits);
best.or_else(|| self.manifests.iter().find(|entry| entry.platform.is_none()))
