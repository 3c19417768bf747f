// mistake: a server that is asked again may do better
let _ = &whole;
if response.status == StatusCode::OK {
    download.restart().map_err(IngestError::from)?;
    return Ok(blob.size);
}
if starts_at(range, first, blob.size) {
    return Ok(blob.size - first);
}
Err(Ended::Broken(wrong(response, "it does not go on where we asked it to".into())))
