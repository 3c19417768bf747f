//! `config.json` of docker's client: keys, formats and proxies that somebody always wants. It is read by the commands that
//! have a use for it, and no others.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use runtime::Text;
use runtime::spec::read_bounded;
use serde::Deserialize;

use crate::outcome;

/// What of it means something to us.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ConfigFile {
    /// Instead of `ctrl-p,ctrl-q`.
    pub(crate) detach_keys: String,
    /// Instead of the usual table of `ps`.
    pub(crate) ps_format: String,
    /// Of `images`.
    pub(crate) images_format: String,
    /// Of `stats`.
    pub(crate) stats_format: String,
    /// By the daemon that they are for. We are none, and have what is for all.
    proxies: BTreeMap<String, Proxies>,
}

/// Proxies that a container is to use.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Proxies {
    #[serde(rename = "httpProxy")]
    http: String,
    #[serde(rename = "httpsProxy")]
    https: String,
    /// What is asked without one.
    #[serde(rename = "noProxy")]
    none: String,
    #[serde(rename = "ftpProxy")]
    ftp: String,
    #[serde(rename = "allProxy")]
    all: String,
}

/// The directory that docker's client would look into.
pub(crate) fn usual_directory() -> Option<PathBuf> {
    std::env::var_os("HOME").filter(|home| !home.is_empty()).map(|home| Path::new(&home).join(".docker"))
}

impl ConfigFile {
    /// What stands in `directory`; of a file that cannot be read a warning is all that comes.
    pub(crate) fn read(directory: Option<&Path>) -> Self {
        let Some(path) = directory.map(|directory| directory.join("config.json")) else { return Self::default() };
        let absent = |error: &io::Error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        let reason = match read_bounded(&path) {
            Ok(bytes) if bytes.is_empty() => return Self::default(),
            Ok(bytes) => match serde_json::from_slice(&bytes) {
                Ok(config) => return config,
                Err(error) => error.to_string(),
            },
            Err(error) if absent(&error) => return Self::default(),
            Err(error) => error.to_string(),
        };
        outcome::complain(format_args!("WARNING: Error parsing config file ({}): {reason}\n", path.display()));
        Self::default()
    }

    /// Variables about proxies, in both spellings that programs look for; those that `given` speaks of are its affair.
    pub(crate) fn proxy_variables(&self, given: &[Text]) -> Vec<Text> {
        let Some(proxies) = self.proxies.get("default") else { return Vec::new() };
        let pairs = [
            ("http_proxy", &proxies.http),
            ("https_proxy", &proxies.https),
            ("no_proxy", &proxies.none),
            ("ftp_proxy", &proxies.ftp),
            ("all_proxy", &proxies.all),
        ];
        let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        let both = pairs.flat_map(|(name, value)| [(name.to_uppercase(), value), (name.to_owned(), value)]);
        both.filter(|(name, _)| given.iter().all(|entry| entry.name() != name.as_bytes()))
            .map(|(name, value)| format!("{name}={value}").into())
            .collect()
    }
}

/// What was asked for on the command line, or else what the file has.
pub(crate) fn format_or(given: Option<&str>, usual: String) -> Option<String> {
    given.filter(|format| !format.is_empty()).map(str::to_owned).or(Some(usual)).filter(|format| !format.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_were_given_are_not_a_proxys() {
        let json =
            r#"{ "proxies": { "default": { "httpProxy": "http://p:1", "noProxy": "a,b" }, "tcp://x": {} }, "x": 1 }"#;
        let config: ConfigFile = serde_json::from_str(json).expect("a file");
        let seen = |given: &[&str]| {
            let given: Vec<Text> = given.iter().map(|entry| Text::from(*entry)).collect();
            config.proxy_variables(&given).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(seen(&[]), "HTTP_PROXY=http://p:1 http_proxy=http://p:1 NO_PROXY=a,b no_proxy=a,b");
        assert_eq!(seen(&["http_proxy=mine", "NO_PROXY", "no_proxy="]), "HTTP_PROXY=http://p:1");
        assert_eq!(format_or(Some(""), "file".into()).as_deref(), Some("file"));
        assert_eq!(format_or(Some("flag"), "file".into()).as_deref(), Some("flag"));
        assert_eq!(format_or(None, String::new()), None);
    }
}
