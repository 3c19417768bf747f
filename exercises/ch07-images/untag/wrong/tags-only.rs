// mistake: an image without a tag has no name
self.untag(name);
let (tags, digests) = self.table.names_of(id);
if !tags.is_empty() {
    return Ok(());
}
for digest in &digests {
    self.untag(digest);
}
self.delete(id, wish.force, !wish.keep_parents, true)
