//! Addresses that a server sends back, relative to what was asked (RFC 3986, section 5).

use thiserror::Error;
use ureq::http::Uri;

use crate::host::Authority;

/// A `Location` that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no address on the web")]
pub struct LocationError(String);

/// Where `location` leads from `base`, without a fragment.
///
/// # Errors
/// [`LocationError`].
pub fn resolve(base: &Uri, location: &str) -> Result<Uri, LocationError> {
    let wrong = || LocationError(location.chars().take(200).collect());
    let location = location.split('#').next().unwrap_or_default();
    let scheme = base.scheme_str().unwrap_or("https");
    let authority = base.authority().map_or("", |authority| authority.as_str());
    let text = if location.contains("://") && !location.starts_with(['/', '?', '.']) {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{}", without_dots(location))
    } else if location.starts_with('?') {
        format!("{scheme}://{authority}{}{location}", base.path())
    } else if location.is_empty() {
        return Ok(base.clone());
    } else {
        let directory = base.path().rsplit_once('/').map_or("", |(directory, _)| directory);
        format!("{scheme}://{authority}{}", without_dots(&format!("{directory}/{location}")))
    };
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || authority_of(&uri).is_none() {
        return Err(wrong());
    }
    Ok(uri)
}

/// An address for people. What stands after `?` may be a signature that opens a door.
pub(crate) fn without_query(uri: &Uri) -> String {
    let mut text = uri.to_string();
    text.truncate(text.find('?').unwrap_or(text.len()));
    text
}

/// Whom to ask for `uri`; nobody, if there is a user in it: who sends one wants to be taken for somebody else.
pub(crate) fn authority_of(uri: &Uri) -> Option<Authority> {
    Authority::parse(uri.authority()?.as_str())
}

/// The same scheme, host and port: what may hear a secret that was meant for the other.
// ANCHOR: same_origin
pub(crate) fn same_origin(a: &Uri, b: &Uri) -> bool {
    let tls = |uri: &Uri| uri.scheme_str() == Some("https");
    match (authority_of(a), authority_of(b)) {
        (Some(one), Some(other)) => {
            tls(a) == tls(b) && one.host() == other.host() && one.port(tls(a)) == other.port(tls(b))
        }
        _ => false,
    }
}
// ANCHOR_END: same_origin

/// A path without `.` and `..`; the query stays.
fn without_dots(path: &str) -> String {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').skip(1) {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part),
        }
    }
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("/{}{query}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_leads_on_from_where_it_was_said() {
        let base: Uri = "https://reg.example:5000/v2/a/b?x=1".parse().expect("an address");
        let cases = [
            ("https://cdn.example/x?y=1#z", "https://cdn.example/x?y=1"),
            ("//cdn.example/x", "https://cdn.example/x"),
            ("/v2/c?_state=a%3D", "https://reg.example:5000/v2/c?_state=a%3D"),
            ("c", "https://reg.example:5000/v2/a/c"),
            ("../c", "https://reg.example:5000/v2/c"),
            ("/../../c", "https://reg.example:5000/c"),
            ("?y=2", "https://reg.example:5000/v2/a/b?y=2"),
            ("/x?to=http://other", "https://reg.example:5000/x?to=http://other"),
            ("", "https://reg.example:5000/v2/a/b?x=1"),
        ];
        for (location, expected) in cases {
            assert_eq!(resolve(&base, location).map(|uri| uri.to_string()).as_deref(), Ok(expected), "{location}");
        }
        for location in
            ["ftp://x/y", "file:///etc/passwd", "https://user@x/", "https:///x", "http://[::1/", "http://x y"]
        {
            assert!(resolve(&base, location).is_err(), "{location}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let same = |a: &str, b: &str| same_origin(&a.parse().expect("an address"), &b.parse().expect("an address"));
        assert!(same("https://A/x", "https://a:443/y"));
        for other in ["http://a/", "https://a:444/", "https://b/", "https://a.b/"] {
            assert!(!same("https://a/", other), "{other}");
        }
    }
}
