//! Who listens at which port: the kernel's tables of sockets, and the descriptors of a container's processes.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nix::unistd::Pid;
use process::ProcDir;
use serde::Serialize;

use super::processes::Processes;

/// The tables, in `/proc/PID/net`.
pub(super) const PROTOCOLS: [&str; 4] = ["tcp", "tcp6", "udp", "udp6"];
/// So many descriptors of one process are looked at, and of so many processes.
const DESCRIPTORS: usize = 4096;
const PROCESSES: usize = 1000;

/// Somebody who waits for others to come.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listening {
    /// Where.
    pub port: u16,
    /// `tcp`, `tcp6`, `udp`, `udp6`.
    pub protocol: String,
    /// At which of the container's addresses; `0.0.0.0` and `::` are all.
    pub address: String,
    /// Which process, as the host counts.
    pub host_pid: Option<i32>,
    /// The same inside.
    pub container_pid: Option<i32>,
}

/// Which process has the socket of this inode number.
pub(super) fn owners(members: &[Pid]) -> BTreeMap<u64, i32> {
    let mut owners = BTreeMap::new();
    for pid in members.iter().take(PROCESSES) {
        let Ok(process) = ProcDir::open(pid.as_raw()) else { continue };
        for name in process.names("fd", DESCRIPTORS).unwrap_or_default() {
            let target = process.link(&format!("fd/{name}")).unwrap_or_default();
            let inode = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')?.parse().ok());
            if let Some(inode) = inode {
                owners.entry(inode).or_insert(pid.as_raw());
            }
        }
    }
    owners
}

/// The ports of these tables, sorted.
pub(super) fn listening(
    tables: &[(&'static str, String)],
    owners: &BTreeMap<u64, i32>,
    processes: &Processes,
) -> Vec<Listening> {
    let inside = |pid: i32| processes.list.iter().find(|process| process.host_pid == pid)?.container_pid;
    let mut found: Vec<Listening> = Vec::new();
    for (protocol, table) in tables {
        for (address, port, inode) in table.lines().skip(1).filter_map(|line| socket(protocol, line)) {
            let host_pid = owners.get(&inode).copied();
            found.push(Listening {
                port,
                protocol: (*protocol).into(),
                address: address.to_string(),
                host_pid,
                container_pid: host_pid.and_then(inside),
            });
        }
    }
    found.sort();
    found
}

/// Address, port and inode of one that waits. (A UDP socket waits when it is connected to nobody.)
fn socket(protocol: &str, line: &str) -> Option<(IpAddr, u16, u64)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let waits = if protocol.starts_with("tcp") { "0A" } else { "07" };
    if *fields.get(3)? != waits {
        return None;
    }
    let (address, port) = fields.get(1)?.split_once(':')?;
    // Words of 32 bits, each as it lies in memory.
    let word = |at: usize| Some(u32::from_str_radix(address.get(8 * at..8 * at + 8)?, 16).ok()?.to_ne_bytes());
    let address = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(words).ok()?))
        }
        _ => return None,
    };
    Some((address, u16::from_str_radix(port, 16).ok()?, fields.get(9)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_told_from_who_talks() {
        let tcp = "  sl  local_address rem_address st tx:rx tr:tm retr uid timeout inode\n   \
                   0: 0100007F:1F90 00000000:0000 0A 0:0 00:0 0 0 0 77 1 x\n   \
                   1: 0100007F:1F91 0100007F:0050 01 0:0 00:0 0 0 0 78 1 x\nnonsense\n   \
                   2: 0100:1F91 0:0 0A 0:0 00:0 0 0 0 79 1 x\n";
        let tcp6 = "  sl ...\n   0: 00000000000000000000000001000000:0050 0:0 0A 0:0 00:0 0 0 0 80 1 x\n";
        let tables = [("tcp", tcp.to_owned()), ("tcp6", tcp6.to_owned())];
        let found = listening(&tables, &BTreeMap::from([(77, 4711)]), &Processes::default());
        let text: Vec<String> = found
            .iter()
            .map(|one| format!("{} {} {} {:?}", one.port, one.protocol, one.address, one.host_pid))
            .collect();
        assert_eq!(text, ["80 tcp6 ::1 None", "8080 tcp 127.0.0.1 Some(4711)"]);
    }
}
