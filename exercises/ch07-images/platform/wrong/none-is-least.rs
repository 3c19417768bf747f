// mistake: the least of all is looked for, and None is less than every number
let images = || self.manifests.iter().filter(|entry| !is_attestation(entry));
images().min_by_key(|entry| platform.distance(entry.platform.as_ref()?))
