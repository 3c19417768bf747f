//! `config.json` as other writers write it.

use std::path::Path;

use runtime::spec::{Bundle, Spec, SpecError};
use serde_json::{Value, json};

fn from_json(text: &[u8]) -> Result<Bundle, SpecError> {
    Bundle::from_json(Path::new("config.json"), text)
}

fn read(config: &Value) -> Result<Bundle, String> {
    from_json(config.to_string().as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn null_is_an_empty_list() {
    let config = json!({
        "ociVersion": "1.2.0", "hostname": null, "mounts": null, "hooks": null, "annotations": null,
        "process": {"args": null, "env": null, "cwd": "/", "capabilities": {"bounding": null, "ambient": null},
            "rlimits": null, "user": {"uid": 0, "gid": 0, "additionalGids": null}},
        "linux": {"namespaces": null, "uidMappings": null, "devices": null, "sysctl": null, "maskedPaths": null,
            "resources": {"devices": null, "memory": null, "pids": null, "hugepageLimits": null, "unified": null,
                "blockIO": {"weightDevice": null}},
            "seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "architectures": null,
                "syscalls": [{"names": ["getcwd"], "action": "SCMP_ACT_ERRNO", "args": null}]}},
    });
    let bundle = read(&config).expect("a bundle");
    assert_eq!(bundle.spec.mounts, []);
    assert_eq!(bundle.spec.linux.resources, runtime::spec::Limits::default());
    assert_eq!(read(&json!({"linux": null, "process": null})).expect("nothing").spec, Spec::default());
}

#[test]
fn an_unknown_capability_is_left_out_with_a_warning() {
    let names = ["CAP_KILL", "CAP_FLY"];
    let config =
        json!({"process": {"capabilities": {"bounding": names, "effective": names, "permitted": ["CAP_KILL"]}}});
    let bundle = read(&config).expect("a bundle");
    let sets = bundle.spec.process.and_then(|process| process.capabilities).expect("sets");
    assert_eq!(sets.bounding.names(), ["CAP_KILL"]);
    assert_eq!(bundle.warnings, ["unknown capability \"CAP_FLY\" is left out"]);
}

#[test]
fn a_field_that_no_version_knows_is_passed_over() {
    let bundle = read(&json!({"hostname": "ship", "linux": {"fromTheFuture": {"a": 1}}})).expect("a bundle");
    assert_eq!(bundle.spec.hostname, "ship");
}

#[test]
fn a_mistake_is_told_with_its_line() {
    let reasons =
        ["{ broken", "{\"process\":\n {\"args\": \"sh\"}}", "{\"linux\": {\"namespaces\": [{\"type\": \"mnt\"}]}}"]
            .map(|text| from_json(text.as_bytes()).expect_err(text).to_string());
    insta::assert_snapshot!(reasons.join("\n"));
}

#[test]
fn dockers_defaults_are_what_a_runtime_reads() {
    let docker = Spec::docker_default();
    let text = serde_json::to_value(&docker).expect("JSON");
    let bundle = read(&text).expect("a bundle");
    // A machine may lack a capability, and says so.
    assert!(bundle.warnings.iter().all(|warning| warning.contains("not available")), "{:?}", bundle.warnings);
    assert_eq!((bundle.spec.mounts, bundle.spec.linux), (docker.mounts, docker.linux));
}

#[test]
fn a_fifo_in_the_place_of_the_file_is_not_waited_for() {
    let directory = tempfile::tempdir().expect("a directory");
    nix::unistd::mkfifo(&directory.path().join("config.json"), nix::sys::stat::Mode::S_IRUSR).expect("a FIFO");
    let error = Bundle::load(directory.path()).expect_err("no configuration");
    assert!(
        error.to_string().ends_with("is not a runtime configuration: EOF while parsing a value at line 1 column 0")
    );
}
