// mistake: an image that nobody can call is garbage
for named in table.references.values() {
    needs.image(store, table, &named.image);
}
for container in uses {
    needs.blobs.extend(container.image.parse());
    needs.layers.extend(container.layers.iter().cloned());
}
let claimed = ingest::needed(store)?;
needs.blobs.extend(claimed.iter().cloned());
needs.layers.extend(claimed);
Ok(needs)
