// mistake: 206 is what was asked for
let _ = (range, &whole);
let length = if response.status == StatusCode::OK {
    download.restart().map_err(IngestError::from)?;
    blob.size
} else {
    blob.size - first
};
