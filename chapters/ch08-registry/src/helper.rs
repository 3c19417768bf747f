//! Programs that keep credentials: `docker-credential-NAME get|store|erase`, with a name or JSON on standard input.
//!
//! <https://github.com/docker/docker-credential-helpers#development>

use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};

use process::{Diagnose, FailureKind};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::identity::{Credentials, TOKEN_USER};

/// What a helper says when it has nothing. All say it so.
const NOT_FOUND: &str = "credentials not found";
/// More than any secret.
const LARGEST: u64 = 1024 * 1024;

/// A helper did not help.
#[derive(Debug, Error)]
pub enum HelperError {
    /// It could not be run.
    #[error("run {program}: {source}")]
    Run {
        /// Which.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// It failed.
    #[error("{program}: {said}")]
    Failed {
        /// Which.
        program: String,
        /// Its words.
        said: String,
    },
    /// Not the JSON that it should be.
    #[error("{program} answered something else than credentials: {source}")]
    Answer {
        /// Which.
        program: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl Diagnose for HelperError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::System)
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Run { .. } => Some("credsStore and credHelpers of config.json name it".into()),
            _ => None,
        }
    }
}

/// A helper.
#[derive(Debug)]
pub(crate) struct Helper {
    program: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct Entry {
    #[serde(rename = "ServerURL")]
    server: String,
    username: String,
    secret: String,
}

impl Helper {
    /// `None` for no name. A name is a word, and no path.
    pub(crate) fn new(name: &str) -> Option<Self> {
        (!name.is_empty() && !name.contains('/')).then(|| Self { program: format!("docker-credential-{name}") })
    }

    pub(crate) fn get(&self, key: &str) -> Result<Option<Credentials>, HelperError> {
        let answer = match self.run("get", key.as_bytes()) {
            Err(HelperError::Failed { said, .. }) if said.contains(NOT_FOUND) => return Ok(None),
            other => other?,
        };
        let wrong = |source| HelperError::Answer { program: self.program.clone(), source };
        let entry: Entry = serde_json::from_slice(&answer).map_err(wrong)?;
        Ok(match entry.username.as_str() {
            "" => None,
            TOKEN_USER => Some(Credentials::Identity(entry.secret)),
            _ => Some(Credentials::Basic { user: entry.username, password: entry.secret }),
        })
    }

    pub(crate) fn store(&self, key: &str, credentials: &Credentials) -> Result<(), HelperError> {
        let (username, secret) = match credentials {
            Credentials::Basic { user, password } => (user.clone(), password.clone()),
            Credentials::Identity(token) | Credentials::Registry(token) => (TOKEN_USER.into(), token.clone()),
        };
        let entry = Entry { server: key.into(), username, secret };
        let wrong = |source| HelperError::Answer { program: self.program.clone(), source };
        let json = serde_json::to_vec(&entry).map_err(wrong)?;
        self.run("store", &json).map(drop)
    }

    pub(crate) fn erase(&self, key: &str) -> Result<(), HelperError> {
        match self.run("erase", key.as_bytes()) {
            Err(HelperError::Failed { said, .. }) if said.contains(NOT_FOUND) => Ok(()),
            other => other.map(drop),
        }
    }

    fn run(&self, action: &str, input: &[u8]) -> Result<Vec<u8>, HelperError> {
        let program = self.program.clone();
        let failed = |source| HelperError::Run { program: program.clone(), source };
        let mut child = Command::new(&self.program)
            .arg(action)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(failed)?;
        let answer = converse(&mut child, input);
        let status = child.wait().map_err(failed)?;
        let answer = answer.map_err(failed)?;
        if status.success() {
            return Ok(answer);
        }
        // By the protocol the words are on standard output.
        let said = String::from_utf8_lossy(&answer).trim().to_owned();
        let said = if said.is_empty() { status.to_string() } else { said };
        Err(HelperError::Failed { program: self.program.clone(), said })
    }
}

/// What it is given is short, and fits a pipe.
fn converse(child: &mut Child, input: &[u8]) -> io::Result<Vec<u8>> {
    if let Some(mut stdin) = child.stdin.take() {
        match stdin.write_all(input) {
            // It did not want to know.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            other => other?,
        }
    }
    let mut answer = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(LARGEST).read_to_end(&mut answer)?;
    }
    Ok(answer)
}
