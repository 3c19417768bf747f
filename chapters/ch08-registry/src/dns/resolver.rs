//! From a name to addresses: `/etc/hosts`, then the servers of `/etc/resolv.conf`, both kinds of address in one go.

use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use process::{Diagnose, FailureKind};
use thiserror::Error;

use super::hosts::addresses_in;
use super::message::{MessageError, Reply, read_reply, write_query};
use super::resolv_conf::ResolvConf;

/// A datagram without extensions has 512 bytes; servers that send more exist.
const DATAGRAM: usize = 4096;
/// Datagrams that are no answer to us, until a server counts as silent.
const MOST_STRAYS: usize = 64;
/// Nobody's `/etc/hosts` has more that we would read for one name.
const LARGEST_FILE: u64 = 16 * 1024 * 1024;

/// Why a name has no address.
#[derive(Debug, Error)]
pub enum ResolverError {
    /// Who should know says so.
    #[error("lookup {0}: no such host")]
    NoSuchHost(String),
    /// Nobody answered, or nobody could.
    #[error("lookup {name}: no answer from {servers}: {reason}")]
    NoAnswer {
        /// The name.
        name: String,
        /// Who was asked.
        servers: String,
        /// What came of it last.
        reason: String,
    },
    /// Not a name.
    #[error("lookup {0:?}: not the name of a host")]
    Name(String),
    /// One of the two files.
    #[error("lookup {name}: read {path}: {source}")]
    File {
        /// The name.
        name: String,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

impl Diagnose for ResolverError {
    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::NoSuchHost(_) => FailureKind::NotFound,
            Self::Name(_) => FailureKind::Invalid,
            Self::NoAnswer { .. } | Self::File { .. } => FailureKind::System,
        })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoSuchHost(name) => Some(format!("is {name:?} spelled right? (getent hosts {name})")),
            Self::NoAnswer { .. } => Some("is the network up, and does /etc/resolv.conf name a server?".into()),
            Self::Name(_) | Self::File { .. } => None,
        }
    }
}

/// Finds addresses.
#[derive(Debug)]
pub struct Resolver {
    hosts: PathBuf,
    conf: PathBuf,
    /// Where the next question begins, for `rotate`.
    turn: AtomicUsize,
}

impl Default for Resolver {
    fn default() -> Self {
        Self::new(Path::new("/etc/hosts"), Path::new("/etc/resolv.conf"))
    }
}

/// What came of all servers for one name.
enum Outcome {
    Found(Vec<IpAddr>),
    NoSuchName,
    Failed(String),
}

impl Resolver {
    /// One that reads these files.
    pub fn new(hosts: &Path, conf: &Path) -> Self {
        Self { hosts: hosts.into(), conf: conf.into(), turn: AtomicUsize::new(0) }
    }

    /// The addresses of `name`, at least one: those that we have a way to first, among them IPv4 first, for a broken IPv6 is
    /// commoner than none.
    ///
    /// # Errors
    /// [`ResolverError`].
    pub fn lookup(&self, name: &str) -> Result<Vec<IpAddr>, ResolverError> {
        if let Ok(address) = name.parse() {
            return Ok(vec![address]);
        }
        let plain = name.trim_end_matches('.').to_ascii_lowercase();
        // RFC 6761: of this name everybody knows what it means, and nobody is asked.
        if plain == "localhost" || plain.ends_with(".localhost") {
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        let known = addresses_in(&Self::read(&self.hosts, name)?, &plain);
        if !known.is_empty() {
            return Ok(known);
        }
        let conf = ResolvConf::parse(&Self::read(&self.conf, name)?);
        let mut failed = None;
        for candidate in conf.candidates(&name.to_ascii_lowercase()) {
            match self.ask(&conf, &candidate).map_err(|_| ResolverError::Name(name.into()))? {
                Outcome::Found(mut addresses) => {
                    addresses.sort_by_key(|address| (!has_way(*address), address.is_ipv6()));
                    return Ok(addresses);
                }
                Outcome::NoSuchName => {}
                Outcome::Failed(reason) => failed = failed.or(Some(reason)),
            }
        }
        let name = name.to_owned();
        match failed {
            None => Err(ResolverError::NoSuchHost(name)),
            Some(reason) => {
                let servers: Vec<String> = conf.servers.iter().map(ToString::to_string).collect();
                Err(ResolverError::NoAnswer { name, servers: servers.join(", "), reason })
            }
        }
    }

    /// A file that is not there is an empty one.
    fn read(path: &Path, name: &str) -> Result<String, ResolverError> {
        let mut bytes = Vec::new();
        match File::open(path).and_then(|file| file.take(LARGEST_FILE).read_to_end(&mut bytes)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(ResolverError::File { name: name.into(), path: path.into(), source }),
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Asks one server after the other, as often as the file says.
    fn ask(&self, conf: &ResolvConf, name: &str) -> Result<Outcome, MessageError> {
        let first = if conf.rotate { self.turn.fetch_add(1, Ordering::Relaxed) } else { 0 };
        let mut last = String::new();
        for turn in 0..conf.attempts * conf.servers.len() {
            let server = conf.servers[(first + turn) % conf.servers.len()];
            let replies = [false, true].map(|v6| Question::new(name, v6));
            let [a, aaaa] = replies;
            match exchange(server, &[a?, aaaa?], conf) {
                Ok(Outcome::Failed(reason)) => last = reason,
                Ok(outcome) => return Ok(outcome),
                Err(error) => last = error.to_string(),
            }
        }
        Ok(Outcome::Failed(last))
    }
}

/// Whether packets could go there. No packet is sent for it.
fn has_way(address: IpAddr) -> bool {
    socket_to((address, 9).into()).is_ok()
}

fn socket_to(server: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    Ok(socket)
}

struct Question<'a> {
    name: &'a str,
    v6: bool,
    id: u16,
    bytes: Vec<u8>,
}

impl<'a> Question<'a> {
    fn new(name: &'a str, v6: bool) -> Result<Self, MessageError> {
        // Keys of a hash map are not to be guessed either.
        let [low, high, ..] = RandomState::new().build_hasher().finish().to_ne_bytes();
        let id = u16::from_ne_bytes([low, high]);
        Ok(Self { name, v6, id, bytes: write_query(id, name, v6)? })
    }

    fn read(&self, bytes: &[u8]) -> Result<Reply, MessageError> {
        read_reply(bytes, self.id, self.name, self.v6)
    }
}

/// Both questions to one server.
fn exchange(server: SocketAddr, questions: &[Question; 2], conf: &ResolvConf) -> io::Result<Outcome> {
    let until = Instant::now() + conf.timeout;
    let mut replies = if conf.tcp { [Some(Reply::Truncated), Some(Reply::Truncated)] } else { [None, None] };
    if !conf.tcp {
        let socket = socket_to(server)?;
        for question in questions {
            socket.send(&question.bytes)?;
        }
        if let Err(error) = collect(&socket, questions, &mut replies, until)
            // Some servers never answer about IPv6.
            && !replies.iter().flatten().any(|reply| matches!(reply, Reply::Addresses(found) if !found.is_empty()))
        {
            return Err(error);
        }
    }
    for (question, reply) in questions.iter().zip(&mut replies) {
        if *reply == Some(Reply::Truncated) {
            *reply = Some(by_tcp(server, question, until)?);
        }
    }
    let mut found = Vec::new();
    let mut failed = false;
    for reply in replies.into_iter().flatten() {
        match reply {
            Reply::Addresses(addresses) => found.extend(addresses),
            Reply::NoSuchName => {}
            Reply::Truncated | Reply::Failed => failed = true,
        }
    }
    Ok(match (found.is_empty(), failed) {
        (false, _) => Outcome::Found(found),
        (true, false) => Outcome::NoSuchName,
        (true, true) => Outcome::Failed("server misbehaving".into()),
    })
}

/// Waits for what is missing. What does not answer our questions is dropped: it may be late, or forged.
fn collect(
    socket: &UdpSocket,
    questions: &[Question; 2],
    replies: &mut [Option<Reply>; 2],
    until: Instant,
) -> io::Result<()> {
    let mut buffer = [0; DATAGRAM];
    for _ in 0..MOST_STRAYS {
        if replies.iter().all(Option::is_some) {
            return Ok(());
        }
        socket.set_read_timeout(Some(left(until)?))?;
        let length = socket.recv(&mut buffer).map_err(timed_out)?;
        for (question, reply) in questions.iter().zip(replies.iter_mut()).filter(|(_, reply)| reply.is_none()) {
            *reply = question.read(&buffer[..length]).ok();
        }
    }
    Err(io::Error::other("too many answers to other questions"))
}

fn by_tcp(server: SocketAddr, question: &Question, until: Instant) -> io::Result<Reply> {
    let mut stream = TcpStream::connect_timeout(&server, left(until)?)?;
    stream.set_write_timeout(Some(left(until)?))?;
    let length = u16::try_from(question.bytes.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), question.bytes.as_slice()].concat())?;
    let mut length = [0; 2];
    read_until(&mut stream, &mut length, until)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    read_until(&mut stream, &mut answer, until)?;
    question.read(&answer).map_err(io::Error::other)
}

/// The whole buffer, in the time that is left: a byte now and then does not prolong it.
fn read_until(stream: &mut TcpStream, mut buffer: &mut [u8], until: Instant) -> io::Result<()> {
    while !buffer.is_empty() {
        stream.set_read_timeout(Some(left(until)?))?;
        match stream.read(buffer).map_err(timed_out)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => buffer = &mut buffer[length..],
        }
    }
    Ok(())
}

fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    // Zero would mean for ever.
    if left.is_zero() { Err(io::Error::new(io::ErrorKind::TimedOut, "i/o timeout")) } else { Ok(left) }
}

fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::Error::new(io::ErrorKind::TimedOut, "i/o timeout"),
        _ => error,
    }
}

#[cfg(test)]
mod tests;
