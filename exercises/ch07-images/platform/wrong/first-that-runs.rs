// mistake: the first that runs here is good enough
let images = || self.manifests.iter().filter(|entry| !is_attestation(entry));
let suits = |entry: &&Descriptor| platform.distance(entry.platform.as_ref()?);
images().find(|entry| suits(entry).is_some()).or_else(|| images().find(|entry| entry.platform.is_none()))
