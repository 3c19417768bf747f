// mistake: a platform suits if it is called the same
let called = |entry: &&Descriptor| entry.platform.as_ref().is_some_and(|offered| offered.to_string() == platform.to_string());
let images = || self.manifests.iter().filter(|entry| !is_attestation(entry));
images().find(called).or_else(|| images().find(|entry| entry.platform.is_none()))
