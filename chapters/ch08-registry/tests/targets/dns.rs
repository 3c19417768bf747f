//! Any bytes as the answer of a name server, and as the files that say whom to ask: no address that was not asked for, and
//! bounds on all that is remembered.

use registry::dns::{Reply, ResolvConf, addresses_in, read_reply};

pub(crate) fn dns(bytes: &[u8]) {
    for v6 in [false, true] {
        if let Ok(Reply::Addresses(addresses)) = read_reply(bytes, 0x1234, "reg.example", v6) {
            assert!(addresses.len() <= 16);
            assert!(addresses.iter().all(|address| address.is_ipv6() == v6));
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let conf = ResolvConf::parse(text);
    assert!((1..=3).contains(&conf.servers.len()) && conf.search.len() <= 16 && (1..=5).contains(&conf.attempts));
    assert!(conf.candidates("a.b").len() <= 17);
    let _ = addresses_in(text, "reg");
}
