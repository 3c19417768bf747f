//! What these commands share: who we are to a registry, and how it is named.

use process::Failure;
use registry::{Client, CredentialStore, Progress, Surroundings};

use crate::commands::entry::Context;

/// Docker's registry, as names begin.
pub(super) const DOCKER: &str = "docker.io";

/// Docker's registry under its names, old and new.
const DOCKER_HOSTS: [&str; 3] = [DOCKER, "index.docker.io", "registry-1.docker.io"];

/// With the credentials of docker's client.
pub(crate) fn client<'a>(context: &Context, progress: &'a dyn Progress) -> Result<Client<'a>, Failure> {
    Ok(Client::new(Surroundings::read()?, CredentialStore::new(context.config.as_deref()), progress))
}

/// The host of a registry, as somebody may write it: with a scheme and a path, or not at all.
pub(super) fn server(text: Option<&str>) -> &str {
    let text = text.unwrap_or(DOCKER);
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
    let host = host.split('/').next().unwrap_or_default();
    if DOCKER_HOSTS.contains(&host) { DOCKER } else { host }
}

/// Whether a name says which of its images is meant.
pub(super) fn has_tag(name: &str) -> bool {
    name.contains('@') || name.rsplit('/').next().is_some_and(|last| last.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_its_host() {
        for text in [None, Some("docker.io"), Some("https://index.docker.io/v1/"), Some("registry-1.docker.io")] {
            assert_eq!(server(text), DOCKER);
        }
        assert_eq!(server(Some("https://reg.example:5000/v2/")), "reg.example:5000");
    }

    #[test]
    fn a_port_is_no_tag() {
        assert!(has_tag("a:1") && has_tag("h:1/a:1") && has_tag("a@sha256:0"));
        assert!(!has_tag("a") && !has_tag("h:1/a"));
    }
}
