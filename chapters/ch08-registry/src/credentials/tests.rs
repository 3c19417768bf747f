use std::os::unix::fs::PermissionsExt;

use super::*;

fn store(directory: &Path) -> CredentialStore {
    CredentialStore::new(Some(directory)).with_variable(None)
}

fn basic(user: &str, password: &str) -> Credentials {
    Credentials::Basic { user: user.into(), password: password.into() }
}

#[test]
fn what_is_kept_is_found_again_and_the_rest_of_the_file_stays() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("config.json");
    fs::write(&path, r#"{"psFormat":"x","unknown":{"a":[1]},"auths":{"other":{"auth":"YTpi","email":"e"}}}"#)
        .expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode");
    let store = store(directory.path());
    let stored = store.store("docker.io", &basic("alice", "se:cret"), "alice").expect("a place");
    assert_eq!(stored, Stored::InFile(fs::canonicalize(&path).expect("a file")));
    assert_eq!(store.get("docker.io").expect("a file"), Some(basic("alice", "se:cret")));
    assert_eq!(store.get("other").expect("a file"), Some(basic("a", "b")));
    assert_eq!(store.get("another").expect("a file"), None);
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    insta::assert_snapshot!(fs::read_to_string(&path).expect("a file"), @r#"
    {
    	"auths": {
    		"https://index.docker.io/v1/": {
    			"auth": "YWxpY2U6c2U6Y3JldA=="
    		},
    		"other": {
    			"auth": "YTpi",
    			"email": "e"
    		}
    	},
    	"psFormat": "x",
    	"unknown": {
    		"a": [
    			1
    		]
    	}
    }
    "#);
    assert!(store.erase("docker.io").expect("a file"));
    assert!(!store.erase("docker.io").expect("a file"));
    assert_eq!(store.get("docker.io").expect("a file"), None);
}

#[test]
fn old_keys_and_every_kind_of_entry_are_understood() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(
        directory.path().join("config.json"),
        r#"{"auths":{"https://old.example/v1/":{"auth":"YTpi"},"id.example":{"auth":"YTo=","identitytoken":"t"},
            "tok.example":{"registrytoken":"r"},"plain.example":{"username":"u","password":"p"},"none.example":{}}}"#,
    )
    .expect("a file");
    let get = |domain| store(directory.path()).get(domain).expect("a file");
    assert_eq!(get("old.example"), Some(basic("a", "b")));
    assert_eq!(get("id.example"), Some(Credentials::Identity("t".into())));
    assert_eq!(get("tok.example"), Some(Credentials::Registry("r".into())));
    assert_eq!(get("plain.example"), Some(basic("u", "p")));
    assert_eq!(get("none.example"), None);
}

#[test]
fn the_variable_goes_before_the_file() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("config.json"), r#"{"auths":{"a":{"auth":"YTpi"},"b":{"auth":"YTpi"}}}"#)
        .expect("a file");
    let store = store(directory.path()).with_variable(Some(r#"{"auths":{"a":{"auth":"Yzpk"}}}"#.into()));
    assert_eq!(store.get("a").expect("both"), Some(basic("c", "d")));
    assert_eq!(store.get("b").expect("both"), Some(basic("a", "b")));
    assert!(store.with_variable(Some("{".into())).get("a").is_err());
}

#[test]
fn damage_is_said() {
    let directory = tempfile::tempdir().expect("a directory");
    for (text, reason) in [
        ("{", "is not valid"),
        (r#"{"auths":{"a":{"auth":"%"}}}"#, "not base64"),
        (r#"{"auths":{"a":{"auth":"YQ=="}}}"#, "no ':'"),
    ] {
        fs::write(directory.path().join("config.json"), text).expect("a file");
        let error = store(directory.path()).get("a").expect_err(text).to_string();
        assert!(error.contains(reason), "{error}");
    }
    fs::write(directory.path().join("config.json"), r#"{"auths":[]}"#).expect("a file");
    assert!(store(directory.path()).store("a", &basic("a", "b"), "a").is_err());
}

#[test]
fn null_is_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("config.json");
    for text in [r#"{"auths":null,"credsStore":null,"credHelpers":null}"#, r#"{"auths":{"a":null}}"#] {
        fs::write(&path, text).expect("a file");
        assert_eq!(store(directory.path()).get("a").expect(text), None);
        store(directory.path()).store("b", &basic("a", "b"), "a").expect(text);
        assert_eq!(store(directory.path()).get("b").expect(text), Some(basic("a", "b")));
    }
}

#[test]
fn two_at_the_same_time_both_stay() {
    let directory = tempfile::tempdir().expect("a directory");
    std::thread::scope(|scope| {
        for number in 0..16 {
            let store = store(directory.path());
            scope.spawn(move || store.store(&format!("r{number}"), &basic("a", "b"), "a").expect("a place"));
        }
    });
    for number in 0..16 {
        assert!(store(directory.path()).get(&format!("r{number}")).expect("a file").is_some(), "{number}");
    }
}

#[test]
fn the_file_stays_its_owners_and_where_a_link_says() {
    let directory = tempfile::tempdir().expect("a directory");
    let (path, elsewhere) = (directory.path().join("config.json"), directory.path().join("elsewhere.json"));
    std::os::unix::fs::symlink("elsewhere.json", &path).expect("a link");
    // It leads to nothing yet.
    store(directory.path()).store("a", &basic("a", "b"), "a").expect("a place");
    assert!(path.is_symlink() && elsewhere.is_file());
    if fchown(File::open(&elsewhere).expect("a file"), Some(12345), Some(12345)).is_ok() {
        store(directory.path()).store("b", &basic("a", "b"), "a").expect("a place");
        let found = fs::metadata(&elsewhere).expect("a file");
        assert_eq!((found.uid(), found.gid(), found.mode() & 0o777), (12345, 12345, 0o600));
    }
}

#[test]
fn a_pipe_is_not_waited_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let made = std::process::Command::new("mkfifo").arg(directory.path().join("config.json")).status();
    assert!(made.expect("mkfifo starts").success());
    let (say, said) = std::sync::mpsc::channel();
    let store = store(directory.path());
    std::thread::spawn(move || say.send(store.get("a").map_err(|error| error.to_string())));
    let answer = said.recv_timeout(std::time::Duration::from_secs(30)).expect("an answer");
    assert!(answer.expect_err("a pipe").contains("it is a pipe"));
}
