//! A blob on its way to a registry: skipped if it is there, mounted if it is there in another repository, sent in one piece
//! if it is small and in several if not, so that a broken connection costs one of them.
//!
//! <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push>

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use images::Digest;
use ureq::http::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RANGE};
use ureq::http::{Method, StatusCode, Uri};

use crate::auth::Scope;
use crate::error::RegistryError;
use crate::http::{Content, Response};
use crate::registry::{Call, Registry, asked, finish, refused};
use crate::token::escape;
use crate::url::{resolve, without_query};

/// A registry that wants larger pieces than this wants it whole.
const LARGEST_CHUNK: u64 = 1024 * 1024 * 1024;
/// How often something is tried.
const ATTEMPTS: u32 = 4;
/// Pieces that a registry may take only in part, or forget, of one blob.
const MOST_TURNS: u64 = 100;
/// How often people are told.
const TELL: Duration = Duration::from_millis(100);

/// What became of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It was there.
    Exists,
    /// It was in this other repository.
    Mounted(String),
    /// It was sent.
    Uploaded,
}

/// A blob that is to be in a repository.
pub(crate) struct Upload<'a> {
    pub(crate) registry: &'a Registry<'a>,
    pub(crate) repository: &'a str,
    pub(crate) digest: &'a Digest,
    pub(crate) size: u64,
    /// Told how many bytes are there.
    pub(crate) report: &'a (dyn Fn(u64) + Sync),
}

/// Where an upload stands.
struct Session {
    location: Uri,
    /// The smallest piece that the registry takes.
    least: u64,
}

impl Upload<'_> {
    /// Sees to it that the blob is there. `others` are repositories of the registry that may have it; `open` gives its bytes,
    /// if they are needed.
    pub(crate) fn run<E: From<RegistryError>>(
        &self,
        others: &[String],
        open: impl FnOnce() -> Result<File, E>,
    ) -> Result<Sent, E> {
        let scope = Scope::push(self.repository, None);
        if self.registry.has_blob(self.repository, self.digest, &scope)? {
            return Ok(Sent::Exists);
        }
        for other in others {
            match self.mount(other)? {
                Mount::Done => return Ok(Sent::Mounted(other.clone())),
                Mount::Upload(session) => {
                    let file = open()?;
                    self.send(&file, Some(session), &scope)?;
                    return Ok(Sent::Uploaded);
                }
                Mount::No => {}
            }
        }
        let file = open()?;
        self.send(&file, None, &scope)?;
        Ok(Sent::Uploaded)
    }

    fn mount(&self, other: &str) -> Result<Mount, RegistryError> {
        let path = format!("/v2/{}/blobs/uploads/?mount={}&from={}", self.repository, self.digest, escape(other));
        let scope = Scope::push(self.repository, Some(other));
        let empty: &[u8] = &[];
        let response = match self.registry.call(&Call::new(Method::POST, &path, &scope).with(Vec::new(), &empty)) {
            // It does not let us read the other one.
            Err(RegistryError::Unauthorized { .. } | RegistryError::Refused { .. }) => return Ok(Mount::No),
            other => other?,
        };
        match response.status {
            StatusCode::CREATED => {
                finish(response);
                Ok(Mount::Done)
            }
            StatusCode::ACCEPTED => Ok(Mount::Upload(self.session(response)?)),
            _ => Ok(Mount::No),
        }
    }

    fn start(&self, scope: &Scope) -> Result<Session, RegistryError> {
        let path = format!("/v2/{}/blobs/uploads/", self.repository);
        let empty: &[u8] = &[];
        let response = self.registry.call(&Call::new(Method::POST, &path, scope).with(Vec::new(), &empty))?;
        if response.status != StatusCode::ACCEPTED {
            return Err(refused(response));
        }
        self.session(response)
    }

    fn session(&self, response: Response) -> Result<Session, RegistryError> {
        let location = self.location(&response)?;
        let least = response.header("oci-chunk-min-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        finish(response);
        Ok(Session { location, least })
    }

    /// Where to go on. From an encrypted connection not to an open one.
    fn location(&self, response: &Response) -> Result<Uri, RegistryError> {
        let wrong = |reason: String| RegistryError::Answer { what: response.asked.to_string(), reason };
        let location = response.header(LOCATION.as_str()).ok_or_else(|| wrong("it does not say where to".into()))?;
        let location = resolve(&response.uri, location).map_err(|error| wrong(error.to_string()))?;
        if location.scheme_str() == Some("http") && !self.registry.is_plain() {
            let location = without_query(&location);
            return Err(wrong(format!("it wants the upload at {location}, which is not encrypted")));
        }
        Ok(location)
    }

    /// Sends all of it, and begins anew where that fails.
    fn send(&self, file: &File, session: Option<Session>, scope: &Scope) -> Result<(), RegistryError> {
        let mut session = session;
        for attempt in 1.. {
            let begun = session.take().map_or_else(|| self.start(scope), Ok);
            match begun.and_then(|session| self.send_once(file, session, scope)) {
                Err(error) if attempt < ATTEMPTS && may_pass(&error) => {
                    self.registry.pause(attempt);
                    // It may have been the answer that was lost.
                    if self.registry.has_blob(self.repository, self.digest, scope)? {
                        return Ok(());
                    }
                }
                other => return other,
            }
        }
        unreachable!("the last attempt returns")
    }

    fn send_once(&self, file: &File, session: Session, scope: &Scope) -> Result<(), RegistryError> {
        let chunk = self.registry.client.http.surroundings.chunk.max(session.least).max(1);
        if self.size <= chunk || chunk > LARGEST_CHUNK {
            return self.close(&session.location, &self.piece(file, 0, self.size), scope);
        }
        let (mut location, mut done, mut furthest, mut failures) = (session.location, 0, 0, 0);
        // A registry may keep a part of a piece, or forget one. But who takes a byte at a time shall not keep us for ever.
        let mut turns = self.size / chunk + MOST_TURNS;
        while done < self.size {
            turns -= 1;
            if turns == 0 {
                return Err(wrong(&location, "it takes too little at a time".into()));
            }
            let piece = self.piece(file, done, chunk.min(self.size - done));
            match self.patch(&location, &piece, scope) {
                Ok((next, there)) => {
                    if there.is_some_and(|there| there <= done || there > self.size) {
                        return Err(wrong(&location, "it says that bytes are there which are not".into()));
                    }
                    done = there.unwrap_or(done + piece.length);
                    location = next;
                    if done > furthest {
                        (furthest, failures) = (done, 0);
                    }
                }
                Err(error) if failures < ATTEMPTS && (may_pass(&error) || is_out_of_order(&error)) => {
                    failures += 1;
                    self.registry.pause(failures);
                    (location, done) = self.state(&location, scope)?;
                }
                Err(error) => return Err(error),
            }
        }
        self.close(&location, &self.piece(file, self.size, 0), scope)
    }

    /// A piece. Where to go on, and how many bytes are there, if the registry says it.
    fn patch(&self, location: &Uri, piece: &Piece, scope: &Scope) -> Result<(Uri, Option<u64>), RegistryError> {
        let range = format!("{}-{}", piece.from, piece.from + piece.length - 1);
        let headers = [octets(), header(CONTENT_RANGE, &range)].into_iter().flatten().collect();
        let call = Call::to(Method::PATCH, location.clone(), scope).with(headers, piece);
        let response = self.registry.call(&call)?;
        if !matches!(response.status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
            return Err(refused(response));
        }
        let there = response.header(RANGE.as_str()).and_then(parse_progress);
        let next = self.location(&response)?;
        finish(response);
        Ok((next, there))
    }

    /// Where an upload stands: asked after something went wrong.
    fn state(&self, location: &Uri, scope: &Scope) -> Result<(Uri, u64), RegistryError> {
        let response = self.registry.need(&Call::to(Method::GET, location.clone(), scope))?;
        let there = response.header(RANGE.as_str()).and_then(parse_progress).filter(|there| *there <= self.size);
        let there = there.ok_or_else(|| wrong(location, "it does not say what is there".into()))?;
        let next = if response.headers.contains_key(LOCATION) { self.location(&response)? } else { location.clone() };
        finish(response);
        Ok((next, there))
    }

    /// The last piece, and the name for the whole.
    fn close(&self, location: &Uri, piece: &Piece, scope: &Scope) -> Result<(), RegistryError> {
        let separator = if location.query().is_some() { '&' } else { '?' };
        let text = format!("{location}{separator}digest={}", escape(&self.digest.to_string()));
        let address = text.parse().map_err(|_| wrong(location, "it sends us nowhere".into()))?;
        let headers = octets().into_iter().collect();
        let response = self.registry.call(&Call::to(Method::PUT, address, scope).with(headers, piece))?;
        if !matches!(response.status, StatusCode::CREATED | StatusCode::NO_CONTENT | StatusCode::ACCEPTED) {
            return Err(refused(response));
        }
        finish(response);
        Ok(())
    }

    fn piece<'p>(&'p self, file: &'p File, from: u64, length: u64) -> Piece<'p> {
        Piece { file, from, length, report: self.report }
    }
}

fn wrong(location: &Uri, reason: String) -> RegistryError {
    RegistryError::Answer { what: asked(&Method::PATCH, location), reason }
}

enum Mount {
    Done,
    Upload(Session),
    No,
}

fn octets() -> Option<(HeaderName, HeaderValue)> {
    header(CONTENT_TYPE, "application/octet-stream")
}

fn header(name: HeaderName, value: &str) -> Option<(HeaderName, HeaderValue)> {
    HeaderValue::from_str(value).ok().map(|value| (name, value))
}

fn may_pass(error: &RegistryError) -> bool {
    match error {
        RegistryError::Http(error) => error.fault.is_passing(),
        RegistryError::Refused { refusal, .. } => {
            // An upload that it does not know any more, or not as we left it, is begun anew.
            refusal.has("BLOB_UPLOAD_INVALID")
                || refusal.has("BLOB_UPLOAD_UNKNOWN")
                || matches!(refusal.status.as_u16(), 500 | 502 | 503 | 504)
        }
        _ => false,
    }
}

fn is_out_of_order(error: &RegistryError) -> bool {
    error.refusal().is_some_and(|refusal| refusal.status == StatusCode::RANGE_NOT_SATISFIABLE)
}

/// `Range: 0-N`, inclusive, without a unit (or with one): bytes that are there. An empty upload has `0-0` in some registries,
/// as one with a byte has.
pub fn parse_progress(header: &str) -> Option<u64> {
    let range = header.trim();
    let (first, last) = range.strip_prefix("bytes=").unwrap_or(range).split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    match (first, last) {
        (0, 0) => Some(0),
        (0, last) => last.checked_add(1),
        _ => None,
    }
}

/// A part of a file, to be read from its start as often as it has to be sent.
struct Piece<'a> {
    file: &'a File,
    from: u64,
    length: u64,
    report: &'a (dyn Fn(u64) + Sync),
}

impl Content for Piece<'_> {
    fn length(&self) -> u64 {
        self.length
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(PieceReader { piece: self, at: 0, told: Instant::now() }))
    }
}

struct PieceReader<'a> {
    piece: &'a Piece<'a>,
    at: u64,
    told: Instant,
}

impl Read for PieceReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.piece.length - self.at).unwrap_or(usize::MAX);
        let length = buffer.len().min(left);
        let count = self.piece.file.read_at(&mut buffer[..length], self.piece.from + self.at)?;
        if count == 0 && length > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the blob is shorter than it was"));
        }
        self.at += count as u64;
        if self.told.elapsed() >= TELL || self.at == self.piece.length {
            self.told = Instant::now();
            (self.piece.report)(self.piece.from + self.at);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_counted_from_one() {
        for (header, there) in [("0-9", Some(10)), ("bytes=0-9", Some(10)), ("0-0", Some(0)), (" 0-1 ", Some(2))] {
            assert_eq!(parse_progress(header), there, "{header}");
        }
        for header in ["", "9", "1-9", "0-x", "-", "0-18446744073709551615"] {
            assert_eq!(parse_progress(header), None, "{header}");
        }
    }
}
