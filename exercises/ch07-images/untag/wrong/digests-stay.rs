// mistake: only what was named is taken
self.untag(name);
if self.table.references.values().any(|named| named.image == *id) {
    return Ok(());
}
self.delete(id, wish.force, !wish.keep_parents, true)
