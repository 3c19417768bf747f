//! A layer on its way to us: as far as it has come, it is not asked for again, in this command or the next.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use images::{Descriptor, Download, IngestError, media};
use ureq::http::header::CONTENT_RANGE;
use ureq::http::{Method, StatusCode, Uri};

use crate::auth::Scope;
use crate::error::RegistryError;
use crate::fault::from_io;
use crate::http::{Request, Response};
use crate::progress::{Event, State};
use crate::pull_error::PullError;
use crate::registry::{Call, Registry, finish, refused};

const BUFFER: usize = 64 * 1024;
/// How often a connection may break without a byte having come.
const ATTEMPTS: u32 = 5;
/// And how often at all: who sends one byte at a time shall not keep us for ever.
const BREAKS: u32 = 100;
/// People are told after so many bytes.
const STEP: u64 = 512 * 1024;

/// Why one answer did not bring the rest.
enum Ended {
    /// It may go on.
    Broken(RegistryError),
    /// It may not.
    Failed(PullError),
}

impl<E: Into<PullError>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// What is fetched.
pub(crate) struct Wanted<'a> {
    pub(crate) repository: &'a str,
    pub(crate) blob: &'a Descriptor,
    /// What people see of its digest.
    pub(crate) id: &'a str,
    /// Set when nobody wants it any more.
    pub(crate) stop: &'a AtomicBool,
}

/// Fetches what is missing of a blob.
pub(crate) fn fetch(registry: &Registry, wanted: &Wanted, download: &mut Download) -> Result<(), PullError> {
    let Wanted { blob, id, .. } = *wanted;
    let (mut fruitless, mut whole) = (0, false);
    for _ in 0..BREAKS {
        if wanted.stop.load(Ordering::Relaxed) {
            break;
        }
        let before = download.have();
        let error = match once(registry, wanted, download, &mut whole) {
            Ok(()) => return Ok(()),
            Err(Ended::Failed(error)) => return Err(error),
            Err(Ended::Broken(error)) => error,
        };
        fruitless = if download.have() > before { 1 } else { fruitless + 1 };
        if fruitless >= ATTEMPTS {
            return Err(error.into());
        }
        registry.client.progress.event(Event::Layer { id, state: State::Retrying });
        registry.pause(fruitless);
    }
    Err(RegistryError::Answer { what: blob.digest.to_string(), reason: "the connection broke too often".into() }.into())
}

/// One request. `whole` is set when the registry cannot go on in the middle.
fn once(registry: &Registry, wanted: &Wanted, download: &mut Download, whole: &mut bool) -> Result<(), Ended> {
    let Wanted { repository, blob, id, stop } = *wanted;
    let first = if *whole { 0 } else { download.have() };
    let mut response = ask(registry, repository, blob, first)?;
    if response.status == StatusCode::RANGE_NOT_SATISFIABLE && first > 0 {
        *whole = true;
        return Err(Ended::Broken(wrong(&response, "it cannot go on where we asked it to".into())));
    }
    if !matches!(response.status, StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
        return Err(refused(response).into());
    }
    let length = if download.have() == 0 && response.status == StatusCode::OK {
        blob.size
    } else {
        coming(&response, blob, first, download, whole)?
    };
    let said = response.header("content-length").and_then(|text| text.parse::<u64>().ok());
    if let Some(said) = said.filter(|said| *said != length) {
        return Err(wrong(&response, format!("it sends {said} bytes, and {length} are missing")).into());
    }
    let mut left = length;
    let mut buffer = vec![0; BUFFER];
    let mut told = download.have();
    while left > 0 {
        if stop.load(Ordering::Relaxed) {
            return Err(wrong(&response, "it is not wanted any more".into()).into());
        }
        let room = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
        match response.body.read(&mut buffer[..room]) {
            Ok(0) => return Err(Ended::Broken(wrong(&response, format!("it ended {left} bytes early")))),
            Ok(count) => {
                download.write_all(&buffer[..count]).map_err(IngestError::from)?;
                left -= count as u64;
            }
            Err(error) => {
                let error = response.asked.failed(from_io(error));
                let passing = error.fault.is_passing();
                let error = RegistryError::from(error);
                return Err(if passing { Ended::Broken(error) } else { error.into() });
            }
        }
        let done = download.have();
        if done >= told + STEP {
            told = done;
            let state = State::Downloading { done, total: blob.size };
            registry.client.progress.event(Event::Layer { id, state });
        }
    }
    // Its length would have said so, if it had one.
    if let Ok(1..) = response.body.read(&mut [0]) {
        return Err(wrong(&response, format!("it sends more than the {} bytes of it", blob.size)).into());
    }
    finish(response);
    Ok(())
}

/// How many bytes of `blob` an answer has that are to be written to `download`, of which some are here. What was asked for
/// begins at `first`.
// ANCHOR: coming
fn coming(
    response: &Response,
    blob: &Descriptor,
    first: u64,
    download: &mut Download,
    whole: &mut bool,
) -> Result<u64, Ended> {
    let range = response.header(CONTENT_RANGE.as_str());
    // ANCHOR: ex_resume
    if response.status == StatusCode::OK {
        // The whole, whatever was asked for.
        download.restart().map_err(IngestError::from)?;
        return Ok(blob.size);
    }
    if starts_at(range, first, blob.size) {
        return Ok(blob.size - first);
    }
    *whole = true;
    Err(Ended::Broken(wrong(response, "it does not go on where we asked it to".into())))
    // ANCHOR_END: ex_resume
}
// ANCHOR_END: coming

fn wrong(response: &Response, reason: String) -> RegistryError {
    RegistryError::Answer { what: response.asked.to_string(), reason }
}

/// From the registry, or from where the manifest says that it may be had, too (docker's foreign layers).
fn ask(registry: &Registry, repository: &str, blob: &Descriptor, first: u64) -> Result<Response, Ended> {
    let path = format!("/v2/{repository}/blobs/{}", blob.digest);
    let scope = Scope::pull(repository);
    let call = Call::get(&path, &scope);
    let call = if first > 0 { call.from(first) } else { call };
    let response = match registry.call(&call) {
        Err(RegistryError::Http(error)) if error.fault.is_passing() => return Err(Ended::Broken(error.into())),
        other => other?,
    };
    if response.status != StatusCode::NOT_FOUND || !media::is_foreign(&blob.media_type) {
        return Ok(response);
    }
    let http = &registry.client.http;
    let elsewhere = blob.other.get("urls").and_then(|urls| urls.as_array()).into_iter().flatten();
    let addresses = elsewhere.filter_map(|url| url.as_str()?.parse::<Uri>().ok());
    // An image must not make us ask servers of this machine, or others that only we can reach: those have no certificate.
    for address in addresses.filter(|address| http.has_to_prove(address)).take(4) {
        // Nobody is told who we are.
        if let Ok(response) = http.follow(Request::new(Method::GET, address))
            && response.status == StatusCode::OK
        {
            return Ok(response);
        }
    }
    Ok(response)
}

/// Whether `Content-Range: bytes 10-99/100` is what was asked for: from `first` to the end.
fn starts_at(header: Option<&str>, first: u64, size: u64) -> bool {
    parse_content_range(header.unwrap_or_default())
        .is_some_and(|(from, to, of)| from == first && to + 1 == size && of.is_none_or(|of| of == size))
}

/// First byte, last byte, and how many there are, if that is known.
pub fn parse_content_range(header: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, size) = header.trim().strip_prefix("bytes")?.trim_start_matches([' ', '=']).split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let size = if size.trim() == "*" { None } else { Some(size.trim().parse().ok()?) };
    (first <= last && last < u64::MAX).then_some((first, last, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_range_that_was_asked_for_is_right() {
        let right = |header| starts_at(Some(header), 10, 100);
        assert!(right("bytes 10-99/100") && right("bytes 10-99/*") && right(" bytes 10-99/100 "));
        for header in [
            "bytes 0-99/100",
            "bytes 10-98/100",
            "bytes 10-99/101",
            "bytes 10-99",
            "bytes 99-10/100",
            "bytes */100",
            "10-99/100",
            "bytes -1-99/100",
            "bytes 10-18446744073709551615/*",
            "",
        ] {
            assert!(!right(header), "{header}");
        }
        assert!(!starts_at(None, 0, 100));
    }
}
