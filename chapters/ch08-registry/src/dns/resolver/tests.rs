use std::net::TcpListener;
use std::thread;

use simple_dns::rdata::{A, CNAME, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, ResourceRecord};

use super::*;

/// A server for one exchange of two questions: `answer` says what comes back by UDP for each, `long` by TCP.
fn served(answer: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send, long: impl Fn(&[u8]) -> Vec<u8> + Send) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = socket.local_addr().expect("an address");
    let listener = TcpListener::bind(address).expect("the same port");
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut buffer = [0; 512];
            for _ in 0..2 {
                let (length, peer) = socket.recv_from(&mut buffer).expect("a question");
                for datagram in answer(&buffer[..length]) {
                    socket.send_to(&datagram, peer).expect("an answer");
                }
            }
        });
        scope.spawn(move || {
            // The test itself comes last.
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut length = [0; 2];
                if stream.read_exact(&mut length).is_err() {
                    break;
                }
                let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut question).expect("a question");
                let reply = long(&question);
                let length = u16::try_from(reply.len()).expect("short").to_be_bytes();
                stream.write_all(&[&length, reply.as_slice()].concat()).expect("an answer");
            }
        });
        let conf = ResolvConf { servers: vec![address], attempts: 1, ..ResolvConf::parse("") };
        let outcome = Resolver::default().ask(&conf, "reg.example").expect("a name");
        drop(TcpStream::connect(address));
        match outcome {
            Outcome::Found(addresses) => addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            Outcome::NoSuchName => "no such name".into(),
            Outcome::Failed(reason) => reason,
        }
    })
}

fn reply(question: &[u8], flags: PacketFlag, records: &[(&'static str, RData<'static>)]) -> Vec<u8> {
    let asked = Packet::parse(question).expect("a question");
    let mut packet = asked.clone().into_reply();
    packet.set_flags(flags);
    for (name, data) in records {
        let name = Name::new(name).expect("a name");
        packet.answers.push(ResourceRecord::new(name, CLASS::IN, 60, data.clone()));
    }
    packet.build_bytes_vec_compressed().expect("a message")
}

fn address(last: u32) -> RData<'static> {
    RData::A(A { address: 0x0a00_0000 + last })
}

fn alias(to: &'static str) -> RData<'static> {
    RData::CNAME(CNAME(Name::new(to).expect("a name")))
}

fn never(_: &[u8]) -> Vec<u8> {
    panic!("nobody asks by TCP")
}

#[test]
fn addresses_stand_at_the_end_of_aliases() {
    let records = [("other.example", address(9)), ("REG.example", alias("b.example")), ("b.example", address(1))];
    let seen = served(|question| vec![reply(question, PacketFlag::empty(), &records)], never);
    assert_eq!(seen, "10.0.0.1");
}

#[test]
fn aliases_in_a_ring_end() {
    let records = [("reg.example", alias("b.example")), ("b.example", alias("reg.example"))];
    let seen = served(|question| vec![reply(question, PacketFlag::empty(), &records)], never);
    assert_eq!(seen, "no such name");
}

#[test]
fn an_answer_to_another_question_is_dropped() {
    let seen = served(
        |question| {
            let mut forged = reply(question, PacketFlag::empty(), &[("reg.example", address(66))]);
            forged[0] ^= 1;
            let right = reply(question, PacketFlag::empty(), &[("reg.example", address(1))]);
            vec![forged, b"rubbish".to_vec(), right]
        },
        never,
    );
    assert_eq!(seen, "10.0.0.1");
}

#[test]
fn what_is_cut_is_asked_for_by_tcp() {
    let seen = served(
        |question| vec![reply(question, PacketFlag::TRUNCATION, &[("reg.example", address(66))])],
        |question| reply(question, PacketFlag::empty(), &[("reg.example", address(1))]),
    );
    assert_eq!(seen, "10.0.0.1");
}

#[test]
fn a_server_that_cannot_is_no_proof_that_there_is_nothing() {
    let fail = |question: &[u8]| {
        let mut bytes = reply(question, PacketFlag::empty(), &[]);
        // SERVFAIL.
        bytes[3] |= 2;
        vec![bytes]
    };
    assert_eq!(served(fail, never), "server misbehaving");
}

#[test]
fn localhost_is_never_asked_for() {
    let nowhere = Path::new("/nonexistent");
    let addresses = Resolver::new(nowhere, nowhere).lookup("x.LOCALHOST.").expect("addresses");
    assert!(addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
}

#[test]
fn a_pointer_to_itself_is_damage() {
    let mut bytes = write_query(7, "reg.example", false).expect("a question");
    bytes[2] |= 0x80;
    // One answer, whose name points to itself.
    bytes[7] = 1;
    let here = u16::try_from(bytes.len()).expect("short") | 0xc000;
    bytes.extend(here.to_be_bytes());
    bytes.extend([0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 1]);
    assert_eq!(read_reply(&bytes, 7, "reg.example", false), Err(MessageError::Damaged));
}
