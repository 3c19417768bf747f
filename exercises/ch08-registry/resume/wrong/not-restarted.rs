// mistake: 200 is the whole, and the whole has blob.size bytes
let _ = &download;
if response.status == StatusCode::OK {
    return Ok(blob.size);
}
if starts_at(range, first, blob.size) {
    return Ok(blob.size - first);
}
*whole = true;
Err(Ended::Broken(wrong(response, "it does not go on where we asked it to".into())))
