// mistake: first find the line, then see whether it is too long
if let Some(at) = memchr(b'\n', bytes) {
    return (&bytes[..at], End::Newline, &bytes[at + 1..]);
}
let window = &bytes[..bytes.len().min(room)];
let end = if window.len() == room { End::Full } else { End::ToCome };
(window, end, &bytes[window.len()..])
