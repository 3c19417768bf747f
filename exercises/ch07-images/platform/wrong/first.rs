// mistake: an index begins with what most people want
let _ = platform;
self.manifests.first()
