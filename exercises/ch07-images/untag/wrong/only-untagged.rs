// mistake: what has no name any more is for prune to find
self.untag(name);
let (tags, digests) = self.table.names_of(id);
let beside = |other: &&Reference| other.name() == name.name();
if name.digest().is_none() && !tags.iter().any(|tag| beside(&tag)) {
    for digest in digests.iter().filter(beside) {
        self.untag(digest);
    }
}
let _ = wish;
Ok(())
