// mistake: what is read at once was printed at once
let window = &bytes[..bytes.len().min(room)];
if let Some(at) = memchr(b'\n', window) {
    return (&window[..at], End::Newline, &bytes[at + 1..]);
}
let end = if window.len() == room { End::Full } else { End::Newline };
(window, end, &bytes[window.len()..])
