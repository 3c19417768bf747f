//! Two registries on this host, with an image in each: at port 5000 anybody may, at 5001 only alice.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};

use testkit::{Host, Need, require};

/// `htpasswd -nbB alice wonder:land`
const HTPASSWD: &str = "alice:$2y$05$abcdefghijklmnopqrstuu12xgx35XzVimpLAARVsY.qvjwFuB00y\n";

/// They end with this.
pub(crate) struct Registries(Vec<(Child, JoinHandle<()>)>);

impl Registries {
    /// Starts both, and puts the tree into them as `seed/bb:1` and `seed/bb:2`.
    pub(crate) fn start(host: &Host, tree: &Path) -> Self {
        require(Need::Program("docker-registry", "docker-registry"));
        require(Need::Program("skopeo", "skopeo"));
        require(Need::Program("umoci", "umoci"));
        super::ok(Command::new("ip").args(["link", "set", "lo", "up"]));
        let directory = host.dir().join("registries");
        fs::create_dir(&directory).expect("a directory");
        fs::write(directory.join("htpasswd"), HTPASSWD).expect("a file");
        let auth = format!("auth: {{ htpasswd: {{ realm: r, path: {}/htpasswd }} }}\n", directory.display());
        let registries =
            Self([(5000, ""), (5001, auth.as_str())].map(|(port, auth)| start(&directory, port, auth)).into());
        let shell = r#"
            set -e; cd "$1"; tar -C "$2" -cf layer.tar .
            umoci init --layout layout; umoci new --image layout:x
            umoci raw add-layer --image layout:x layer.tar; umoci config --image layout:x --config.cmd sh
            for to in '5000/seed/bb:1' '5000/seed/bb:2' '5001/seed/bb:1'; do
                skopeo --insecure-policy copy -q --dest-creds alice:wonder:land --dest-tls-verify=false \
                    oci:layout:x "docker://127.0.0.1:$to"
            done
        "#;
        super::ok(Command::new("bash").args(["-c", shell, "bash"]).arg(&directory).arg(tree));
        registries
    }
}

fn start(directory: &Path, port: u16, auth: &str) -> (Child, JoinHandle<()>) {
    let path = directory.join(format!("{port}.yml"));
    let data = directory.join(port.to_string());
    let config = format!(
        "version: 0.1\nstorage: {{ filesystem: {{ rootdirectory: {} }} }}\n\
         http: {{ addr: \"127.0.0.1:{port}\", secret: x }}\n{auth}",
        data.display()
    );
    fs::write(&path, config).expect("a file");
    let mut command = Command::new("docker-registry");
    command.arg("serve").arg(&path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("docker-registry starts");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("listening on")), "docker-registry does not listen");
    // It says more, which has to go somewhere.
    let reader = thread::spawn(move || lines.for_each(drop));
    (child, reader)
}

impl Drop for Registries {
    fn drop(&mut self) {
        for (mut child, reader) in self.0.drain(..) {
            let _ = child.kill();
            let _ = child.wait();
            // With it goes its pipe.
            let _ = reader.join();
        }
    }
}
