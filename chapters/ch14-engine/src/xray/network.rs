//! What a container has of the network. A network namespace is looked at from inside: a thread of its own goes there, asks the
//! kernel, and ends.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ::namespaces::{Handle, Kind};
use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::{LinkAddr, SockaddrStorage};
use nix::unistd::Pid;
use process::ProcDir;
use serde::Serialize;

use super::processes::Processes;
use super::sockets::{self, Listening};

/// So many of each are described: a container that may make them can have any number.
const MOST: usize = 1000;

/// One network namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Network {
    /// Whether it is the host's.
    pub shared: bool,
    /// Names of our own network's devices.
    pub host_links: Vec<String>,
    /// The container's network devices.
    pub links: Vec<Link>,
    /// Its routes.
    pub routes: Vec<Route>,
    /// Ports at which somebody listens; of a namespace that is the host's, those of the container's processes.
    pub listening: Vec<Listening>,
}

/// A network device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Link {
    /// Its name.
    pub name: String,
    /// Whether it is switched on.
    pub up: bool,
    /// Its hardware's address.
    pub mac: String,
    /// `127.0.0.1/8`.
    pub addresses: Vec<String>,
}

/// Where packets go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Route {
    /// `default`, or `10.0.0.0/8`.
    pub destination: String,
    /// By way of whom, if not directly.
    pub gateway: Option<String>,
    /// By which device.
    pub link: String,
}

pub(super) fn look(first: &ProcDir, members: &[Pid], processes: &Processes) -> Option<Network> {
    let own = ProcDir::open(nix::unistd::getpid().as_raw()).ok()?;
    let shared = own.inode("ns/net").ok()? == first.inode("ns/net").ok()?;
    let host_links = links().into_iter().map(|link| link.name).collect();
    let seen = if shared { Some(seen_here()) } else { seen_there(first) };
    let Seen { links, routes, tables } = seen?;
    let owners = sockets::owners(members);
    let mut listening = sockets::listening(&tables, &owners, processes);
    if shared {
        listening.retain(|port| port.host_pid.is_some());
    }
    listening.truncate(MOST);
    Some(Network { shared, host_links, links, routes, listening })
}

/// What only somebody in the namespace sees.
struct Seen {
    links: Vec<Link>,
    routes: Vec<Route>,
    /// Of sockets: the protocol, and the text.
    tables: Vec<(&'static str, String)>,
}

fn seen_there(first: &ProcDir) -> Option<Seen> {
    let namespace = Handle::open(Kind::Net, first.path("ns/net")).ok()?;
    // `setns(2)` moves a thread, and this one does not come back.
    let look = move || namespace.join().is_ok().then(seen_here);
    std::thread::Builder::new().spawn(look).ok()?.join().ok()?
}

fn seen_here() -> Seen {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/thread-self/net/{file}")).unwrap_or_default();
    let mut routes = routes_v4(&read("route"));
    routes.extend(routes_v6(&read("ipv6_route")));
    routes.truncate(MOST);
    Seen { links: links(), routes, tables: sockets::PROTOCOLS.iter().map(|name| (*name, read(name))).collect() }
}

fn links() -> Vec<Link> {
    let mut links: BTreeMap<String, Link> = BTreeMap::new();
    for found in getifaddrs().into_iter().flatten().take(10 * MOST) {
        let link = links.entry(found.interface_name.clone()).or_default();
        link.name.clone_from(&found.interface_name);
        link.up |= found.flags.contains(InterfaceFlags::IFF_UP);
        if let Some(mac) = found.address.as_ref().and_then(SockaddrStorage::as_link_addr).and_then(LinkAddr::addr) {
            link.mac = mac.map(|byte| format!("{byte:02x}")).join(":");
        }
        link.addresses.extend(address(&found));
    }
    links.into_values().take(MOST).collect()
}

/// With the length of its network behind it.
fn address(found: &InterfaceAddress) -> Option<String> {
    let ip = |address: &SockaddrStorage| {
        let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
    };
    let length = match found.netmask.as_ref().and_then(ip) {
        Some(IpAddr::V4(mask)) => mask.to_bits().count_ones(),
        Some(IpAddr::V6(mask)) => mask.to_bits().count_ones(),
        None => return None,
    };
    Some(format!("{}/{length}", ip(found.address.as_ref()?)?))
}

/// `/proc/net/route`: numbers stand in there as they lie in memory.
fn routes_v4(table: &str) -> Vec<Route> {
    let line = |line: &str| -> Option<Route> {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let number = |at: usize| u32::from_str_radix(fields.get(at)?, 16).ok();
        let address = |at: usize| Some(Ipv4Addr::from(number(at)?.to_ne_bytes()));
        let (network, gateway, mask) = (address(1)?, address(2)?, number(7)?);
        Some(Route {
            destination: if mask == 0 { "default".into() } else { format!("{network}/{}", mask.count_ones()) },
            gateway: (!gateway.is_unspecified()).then(|| gateway.to_string()),
            link: (*fields.first()?).into(),
        })
    };
    table.lines().skip(1).filter_map(line).collect()
}

/// `/proc/net/ipv6_route`: without what the kernel makes by itself for each address, and without what leads nowhere.
fn routes_v6(table: &str) -> Vec<Route> {
    const LOCAL_OR_REJECT: u32 = 0x8000_0200;
    let line = |line: &str| -> Option<Route> {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let address = |at: usize| Some(Ipv6Addr::from(u128::from_str_radix(fields.get(at)?, 16).ok()?));
        let (network, gateway) = (address(0)?, address(4)?);
        let length = u32::from_str_radix(fields.get(1)?, 16).ok()?;
        let flags = u32::from_str_radix(fields.get(8)?, 16).ok()?;
        (flags & LOCAL_OR_REJECT == 0 && !network.is_multicast()).then(|| Route {
            destination: if length == 0 { "default".into() } else { format!("{network}/{length}") },
            gateway: (!gateway.is_unspecified()).then(|| gateway.to_string()),
            link: fields.last().copied().unwrap_or_default().into(),
        })
    };
    table.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(routes: &[Route]) -> Vec<String> {
        let via = |route: &Route| route.gateway.clone().unwrap_or_else(|| "-".into());
        routes.iter().map(|route| format!("{} {} {}", route.destination, via(route), route.link)).collect()
    }

    #[test]
    fn routes_of_the_old_protocol_are_read() {
        let table = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n\
                     eth0 00000000 010011AC 0003 0 0 0 00000000 0 0 0\n\
                     eth0 000011AC 00000000 0001 0 0 0 0000FFFF 0 0 0\nnonsense\n";
        assert_eq!(text(&routes_v4(table)), ["default 172.17.0.1 eth0", "172.17.0.0/16 - eth0"]);
    }

    #[test]
    fn routes_of_the_new_protocol_are_read_without_the_kernels_own() {
        let zero = "0".repeat(32);
        let table = format!(
            "{zero} 00 {zero} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth0\n\
             fe800000000000000000000000000000 40 {zero} 00 {zero} 00000100 00000001 00000000 00000001 eth0\n\
             {zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200 lo\n\
             00000000000000000000000000000001 80 {zero} 00 {zero} 00000000 00000003 00000000 80200001 lo\n"
        );
        assert_eq!(text(&routes_v6(&table)), ["default fe80::1 eth0", "fe80::/64 - eth0"]);
    }
}
