//! A proxy before a plain registry that does to its answers what networks and bad registries do, and writes down what it was
//! asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What happens to an answer.
#[derive(Clone)]
pub(crate) enum Fault {
    /// The connection breaks after so many bytes of the body.
    Cut(usize),
    /// It is done, and nobody says so: the connection ends before the answer.
    Silence,
    /// Nothing comes after so many bytes, and the connection stays.
    Stall(usize),
    /// One byte of the body is another.
    Flip(usize),
    /// The body is this much shorter, and the length says so, too.
    Shorten(usize),
    /// It says that it has so many bytes.
    ClaimLength(u64),
    /// A byte more than there should be, without any length.
    Longer,
    /// What was asked for from the middle comes from the start.
    IgnoreRange,
    /// The same, and nobody says how many bytes that are.
    WholeUnmeasured,
    /// The right bytes, called others.
    WrongRange,
    /// Bytes from the start, and they are called so.
    FromStart,
    /// Another answer: status and headers, an empty line, a body.
    Instead(String),
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    /// Bytes of the body of the answer that were passed on.
    pub(crate) sent: usize,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// Which answers are meant: of requests whose line has a word; and how many of them.
struct Plan {
    word: String,
    times: usize,
    fault: Fault,
}

#[derive(Default)]
struct State {
    plans: Vec<Plan>,
    asked: Vec<Asked>,
}

/// The proxy. It ends with the test binary.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) address: String,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    /// Before the registry at `upstream`.
    pub(crate) fn before(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let proxy = Self { address, state: Arc::default() };
        let (own, upstream) = (proxy.clone(), upstream.to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (own, upstream) = (own.clone(), upstream.clone());
                // Whoever goes away in the middle is no failure of the test.
                std::thread::spawn(move || drop(own.serve(&stream, &upstream)));
            }
        });
        proxy
    }

    /// The next `times` answers to requests with `word` in their first line suffer this.
    pub(crate) fn spoil(&self, word: &str, times: usize, fault: Fault) {
        let plan = Plan { word: word.into(), times, fault };
        self.state.lock().expect("nobody panicked").plans.push(plan);
    }

    /// What was asked, and forgets it.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state.lock().expect("nobody panicked").asked)
    }

    fn serve(&self, client: &TcpStream, upstream: &str) -> std::io::Result<()> {
        let mut reader = BufReader::new(client.try_clone()?);
        loop {
            // TLS begins with this byte.
            if reader.fill_buf()?.first() == Some(&0x16) {
                let mut client = client;
                client.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
                return client.shutdown(Shutdown::Both);
            }
            let Some((line, headers)) = read_head(&mut reader)? else { return Ok(()) };
            let mut body = vec![0; length(&headers)];
            reader.read_exact(&mut body)?;
            let (number, fault) = self.note(&line, &headers);
            let keep = answer(client, upstream, &line, &headers, &body, fault.as_ref(), |sent| {
                // It may have been asked for, and forgotten, before its answer is passed on.
                if let Some(asked) = self.state.lock().expect("nobody panicked").asked.get_mut(number) {
                    asked.sent = sent;
                }
            })?;
            if !keep {
                return client.shutdown(Shutdown::Both);
            }
        }
    }

    fn note(&self, line: &str, headers: &[(String, String)]) -> (usize, Option<Fault>) {
        let mut words = line.split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut state = self.state.lock().expect("nobody panicked");
        state.asked.push(Asked { method, path, headers: headers.to_vec(), sent: 0 });
        let number = state.asked.len() - 1;
        let plan = state.plans.iter_mut().find(|plan| plan.times > 0 && line.contains(&plan.word));
        (
            number,
            plan.map(|plan| {
                plan.times -= 1;
                plan.fault.clone()
            }),
        )
    }
}

type Head = (String, Vec<(String, String)>);

fn read_head(reader: &mut impl BufRead) -> std::io::Result<Option<Head>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        match header.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.to_lowercase(), value.trim().to_owned())),
            None => return Ok(Some((line.trim_end().to_owned(), headers))),
        }
    }
}

fn length(headers: &[(String, String)]) -> usize {
    let found = headers.iter().find(|(name, _)| name == "content-length");
    found.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)
}

/// Passes a request on, and the answer back, spoiled. Whether the connection can be used again.
fn answer(
    mut client: &TcpStream,
    upstream: &str,
    line: &str,
    headers: &[(String, String)],
    body: &[u8],
    fault: Option<&Fault>,
    sent: impl FnOnce(usize),
) -> std::io::Result<bool> {
    if let Some(Fault::Instead(text)) = fault {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let head = head.replace('\n', "\r\n");
        write!(client, "HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())?;
        return Ok(true);
    }
    let mut server = TcpStream::connect(upstream)?;
    let mut head = format!("{line}\r\n");
    for (name, value) in headers {
        let ignored = matches!(fault, Some(Fault::IgnoreRange | Fault::WholeUnmeasured));
        let value = if name == "range" && matches!(fault, Some(Fault::FromStart)) { "bytes=0-" } else { value };
        if !(name == "connection" || name == "range" && ignored) {
            head.extend([name, ": ", value, "\r\n"]);
        }
    }
    server.write_all(format!("{head}connection: close\r\n\r\n").as_bytes())?;
    server.write_all(body)?;
    let mut reader = BufReader::new(server);
    let (status, mut headers) = read_head(&mut reader)?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
    if matches!(fault, Some(Fault::Silence)) {
        return Ok(false);
    }
    headers.retain(|(name, _)| name != "connection" && name != "transfer-encoding");
    let head_only = line.starts_with("HEAD");
    let mut body = Vec::new();
    if !head_only {
        reader.read_to_end(&mut body)?;
    }
    let mut keep = true;
    match fault {
        Some(Fault::Cut(at) | Fault::Stall(at)) => body.truncate(*at),
        Some(Fault::Flip(at)) => body[*at] ^= 1,
        Some(Fault::Shorten(by)) => {
            body.truncate(body.len() - by);
            set(&mut headers, "content-length", &body.len().to_string());
        }
        Some(Fault::ClaimLength(length)) => set(&mut headers, "content-length", &length.to_string()),
        Some(Fault::Longer) => {
            body.push(b'!');
            headers.retain(|(name, _)| name != "content-length");
        }
        Some(Fault::WholeUnmeasured | Fault::FromStart) => headers.retain(|(name, _)| name != "content-length"),
        Some(Fault::WrongRange) => set(&mut headers, "content-range", "bytes 1-2/3"),
        _ => {}
    }
    let ends_with_connection = matches!(fault, Some(Fault::Longer | Fault::WholeUnmeasured | Fault::FromStart));
    if ends_with_connection || matches!(fault, Some(Fault::Cut(_) | Fault::ClaimLength(_))) {
        keep = false;
    }
    let mut head = format!("{status}\r\n");
    for (name, value) in &headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    let close = if keep { "" } else { "connection: close\r\n" };
    client.write_all(format!("{head}{close}\r\n").as_bytes())?;
    sent(body.len());
    client.write_all(&body)?;
    if matches!(fault, Some(Fault::Stall(_))) {
        // Until the other side has lost patience.
        let _ = client.read(&mut [0]);
        return Ok(false);
    }
    Ok(keep)
}

fn set(headers: &mut Vec<(String, String)>, name: &str, value: &str) {
    headers.retain(|(own, _)| own != name);
    headers.push((name.into(), value.into()));
}
