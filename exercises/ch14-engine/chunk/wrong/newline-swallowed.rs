// mistake: a newline right behind a full piece belongs to it
let window = &bytes[..bytes.len().min(room)];
if let Some(at) = memchr(b'\n', window) {
    return (&window[..at], End::Newline, &bytes[at + 1..]);
}
if let (true, Some(b'\n')) = (window.len() == room, bytes.get(room)) {
    return (window, End::Newline, &bytes[room + 1..]);
}
let end = if window.len() == room { End::Full } else { End::ToCome };
(window, end, &bytes[window.len()..])
