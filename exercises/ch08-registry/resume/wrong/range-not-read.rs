// mistake: 206 is what was asked for
let _ = (range, &whole);
if response.status == StatusCode::OK {
    download.restart().map_err(IngestError::from)?;
    return Ok(blob.size);
}
Ok(blob.size - first)
