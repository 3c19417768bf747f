// mistake: 200 is the whole, and the whole has blob.size bytes
let length = if response.status == StatusCode::OK {
    blob.size
} else if starts_at(range, first, blob.size) {
    blob.size - first
} else {
    let _ = &download;
    *whole = true;
    return Err(Ended::Broken(wrong(response, "it does not go on where we asked it to".into())));
};
