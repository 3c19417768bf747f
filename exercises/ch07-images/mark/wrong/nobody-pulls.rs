// mistake: what is on its way in is not here yet, so it cannot be removed
for id in table.images.keys() {
    needs.image(store, table, id);
}
for container in uses {
    needs.blobs.extend(container.image.parse());
    needs.layers.extend(container.layers.iter().cloned());
}
Ok(needs)
