// mistake: it is compared, so the order does not matter
fs::rename(path, blobs.path(&expected)).map_err(DiskError::at("rename", path))?;
let found = hash.finish();
if found != expected {
    return Err(IngestError::Digest { expected, found });
}
Ok(())
