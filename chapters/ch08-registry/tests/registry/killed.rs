//! A command that is killed in the middle: what it has downloaded is there for the next one.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use images::{ImageStore, Platform};
use layers::{DataRoot, LayerStore};
use registry::{Client, CredentialStore, Proxies, Settings, Stores, Surroundings};

use crate::support::faults::{Fault, Proxy};
use crate::support::fixture::{BULK, Home, layout, reference};
use crate::support::server::Server;

/// In the process that is to be killed: the data root and the name.
const VICTIM: &str = "REGISTRY_TEST_VICTIM";

#[test]
fn what_came_outlives_kill_9() {
    needs_programs!();
    if let Ok(wish) = std::env::var(VICTIM) {
        return pull_for_ever(&wish);
    }
    let server = Server::plain();
    layout().send(&server.address, "killed:1", &[]);
    let (proxy, home) = (Proxy::before(&server.address), Home::new());
    let name = format!("{}/killed:1", proxy.address);
    let part = BULK * 9 / 10;
    proxy.spoil(&layout().large.to_string(), 1, Fault::Stall(part));
    let partial = home.path().join("data/images/partial").join(layout().large.hex());
    let binary = std::env::current_exe().expect("this binary");
    let mut victim = Command::new(binary);
    victim.args(["killed::what_came_outlives_kill_9", "--exact"]);
    let wish = format!("{} {name}", home.path().join("data").display());
    let mut victim = victim.env(VICTIM, wish).stdout(std::process::Stdio::null()).spawn().expect("it starts again");
    // What was sent is written at once.
    while std::fs::metadata(&partial).map_or(0, |file| file.len()) < part as u64 {
        assert!(victim.try_wait().expect("a child").is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    victim.kill().expect("a child");
    assert_eq!(victim.wait().expect("a child").signal(), Some(9));
    proxy.asked();
    assert!(home.pull(&name).expect("a pull").new);
    let large = layout().large.to_string();
    let again: Vec<_> = proxy.asked().into_iter().filter(|asked| asked.path.contains(&large)).collect();
    let sent: usize = again.iter().map(|asked| asked.sent).sum();
    assert!(sent > 0 && sent * 100 <= BULK * 12, "{sent} of {BULK} came again: {again:?}");
    assert_eq!(again[0].header("range"), Some(format!("bytes={part}-").as_str()));
}

fn pull_for_ever(wish: &str) {
    let (root, name) = wish.split_once(' ').expect("two words");
    let root = DataRoot::open(root.as_ref()).expect("a data root");
    let (images, layers) = (ImageStore::open(&root).expect("images"), LayerStore::open(&root).expect("layers"));
    let surroundings = Surroundings {
        settings: Settings::default(),
        proxies: Proxies::default(),
        ..Surroundings::read().expect("surroundings")
    };
    let client = Client::new(surroundings, CredentialStore::new(None), &());
    let stores = Stores { images: &images, layers: &layers };
    let _ = client.pull(stores, &reference(name), &Platform::host());
}
