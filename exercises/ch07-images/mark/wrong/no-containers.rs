// mistake: a container has an image, and images are marked
let _ = uses;
for id in table.images.keys() {
    needs.image(store, table, id);
}
let claimed = ingest::needed(store)?;
needs.blobs.extend(claimed.iter().cloned());
needs.layers.extend(claimed);
Ok(needs)
