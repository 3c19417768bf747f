//! Debian's docker-registry on loopback, at a port that the kernel chooses, one for each way of asking who somebody is. It
//! ends with the test binary, however that ends.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use tempfile::TempDir;

pub(crate) const USER: &str = "alice";
pub(crate) const PASSWORD: &str = "wonder:land";
/// `htpasswd -nbB alice wonder:land`, cost 5.
const HTPASSWD: &str = "alice:$2y$05$abcdefghijklmnopqrstuu12xgx35XzVimpLAARVsY.qvjwFuB00y\n";

/// A registry at work.
pub(crate) struct Server {
    /// `127.0.0.1:40001`.
    pub(crate) address: String,
    /// With what it keeps.
    pub(crate) directory: TempDir,
    /// It ends the registry when the other end of its standard input is closed, however that comes.
    _keeper: Mutex<Child>,
}

impl Server {
    /// Anybody may.
    pub(crate) fn plain() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(|| Self::start("", |_| {}))
    }

    /// Only alice, with her password.
    pub(crate) fn with_password() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        let more = "auth: { htpasswd: { realm: \"a \\\"realm\\\", with a comma\", path: DIR/htpasswd } }\n";
        SERVER.get_or_init(|| Self::start(more, |directory| put(directory, "htpasswd", HTPASSWD.as_bytes())))
    }

    /// Encrypted, with a certificate of an authority that is in `ca.crt`.
    pub(crate) fn with_tls() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(|| {
            Self::start("", |directory| {
                let (authority, certificate, key) = certificates();
                put(directory, "ca.crt", authority.as_bytes());
                put(directory, "tls.crt", certificate.as_bytes());
                put(directory, "tls.key", key.as_bytes());
            })
        })
    }

    /// Sends everybody to `realm` for a token that was signed with the key of `certificate`.
    pub(crate) fn with_tokens(realm: &str, certificate: &str) -> Self {
        let more = format!(
            "auth: {{ token: {{ realm: \"{realm}\", service: \"a service, with a comma\", issuer: tests, \
             rootcertbundle: DIR/issuer.crt }} }}\n"
        );
        Self::start(&more, |directory| put(directory, "issuer.crt", certificate.as_bytes()))
    }

    fn start(more: &str, prepare: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        prepare(directory.path());
        let place = directory.path().display().to_string();
        let tls = if directory.path().join("tls.crt").exists() {
            ", tls: { certificate: DIR/tls.crt, key: DIR/tls.key }"
        } else {
            ""
        };
        let config = format!(
            "version: 0.1\nlog: {{ level: info, accesslog: {{ disabled: false }} }}\n\
             storage: {{ filesystem: {{ rootdirectory: DIR/data }}, delete: {{ enabled: true }} }}\n\
             http: {{ addr: \"127.0.0.1:0\", secret: x{tls} }}\n{more}"
        );
        put(directory.path(), "config.yml", config.replace("DIR", &place).as_bytes());
        let script = r#"docker-registry serve "$1" 2>&1 & cat >/dev/null; kill -9 $!"#;
        let mut keeper = Command::new("sh");
        keeper.args(["-c", script, "sh", &format!("{place}/config.yml")]);
        let keeper = keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut keeper = keeper.expect("sh starts");
        let mut lines = BufReader::new(keeper.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
        let mut said = Vec::new();
        let address = lines.by_ref().find_map(|line| {
            said.push(line.clone());
            Some(line.split("listening on ").nth(1)?.split([',', '"', ' ']).next()?.to_owned())
        });
        let address = address.unwrap_or_else(|| panic!("docker-registry does not listen: {}", said.join("\n")));
        // It says more, which has to go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        Self { address, directory, _keeper: Mutex::new(keeper) }
    }
}

fn put(directory: &Path, name: &str, bytes: &[u8]) {
    fs::write(directory.join(name), bytes).expect("a file");
}

/// An authority, and what it has signed for 127.0.0.1 and localhost: certificate and key.
fn certificates() -> (String, String, String) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut authority = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    authority.distinguished_name.push(rcgen::DnType::CommonName, "authority of a test");
    let certificate = authority.self_signed(&key).expect("a certificate");
    let issuer = rcgen::Issuer::new(authority, key);
    let server_key = rcgen::KeyPair::generate().expect("a key");
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let server = rcgen::CertificateParams::new(names).expect("parameters");
    let signed = server.signed_by(&server_key, &issuer).expect("a certificate");
    (certificate.pem(), signed.pem(), server_key.serialize_pem())
}
