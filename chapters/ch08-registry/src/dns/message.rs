//! Questions and answers (RFC 1035), as far as a stub needs them. An answer comes from whoever could guess a port and a
//! number: nothing in it is believed that was not asked for.

use std::net::IpAddr;

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};
use thiserror::Error;

/// Aliases of aliases, until we stop. (Glibc follows as many.)
const MOST_ALIASES: usize = 12;
/// Nobody dials more.
const MOST_ADDRESSES: usize = 16;

/// Why bytes are no question, or no answer to ours.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum MessageError {
    /// No name in the DNS.
    #[error("{0:?} is no name")]
    Name(String),
    /// Not a message, or one with rubbish in it.
    #[error("a damaged answer")]
    Damaged,
    /// An answer to another question.
    #[error("an answer to another question")]
    NotOurs,
}

/// What a server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The addresses of that kind; none if the name has none.
    Addresses(Vec<IpAddr>),
    /// There is no such name.
    NoSuchName,
    /// It is too long for a datagram: ask again by TCP.
    Truncated,
    /// The server could not, or would not.
    Failed,
}

/// A question for the addresses of `name`: those of IPv6, or of IPv4.
///
/// # Errors
/// [`MessageError::Name`].
pub fn write_query(id: u16, name: &str, v6: bool) -> Result<Vec<u8>, MessageError> {
    let wrong = || MessageError::Name(name.into());
    let plain = |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if !name.split('.').all(plain) {
        return Err(wrong());
    }
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new(name).map_err(|_| wrong())?;
    packet.questions.push(Question::new(name, kind(v6).into(), CLASS::IN.into(), false));
    packet.build_bytes_vec().map_err(|_| wrong())
}

fn kind(v6: bool) -> TYPE {
    if v6 { TYPE::AAAA } else { TYPE::A }
}

/// What `bytes` answer to the question of [`write_query`].
///
/// # Errors
/// [`MessageError`].
pub fn read_reply(bytes: &[u8], id: u16, name: &str, v6: bool) -> Result<Reply, MessageError> {
    let packet = Packet::parse(bytes).map_err(|_| MessageError::Damaged)?;
    let asked = Name::new(name).map_err(|_| MessageError::Name(name.into()))?;
    let ours = packet.id() == id
        && packet.has_flags(PacketFlag::RESPONSE)
        && matches!(packet.questions.as_slice(), [question] if same(&question.qname, &asked)
            && question.qtype == QTYPE::TYPE(kind(v6)) && question.qclass == QCLASS::CLASS(CLASS::IN));
    if !ours {
        return Err(MessageError::NotOurs);
    }
    if packet.has_flags(PacketFlag::TRUNCATION) {
        return Ok(Reply::Truncated);
    }
    match packet.rcode() {
        RCODE::NoError => Ok(Reply::Addresses(addresses(&packet, asked, v6))),
        RCODE::NameError => Ok(Reply::NoSuchName),
        _ => Ok(Reply::Failed),
    }
}

/// From the name that was asked for along its aliases. What else there may be belongs to other names.
fn addresses(packet: &Packet, asked: Name, v6: bool) -> Vec<IpAddr> {
    let mut name = asked.into_owned();
    for _ in 0..MOST_ALIASES {
        let own = |record: &&simple_dns::ResourceRecord| record.class == CLASS::IN && same(&record.name, &name);
        let found: Vec<IpAddr> = packet
            .answers
            .iter()
            .filter(own)
            .filter_map(|record| match &record.rdata {
                RData::A(record) if !v6 => Some(IpAddr::V4(record.address.into())),
                RData::AAAA(record) if v6 => Some(IpAddr::V6(record.address.into())),
                _ => None,
            })
            .take(MOST_ADDRESSES)
            .collect();
        if !found.is_empty() {
            return found;
        }
        let alias = packet.answers.iter().filter(own).find_map(|record| match &record.rdata {
            RData::CNAME(alias) => Some(alias.0.clone().into_owned()),
            _ => None,
        });
        match alias {
            Some(alias) => name = alias,
            None => break,
        }
    }
    Vec::new()
}

/// Capitals do not count (RFC 4343).
fn same(a: &Name, b: &Name) -> bool {
    let (a, b) = (a.get_labels(), b.get_labels());
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.as_ref().eq_ignore_ascii_case(b.as_ref()))
}
