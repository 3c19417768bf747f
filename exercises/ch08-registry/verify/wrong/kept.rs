// mistake: who gets an error knows that it is wrong
let found = hash.finish();
if found != expected {
    return Err(IngestError::Digest { expected, found });
}
Ok(fs::rename(path, blobs.path(&expected)).map_err(DiskError::at("rename", path))?)
