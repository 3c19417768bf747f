//! A token server of our own, whose tokens docker-registry believes: JSON, signed with ES256.
//!
//! <https://distribution.github.io/distribution/spec/auth/jwt/>

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::SigningKey;
use serde_json::json;

use super::server::{PASSWORD, Server, USER};

/// What it gives for a refresh token.
pub(crate) const REFRESH: &str = "a-token-to-keep";

/// A registry, and the server that it sends everybody to.
pub(crate) struct Tokens {
    pub(crate) registry: Server,
    key: rcgen::KeyPair,
    certificate: String,
    asked: Mutex<Vec<String>>,
}

/// Started once.
pub(crate) fn tokens() -> &'static Tokens {
    static TOKENS: OnceLock<Tokens> = OnceLock::new();
    TOKENS.get_or_init(|| {
        let key = rcgen::KeyPair::generate().expect("a key");
        let parameters = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
        let certificate = parameters.self_signed(&key).expect("a certificate");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let realm = format!("http://{}/token", listener.local_addr().expect("an address"));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                std::thread::spawn(move || drop(tokens().serve(&stream)));
            }
        });
        let registry = Server::with_tokens(&realm, &certificate.pem());
        Tokens { registry, key, certificate: STANDARD.encode(certificate.der()), asked: Mutex::default() }
    })
}

impl Tokens {
    /// What was asked: the method, who asked, and for what.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().expect("nobody panicked"))
    }

    fn serve(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let (mut line, mut length, mut basic) = (String::new(), 0, String::new());
        reader.read_line(&mut line)?;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            match header.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().unwrap_or(0);
                }
                Some((name, value)) if name.eq_ignore_ascii_case("authorization") => basic = value.into(),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let form = String::from_utf8_lossy(&body).into_owned();
        let query = line.split(' ').nth(1).and_then(|path| path.split_once('?')).map_or("", |(_, query)| query);
        let fields = if form.is_empty() { query } else { &form };
        let fields: Vec<(String, String)> = fields
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.into(), unescape(value)))
            .collect();
        let all = |name: &str| {
            fields.iter().filter(|(own, _)| own == name).map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        let scopes: Vec<String> =
            all("scope").iter().flat_map(|scope| scope.split(' ').map(str::to_owned).collect::<Vec<_>>()).collect();
        let right = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
        let known = basic == right || all("refresh_token") == [REFRESH];
        let who = if known { USER } else { "nobody" };
        self.asked.lock().expect("nobody panicked").push(format!("{} {who} {}", &line[..4].trim(), scopes.join(" ")));
        let (status, answer) = if !basic.is_empty() && !known {
            ("401 Unauthorized", json!({ "details": "incorrect username or password" }))
        } else {
            let granted: Vec<String> = scopes.into_iter().filter(|_| known).collect();
            let token = self.token(&granted);
            let mut answer = json!({ "access_token": token, "expires_in": 300 });
            if all("offline_token") == ["true"] {
                answer["refresh_token"] = REFRESH.into();
            }
            ("200 OK", answer)
        };
        let answer = answer.to_string();
        write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}", answer.len())
    }

    fn token(&self, scopes: &[String]) -> String {
        let access = scopes.iter().filter_map(|scope| {
            let (kind, rest) = scope.split_once(':')?;
            let (name, actions) = rest.rsplit_once(':')?;
            Some(json!({ "type": kind, "name": name, "actions": actions.split(',').collect::<Vec<_>>() }))
        });
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let header = json!({ "typ": "JWT", "alg": "ES256", "x5c": [self.certificate] });
        let claims = json!({
            "iss": "tests", "aud": "a service, with a comma", "sub": USER, "jti": "x",
            "nbf": now - 10, "iat": now, "exp": now + 300, "access": access.collect::<Vec<_>>(),
        });
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let text = format!("{header}.{claims}");
        let signature = self.key.sign(text.as_bytes()).expect("a signature");
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(numbers(&signature)))
    }
}

/// The two numbers of a signature, 32 bytes each, out of their DER form.
fn numbers(der: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut rest = &der[2..];
    for _ in 0..2 {
        let (number, after) = rest[2..].split_at(usize::from(rest[1]));
        let number = if number.len() > 32 { &number[number.len() - 32..] } else { number };
        plain.extend(std::iter::repeat_n(0, 32 - number.len()).chain(number.iter().copied()));
        rest = after;
    }
    plain
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits: String = rest.by_ref().take(2).map(char::from).collect();
                bytes.push(u8::from_str_radix(&digits, 16).expect("two digits"));
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
