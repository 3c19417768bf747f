//! Where a registry is, and how far plain HTTP may be trusted to get there.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::settings::Settings;

/// Names of docker's registry, and the host that serves it.
const DOCKER: &str = "docker.io";
const DOCKER_HOST: &str = "registry-1.docker.io";

/// Whether a registry has to prove who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// By a certificate, always.
    Certificate,
    /// It is this machine: what is dialled is a loopback address, and nothing else.
    Loopback,
    /// The administrator says that it need not.
    Insecure,
}

/// A host and its port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Authority {
    /// Without brackets.
    host: String,
    port: Option<u16>,
}

impl Authority {
    /// Of `host`, `host:port` or `[v6]:port`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, rest)) => {
                address.parse::<Ipv6Addr>().ok()?;
                (address, rest.strip_prefix(':').or(rest.is_empty().then_some("")))
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, Some("")),
            },
        };
        let port = match port? {
            "" if !text.ends_with(':') => None,
            port => Some(port.parse().ok()?),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        // Its name is a directory's, where its certificates are: not the one above.
        let named = host.bytes().any(|byte| byte.is_ascii_alphanumeric() || byte == b':');
        (named && host.bytes().all(plain)).then(|| Self { host: host.to_lowercase(), port })
    }

    /// The one that serves images whose names begin with `domain`.
    pub(crate) fn of_domain(domain: &str) -> Option<Self> {
        Self::parse(if domain == DOCKER { DOCKER_HOST } else { domain })
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self, tls: bool) -> u16 {
        self.port.unwrap_or(if tls { 443 } else { 80 })
    }

    /// The addresses, if this is loopback by what is written. A *name* is not, whatever it resolves to: whoever answers for it
    /// can let it resolve to one loopback address among others (CVE-2026-92543).
    pub(crate) fn loopback(&self) -> Option<Vec<IpAddr>> {
        match self.host.as_str() {
            "localhost" => Some(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]),
            host => host.parse().ok().filter(IpAddr::is_loopback).map(|address| vec![address]),
        }
    }

    /// How far it is trusted.
    pub(crate) fn trust(&self, settings: &Settings) -> Trust {
        if self.loopback().is_some() {
            Trust::Loopback
        } else if settings.allows_insecure(&self.to_string(), &self.host) {
            Trust::Insecure
        } else {
            Trust::Certificate
        }
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(out, "[{}]", self.host)?;
        } else {
            out.write_str(&self.host)?;
        }
        self.port.map_or(Ok(()), |port| write!(out, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_and_printed() {
        for text in ["reg.example", "reg.example:5000", "[::1]:5000", "[::1]", "10.0.0.1:80"] {
            assert_eq!(Authority::parse(text).map(|authority| authority.to_string()).as_deref(), Some(text));
        }
        for text in
            ["", ":5000", "a:b", "a:99999", "a:", "[x]:1", "[::1]x", "a@b", "a/b", "a b", "[::1]:", "::1", ".", ".."]
        {
            assert_eq!(Authority::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn only_what_is_written_as_loopback_is_loopback() {
        let trust = |text| Authority::parse(text).expect("a host").trust(&Settings::default());
        for text in ["localhost", "LOCALHOST:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000"] {
            assert_eq!(trust(text), Trust::Loopback, "{text}");
        }
        for text in ["localhost.example", "my-localhost", "128.0.0.1", "[::2]", "0.0.0.0", "x.localhost"] {
            assert_eq!(trust(text), Trust::Certificate, "{text}");
        }
    }
}
