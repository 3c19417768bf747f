//! Who we are at a registry, from where docker's client keeps it: `DOCKER_AUTH_CONFIG`, then `config.json`, which may name a
//! program that keeps it better.
//!
//! <https://docs.docker.com/reference/cli/docker/login/#credential-stores>

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, fchown};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use process::{Diagnose, FailureKind};
use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::helper::{Helper, HelperError};
use crate::identity::Credentials;

/// What docker.io is called there, since before it had that name.
const DOCKER_KEY: &str = "https://index.docker.io/v1/";
/// Nobody's has more.
const LARGEST: u64 = 4 * 1024 * 1024;
const VARIABLE: &str = "DOCKER_AUTH_CONFIG";

/// Why credentials could not be read or kept.
#[derive(Debug, Error)]
pub enum CredentialsError {
    /// The file.
    #[error("{action} {path}: {source}")]
    File {
        /// What was tried.
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is not what docker writes.
    #[error("{place} is not valid: {reason}")]
    Damaged {
        /// The file, or the variable.
        place: String,
        /// Why not.
        reason: String,
    },
    /// A program that keeps credentials.
    #[error(transparent)]
    Helper(#[from] HelperError),
    /// No place.
    #[error("there is no directory for config.json: neither DOCKER_CONFIG nor HOME is set")]
    NoDirectory,
}

impl Diagnose for CredentialsError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        process::inner!(self, Helper)
    }

    fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::File { source, .. } => Some(FailureKind::from(source)),
            Self::Damaged { .. } | Self::NoDirectory => Some(FailureKind::Invalid),
            Self::Helper(_) => None,
        }
    }
}

/// One entry of `auths`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    /// `user:password` in base64.
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

/// What of the file is about this.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ConfigFile {
    auths: Option<BTreeMap<String, Option<Entry>>>,
    creds_store: Option<String>,
    cred_helpers: Option<BTreeMap<String, String>>,
}

/// Where they are kept.
#[derive(Debug, Clone)]
pub struct CredentialStore {
    directory: Option<PathBuf>,
    variable: Option<String>,
}

impl CredentialStore {
    /// In `config.json` of this directory, and in the environment.
    pub fn new(directory: Option<&Path>) -> Self {
        Self { directory: directory.map(Path::to_owned), variable: std::env::var(VARIABLE).ok() }
    }

    /// The same with another value of `DOCKER_AUTH_CONFIG`.
    #[must_use]
    pub fn with_variable(self, variable: Option<String>) -> Self {
        Self { variable, ..self }
    }

    /// Those for images of `domain` (`docker.io`, `reg.example:5000`).
    ///
    /// # Errors
    /// [`CredentialsError`].
    pub fn get(&self, domain: &str) -> Result<Option<Credentials>, CredentialsError> {
        let key = key(domain);
        if let Some(json) = self.variable.as_ref().filter(|json| !json.is_empty()) {
            let file: ConfigFile = serde_json::from_str(json).map_err(damaged(VARIABLE))?;
            if let Some(credentials) = file.entry(&key, VARIABLE)? {
                return Ok(Some(credentials));
            }
        }
        let Some(path) = self.path() else { return Ok(None) };
        let file: ConfigFile = match read(&path)? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(damaged(path.display()))?,
            None => return Ok(None),
        };
        match file.helper(&key) {
            Some(helper) => Ok(helper.get(&key)?),
            None => file.entry(&key, &path.display().to_string()),
        }
    }

    /// Keeps them for images of `domain`. Whether they stand in the file as they are.
    ///
    /// # Errors
    /// [`CredentialsError`].
    pub fn store(&self, domain: &str, credentials: &Credentials, user: &str) -> Result<Stored, CredentialsError> {
        let _lock = self.lock()?;
        let (path, mut file) = self.open()?;
        let key = key(domain);
        if let Some(helper) = helper_of(&file, &key, &path)? {
            helper.store(&key, credentials)?;
            // As docker: that there is something, and not what.
            entries(&mut file, &path)?.insert(key, Value::Object(Map::new()));
            write(&path, &file)?;
            return Ok(Stored::InHelper);
        }
        let mut entry = Map::new();
        match credentials {
            Credentials::Basic { user, password } => {
                entry.insert("auth".into(), STANDARD.encode(format!("{user}:{password}")).into());
            }
            Credentials::Identity(token) => {
                entry.insert("auth".into(), STANDARD.encode(format!("{user}:")).into());
                entry.insert("identitytoken".into(), token.clone().into());
            }
            Credentials::Registry(token) => drop(entry.insert("registrytoken".into(), token.clone().into())),
        }
        entries(&mut file, &path)?.insert(key, Value::Object(entry));
        write(&path, &file)?;
        Ok(Stored::InFile(path))
    }

    /// Forgets them. Whether there were any.
    ///
    /// # Errors
    /// [`CredentialsError`].
    pub fn erase(&self, domain: &str) -> Result<bool, CredentialsError> {
        if self.directory.as_ref().is_some_and(|directory| !directory.exists()) {
            return Ok(false);
        }
        let _lock = self.lock()?;
        let (path, mut file) = self.open()?;
        let key = key(domain);
        let helper = helper_of(&file, &key, &path)?;
        let entries = entries(&mut file, &path)?;
        let keys: Vec<String> = entries.keys().filter(|own| same_key(own, &key)).cloned().collect();
        for own in &keys {
            entries.remove(own);
        }
        if let Some(helper) = helper {
            helper.erase(&key)?;
        }
        if !keys.is_empty() {
            write(&path, &file)?;
        }
        Ok(!keys.is_empty())
    }

    fn path(&self) -> Option<PathBuf> {
        self.directory.as_ref().map(|directory| directory.join("config.json"))
    }

    /// Of two that change the file at the same time, each must find what the other has written.
    fn lock(&self) -> Result<File, CredentialsError> {
        let directory = self.directory.as_deref().ok_or(CredentialsError::NoDirectory)?;
        let failed = |source| CredentialsError::File { action: "lock", path: directory.into(), source };
        fs::create_dir_all(directory).map_err(failed)?;
        let lock = File::open(directory).map_err(failed)?;
        lock.lock().map_err(failed)?;
        Ok(lock)
    }

    /// The file to be written, and all that is in it.
    fn open(&self) -> Result<(PathBuf, Map<String, Value>), CredentialsError> {
        let path = self.path().ok_or(CredentialsError::NoDirectory)?;
        // Where a link leads is the file, also if it is not there yet.
        let linked = || fs::read_link(&path).map(|target| path.with_file_name("").join(target));
        let path = fs::canonicalize(&path).or_else(|_| linked()).unwrap_or(path);
        let file = match read(&path)? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(damaged(path.display()))?,
            None => Map::new(),
        };
        Ok((path, file))
    }
}

/// Where credentials have gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// Into this file, readable to whoever can read that.
    InFile(PathBuf),
    /// To a program.
    InHelper,
}

impl ConfigFile {
    fn helper(&self, key: &str) -> Option<Helper> {
        let mut helpers = self.cred_helpers.iter().flatten();
        let own = helpers.find(|(own, _)| same_key(own, key)).map(|(_, helper)| helper);
        Helper::new(own.or(self.creds_store.as_ref())?)
    }

    fn entry(&self, key: &str, place: &str) -> Result<Option<Credentials>, CredentialsError> {
        let entries = || self.auths.iter().flatten().filter_map(|(own, entry)| Some((own, entry.as_ref()?)));
        let same = || entries().find(|(own, _)| same_key(own, key));
        let Some((_, entry)) = entries().find(|(own, _)| *own == key).or_else(same) else { return Ok(None) };
        if !entry.registrytoken.is_empty() {
            return Ok(Some(Credentials::Registry(entry.registrytoken.clone())));
        }
        if !entry.identitytoken.is_empty() {
            return Ok(Some(Credentials::Identity(entry.identitytoken.clone())));
        }
        let (user, password) = if entry.auth.is_empty() {
            (entry.username.clone(), entry.password.clone())
        } else {
            let wrong = |reason: &str| CredentialsError::Damaged { place: place.into(), reason: reason.into() };
            let bytes = STANDARD.decode(&entry.auth).map_err(|_| wrong("auth is not base64"))?;
            let text = String::from_utf8(bytes).map_err(|_| wrong("auth is no text"))?;
            let (user, password) = text.split_once(':').ok_or_else(|| wrong("auth has no ':'"))?;
            (user.to_owned(), password.trim_end_matches('\0').to_owned())
        };
        Ok((!user.is_empty()).then_some(Credentials::Basic { user, password }))
    }
}

fn helper_of(file: &Map<String, Value>, key: &str, path: &Path) -> Result<Option<Helper>, CredentialsError> {
    let file: ConfigFile = serde_json::from_value(Value::Object(file.clone())).map_err(damaged(path.display()))?;
    Ok(file.helper(key))
}

fn entries<'a>(file: &'a mut Map<String, Value>, path: &Path) -> Result<&'a mut Map<String, Value>, CredentialsError> {
    let auths = file.entry("auths").or_insert(Value::Null);
    if auths.is_null() {
        *auths = Value::Object(Map::new());
    }
    let wrong = || CredentialsError::Damaged { place: path.display().to_string(), reason: "auths is no object".into() };
    auths.as_object_mut().ok_or_else(wrong)
}

/// The name under which docker keeps what is for `domain`.
pub(crate) fn key(domain: &str) -> String {
    if domain == "docker.io" { DOCKER_KEY.into() } else { domain.into() }
}

/// Old entries have a scheme and a path.
fn same_key(own: &str, key: &str) -> bool {
    let host = |text: &str| {
        let text = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
        text.split('/').next().unwrap_or_default().to_owned()
    };
    own == key || host(own) == host(key)
}

fn damaged<E: fmt::Display>(place: impl fmt::Display) -> impl FnOnce(E) -> CredentialsError {
    let place = place.to_string();
    move |error| CredentialsError::Damaged { place, reason: error.to_string() }
}

/// `None` if there is no such file, or nothing in it.
fn read(path: &Path) -> Result<Option<Vec<u8>>, CredentialsError> {
    let failed = |source| CredentialsError::File { action: "read", path: path.into(), source };
    if fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo()) {
        // Nobody may ever write into it.
        return Err(damaged(path.display())("it is a pipe"));
    }
    let file = match File::open(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        other => other.map_err(failed)?,
    };
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(failed)?;
    Ok((!bytes.is_empty()).then_some(bytes))
}

/// The whole file or none, for its owner only.
fn write(path: &Path, file: &Map<String, Value>) -> Result<(), CredentialsError> {
    let failed = |source| CredentialsError::File { action: "write", path: path.into(), source };
    let directory = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(directory).map_err(failed)?;
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
    serde::Serialize::serialize(file, &mut serializer).map_err(|error| failed(error.into()))?;
    // A temporary file of this crate has mode 0600.
    let mut temporary = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
    io::Write::write_all(&mut temporary, &text).map_err(failed)?;
    if let Ok(before) = fs::metadata(path) {
        // Root may do this for somebody else, who has to be able to read it afterwards.
        let _ = fchown(temporary.as_file(), Some(before.uid()), Some(before.gid()));
    }
    temporary.as_file().sync_all().map_err(failed)?;
    temporary.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests;
