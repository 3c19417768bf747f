// mistake: all that a container has of its image is the layers
for id in table.images.keys() {
    needs.image(store, table, id);
}
for container in uses {
    needs.layers.extend(container.layers.iter().cloned());
}
let claimed = ingest::needed(store)?;
needs.blobs.extend(claimed.iter().cloned());
needs.layers.extend(claimed);
Ok(needs)
