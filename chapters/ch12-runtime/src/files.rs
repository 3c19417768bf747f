//! `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf`: the container's own, in place of the image's.

use std::fmt::Write as _;

/// `/etc/hosts`: the host's text where the network is shared (`host`), else what every container has; then `--add-host`,
/// as `(name, address)`.
pub fn hosts(host: Option<&str>, extra: &[(String, String)]) -> String {
    const OWN: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\n\
        ff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n";
    let mut text = host.unwrap_or(OWN).to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for (name, address) in extra {
        // Writing to memory does not fail.
        let _ = writeln!(text, "{address}\t{name}");
    }
    text
}

/// What `--dns` and its like ask for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Resolver<'a> {
    /// Addresses of servers.
    pub servers: &'a [String],
    /// Domains to try; a single `.` is none at all.
    pub search: &'a [String],
    /// `ndots:2` and its like.
    pub options: &'a [String],
}

/// `/etc/resolv.conf`: the host's text, with each part that is given in place of the host's.
pub fn resolv_conf(host: &str, resolver: Resolver) -> String {
    let parts = [("nameserver", resolver.servers), ("search", resolver.search), ("options", resolver.options)];
    if parts.iter().all(|(_, given)| given.is_empty()) {
        return host.into();
    }
    let replaced = |line: &str| {
        let keyword = line.split_whitespace().next().unwrap_or_default();
        let keyword = if keyword == "domain" { "search" } else { keyword };
        parts.iter().any(|(name, given)| *name == keyword && !given.is_empty())
    };
    let mut lines: Vec<String> = resolver.servers.iter().map(|server| format!("nameserver {server}")).collect();
    lines.extend(host.lines().filter(|line| !replaced(line)).map(str::to_owned));
    for (name, given) in &parts[1..] {
        if !given.is_empty() && *given != ["."] {
            lines.push(format!("{name} {}", given.join(" ")));
        }
    }
    lines.iter().fold(String::new(), |text, line| text + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn names_come_behind_what_is_there() {
        let extra = [("db".to_owned(), "10.0.0.2".to_owned())];
        assert_eq!(hosts(Some("1.2.3.4 me"), &extra), "1.2.3.4 me\n10.0.0.2\tdb\n");
        assert!(hosts(None, &extra).ends_with("ip6-allrouters\n10.0.0.2\tdb\n"));
    }

    #[test]
    fn each_part_replaces_the_hosts() {
        let host = "# made by hand\nnameserver 9.9.9.9\ndomain old\noptions rotate\n";
        assert_eq!(resolv_conf(host, Resolver::default()), host);
        let (servers, search, options) = (words(&["1.1.1.1", "::1"]), words(&["a.b", "c"]), words(&["ndots:2"]));
        let resolver = Resolver { servers: &servers, search: &search, options: &options };
        assert_eq!(
            resolv_conf(host, resolver),
            "nameserver 1.1.1.1\nnameserver ::1\n# made by hand\nsearch a.b c\noptions ndots:2\n"
        );
        let none = words(&["."]);
        let resolver = Resolver { search: &none, ..Resolver::default() };
        assert_eq!(resolv_conf(host, resolver), "# made by hand\nnameserver 9.9.9.9\noptions rotate\n");
    }
}
