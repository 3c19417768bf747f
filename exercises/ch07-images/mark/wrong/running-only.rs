// mistake: a container that has stopped needs nothing
for id in table.images.keys() {
    needs.image(store, table, id);
}
for container in uses.iter().filter(|container| container.running) {
    needs.blobs.extend(container.image.parse());
    needs.layers.extend(container.layers.iter().cloned());
}
let claimed = ingest::needed(store)?;
needs.blobs.extend(claimed.iter().cloned());
needs.layers.extend(claimed);
Ok(needs)
