//! resolv.conf(5): whom to ask, how long to wait, and under which domains a short name may stand.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

const PORT: u16 = 53;
/// As glibc: what comes after is ignored.
const MOST_SERVERS: usize = 3;
/// Glibc has no limit since 2.26. Each costs a question.
const MOST_DOMAINS: usize = 16;

/// What the file says, with glibc's defaults and limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvConf {
    /// Whom to ask, in order; this machine if the file names nobody.
    pub servers: Vec<SocketAddr>,
    /// Domains to try.
    pub search: Vec<String>,
    /// A name with so many dots is first tried as it is.
    pub ndots: usize,
    /// How long one server may take.
    pub timeout: Duration,
    /// How often all servers are asked.
    pub attempts: usize,
    /// The next question begins with the next server.
    pub rotate: bool,
    /// Only TCP.
    pub tcp: bool,
}

impl ResolvConf {
    /// Reads the text of the file. Lines that nobody knows are skipped, as glibc does.
    pub fn parse(text: &str) -> Self {
        let mut conf = Self {
            servers: Vec::new(),
            search: Vec::new(),
            ndots: 1,
            timeout: Duration::from_secs(5),
            attempts: 2,
            rotate: false,
            tcp: false,
        };
        for line in text.lines().filter(|line| !line.starts_with(['#', ';'])) {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") if conf.servers.len() < MOST_SERVERS => {
                    conf.servers.extend(words.next().and_then(server));
                }
                // The last line of the two kinds counts.
                Some("domain") => conf.search = words.next().map(domain).into_iter().collect(),
                Some("search") => conf.search = words.map(domain).take(MOST_DOMAINS).collect(),
                Some("options") => words.for_each(|option| conf.option(option)),
                _ => {}
            }
        }
        if conf.servers.is_empty() {
            conf.servers.push((Ipv4Addr::LOCALHOST, PORT).into());
        }
        conf
    }

    fn option(&mut self, option: &str) {
        let (name, value) = option.split_once(':').unwrap_or((option, ""));
        let number = value.parse::<u8>().ok();
        match (name, number) {
            ("ndots", Some(number)) => self.ndots = usize::from(number.min(15)),
            ("timeout", Some(number)) => self.timeout = Duration::from_secs(u64::from(number.clamp(1, 30))),
            ("attempts", Some(number)) => self.attempts = usize::from(number.clamp(1, 5)),
            ("rotate", _) => self.rotate = true,
            ("use-vc", _) => self.tcp = true,
            _ => {}
        }
    }

    /// The full names that `name` may mean, in the order in which they are tried.
    pub fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(absolute) = name.strip_suffix('.') {
            return vec![absolute.into()];
        }
        let mut names: Vec<String> = self.search.iter().map(|domain| format!("{name}.{domain}")).collect();
        let early = name.bytes().filter(|byte| *byte == b'.').count() >= self.ndots;
        names.insert(if early { 0 } else { names.len() }, name.into());
        names
    }
}

fn domain(word: &str) -> String {
    word.trim_end_matches('.').into()
}

/// An address, for a link-local one with the number of its link.
fn server(word: &str) -> Option<SocketAddr> {
    let (address, zone) = word.split_once('%').map_or((word, None), |(address, zone)| (address, Some(zone)));
    match address.parse().ok()? {
        IpAddr::V4(address) => Some((address, PORT).into()),
        IpAddr::V6(address) => {
            let scope = match zone {
                Some(zone) => zone.parse().ok().or_else(|| link(zone))?,
                None => 0,
            };
            Some(SocketAddrV6::new(address, PORT, 0, scope).into())
        }
    }
}

fn link(name: &str) -> Option<u32> {
    // A name from a file must not become a path that leads elsewhere.
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let index = std::fs::read_to_string(format!("/sys/class/net/{name}/ifindex")).ok().filter(|_| plain)?;
    index.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_as_glibc_reads_it() {
        let conf = ResolvConf::parse(
            "# nameserver 9.9.9.9\nnameserver 10.0.0.1\nnameserver fe80::1%1\nnameserver x\nnameserver 10.0.0.3\n\
             nameserver 10.0.0.4\ndomain a.example\nsearch b.example c.example.\n\
             options ndots:99 timeout:0 attempts:9 rotate use-vc unknown timeout:abc\n",
        );
        let servers: Vec<String> = conf.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["10.0.0.1:53", "[fe80::1%1]:53", "10.0.0.3:53"]);
        assert_eq!(conf.search, ["b.example", "c.example"]);
        assert_eq!((conf.ndots, conf.timeout.as_secs(), conf.attempts), (15, 1, 5));
        assert!(conf.rotate && conf.tcp);
    }

    #[test]
    fn without_a_server_this_machine_is_asked() {
        assert_eq!(ResolvConf::parse("").servers, ["127.0.0.1:53".parse().expect("an address")]);
    }

    #[test]
    fn dots_say_whether_a_name_is_complete() {
        let conf = ResolvConf::parse("search a b\noptions ndots:2\n");
        assert_eq!(conf.candidates("x"), ["x.a", "x.b", "x"]);
        assert_eq!(conf.candidates("x.y.z"), ["x.y.z", "x.y.z.a", "x.y.z.b"]);
        assert_eq!(conf.candidates("x.y."), ["x.y"]);
    }
}
