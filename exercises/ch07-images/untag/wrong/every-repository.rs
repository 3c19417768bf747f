// mistake: names with a digest are no names of their own, wherever they come from
self.untag(name);
let (tags, digests) = self.table.names_of(id);
if name.digest().is_none() && !tags.iter().any(|tag| tag.name() == name.name()) {
    for digest in &digests {
        self.untag(digest);
    }
}
if self.table.references.values().any(|named| named.image == *id) {
    return Ok(());
}
self.delete(id, wish.force, !wish.keep_parents, true)
