// mistake: every record is a line
let window = &bytes[..bytes.len().min(room)];
if let Some(at) = memchr(b'\n', window) {
    return (&window[..at], End::Newline, &bytes[at + 1..]);
}
let end = if window.len() == room { End::Newline } else { End::ToCome };
(window, end, &bytes[window.len()..])
