//! Any text as one of the headers that say what to do next: what is understood of it is bounded by it, and leads only to
//! where there is a web.

use registry::{
    parse_challenges, parse_content_range, parse_next, parse_progress, parse_retry_after, resolve_location,
};

pub(crate) fn headers(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let challenges = parse_challenges(text);
    let letters: usize = challenges
        .iter()
        .flat_map(|challenge| challenge.parameters.iter().map(|(name, value)| name.len() + value.len()))
        .sum();
    assert!(letters <= text.len() && challenges.len() <= text.len(), "more than was said: {challenges:?}");
    if let Some((first, last, _)) = parse_content_range(text) {
        assert!(first <= last);
    }
    let _ = (parse_progress(text), parse_retry_after(text));
    let base = "https://reg.example:5000/v2/a/b?c=d".parse().expect("an address");
    for location in [Some(text), parse_next(text)].into_iter().flatten() {
        if let Ok(to) = resolve_location(&base, location) {
            assert!(matches!(to.scheme_str(), Some("http" | "https")), "{to}");
            let authority = to.authority().expect("a host").as_str();
            assert!(!authority.contains('@'), "{to} has a user");
        }
    }
}
