//! Proxies, from the environment, by the rules of Go, which docker's users know: `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`,
//! or the same in small letters.
//!
//! <https://pkg.go.dev/golang.org/x/net/http/httpproxy>

use std::net::IpAddr;

use crate::network::Network;

/// What the environment says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    http: Option<String>,
    https: Option<String>,
    none: String,
}

impl Proxies {
    /// As `variable` says.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let either = |name: &str| {
            let value = variable(name).filter(|value| !value.is_empty()).or_else(|| variable(&name.to_lowercase()));
            value.filter(|value| !value.is_empty())
        };
        Self { http: either("HTTP_PROXY"), https: either("HTTPS_PROXY"), none: either("NO_PROXY").unwrap_or_default() }
    }

    /// Whom to ask for `host` (without brackets) at `port`, or nobody. This machine is always asked itself.
    pub(crate) fn for_host(&self, tls: bool, host: &str, port: u16) -> Option<&str> {
        let proxy = if tls { self.https.as_deref() } else { self.http.as_deref() }?;
        let address: Option<IpAddr> = host.parse().ok();
        let own = host == "localhost" || address.is_some_and(|address| address.is_loopback());
        (!own && !self.excludes(&host.to_lowercase(), address, port)).then_some(proxy)
    }

    fn excludes(&self, host: &str, address: Option<IpAddr>, port: u16) -> bool {
        self.none.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
            let entry = entry.to_lowercase();
            if entry == "*" {
                return true;
            }
            if let (Ok(network), Some(address)) = (entry.parse::<Network>(), address) {
                return network.has(address);
            }
            let (name, wanted) = split_port(&entry);
            if wanted.is_some_and(|wanted| wanted != port) {
                return false;
            }
            match (name.parse::<IpAddr>(), address) {
                (Ok(entry), Some(address)) => entry == address,
                (_, Some(_)) => false,
                // A name means itself and all below it; with a dot or a star in front only those.
                _ => match name.strip_prefix("*.").or_else(|| name.strip_prefix('.')) {
                    Some(domain) => is_below(host, domain),
                    None => host == name || is_below(host, name),
                },
            }
        })
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

fn split_port(entry: &str) -> (&str, Option<u16>) {
    if let Some((address, rest)) = entry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (address, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') => (name, port.parse().ok()),
        _ => (entry, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_those_of_go() {
        let none = "10.0.0.0/8, .corp.example,*.star.example,plain.example,1.2.3.4,with.port:8443,[fe80::1]:5000";
        let proxies = Proxies::read(|name| match name {
            "https_proxy" => Some("http://proxy:3128".into()),
            "NO_PROXY" => Some(none.into()),
            _ => None,
        });
        let asked = |host, port| proxies.for_host(true, host, port).is_some();
        for (host, port) in [("reg.example", 443), ("corp.example", 443), ("11.0.0.1", 443), ("with.port", 443)] {
            assert!(asked(host, port), "{host}");
        }
        for (host, port) in [
            ("10.9.9.9", 443),
            ("a.corp.example", 443),
            ("a.star.example", 443),
            ("PLAIN.example", 443),
            ("sub.plain.example", 443),
            ("1.2.3.4", 443),
            ("with.port", 8443),
            ("fe80::1", 5000),
            ("localhost", 443),
            ("127.0.0.1", 443),
            ("::1", 443),
        ] {
            assert!(!asked(host, port), "{host}");
        }
        assert_eq!(proxies.for_host(false, "reg.example", 80), None);
    }

    #[test]
    fn a_star_is_for_all() {
        let proxies = Proxies::read(|name| Some(if name == "NO_PROXY" { "*" } else { "http://p" }.into()));
        assert_eq!(proxies.for_host(true, "reg.example", 443), None);
    }
}
