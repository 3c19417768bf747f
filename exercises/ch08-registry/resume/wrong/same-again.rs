// mistake: a server that is asked again may do better
let _ = &whole;
let length = if response.status == StatusCode::OK {
    download.restart().map_err(IngestError::from)?;
    blob.size
} else if starts_at(range, first, blob.size) {
    blob.size - first
} else {
    return Err(Ended::Broken(wrong(response, "it does not go on where we asked it to".into())));
};
