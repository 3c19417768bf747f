//! What is put together of wish and image, and what is refused.

use images::ImageConfig;
use process::{Diagnose, FailureKind};
use serde_json::json;

use super::*;

fn image(config: ContainerConfig) -> Image {
    Image { id: "sha256:0".into(), config: ImageConfig { config, ..ImageConfig::default() } }
}

fn resolve(wish: &Value, config: ContainerConfig) -> Result<ContainerRecord, ResolveError> {
    Create::from_json(wish.to_string().as_bytes()).expect("a wish").resolve(&image(config), 2)
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn the_command_is_combined_as_in_docker() {
    let config = ContainerConfig {
        entrypoint: Some(words(&["entry", "-v"])),
        cmd: Some(words(&["default"])),
        ..ContainerConfig::default()
    };
    let args = |entrypoint: Value, given: &[&str]| {
        resolve(&json!({ "Entrypoint": entrypoint, "Cmd": given }), config.clone())
            .map(|record| record.args.iter().map(ToString::to_string).collect::<Vec<_>>())
            .map_err(|error| error.to_string())
    };
    assert_eq!(args(json!(null), &[]), Ok(words(&["entry", "-v", "default"])));
    assert_eq!(args(json!(null), &["mine"]), Ok(words(&["entry", "-v", "mine"])));
    assert_eq!(args(json!(["other"]), &[]), Ok(words(&["other"])));
    assert_eq!(args(json!(["other"]), &["mine"]), Ok(words(&["other", "mine"])));
    assert_eq!(args(json!([""]), &["mine"]), Ok(words(&["mine"])));
    assert_eq!(args(json!([""]), &[]), Err("no command specified".into()));
}

#[test]
fn the_working_directory_is_cleaned_and_below_the_root() {
    let cwd = |wished: &str, of_image: &str| {
        let config =
            ContainerConfig { working_dir: of_image.into(), cmd: Some(words(&["sh"])), ..ContainerConfig::default() };
        resolve(&json!({ "WorkingDir": wished }), config).map(|record| record.cwd.display().to_string())
    };
    for (wished, of_image, expected) in [
        ("", "", "/"),
        ("", "srv", "/srv"),
        ("", "../x", "/x"),
        ("/tmp/../bin/", "/srv", "/bin"),
        ("//x//./y", "", "/x/y"),
        ("/..", "", "/"),
    ] {
        assert_eq!(cwd(wished, of_image).expect(wished), expected);
    }
    let error = cwd("rel", "").expect_err("relative").to_string();
    assert_eq!(error, "the working directory 'rel' is invalid, it needs to be an absolute path");
}

#[test]
fn what_asks_for_nothing_is_taken_and_what_asks_for_something_unknown_is_not() {
    let config = || ContainerConfig { cmd: Some(words(&["sh"])), ..ContainerConfig::default() };
    let neutral = json!({
        "Volumes": {}, "OnBuild": null, "Healthcheck": { "Test": ["NONE"] },
        "HostConfig": {
            "Binds": [], "RestartPolicy": { "Name": "no", "MaximumRetryCount": 0 }, "LogConfig": { "Type": "", "Config": {} },
            "Isolation": "default", "ConsoleSize": [0, 0], "PublishAllPorts": false
        }
    });
    assert!(resolve(&neutral, config()).is_ok());
    let errors = [
        json!({ "Volumes": { "/data": {} , "/x": { "y": 1 } } }),
        json!({ "HostConfig": { "Binds": ["/a:/b"] } }),
        json!({ "HostConfig": { "PublishAllPorts": true } }),
        json!({ "HostConfig": { "NetworkMode": "bridge" } }),
        json!({ "NetworkingConfig": { "EndpointsConfig": { "web": {} } } }),
        json!({ "HostConfig": { "ExtraHosts": ["gate:host-gateway"] } }),
    ]
    .map(|wish| resolve(&wish, config()).expect_err("unsupported"));
    assert!(errors.iter().all(|error| error.kind() == Some(FailureKind::Unsupported)));
    insta::assert_snapshot!(errors.map(|error| error.to_string()).join("\n"));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let errors = [
        json!({ "Hostname": "x", "HostConfig": { "UTSMode": "host" } }),
        json!({ "Env": ["=x"] }),
        json!({ "HostConfig": { "PidMode": "private" } }),
        json!({ "HostConfig": { "UTSMode": "private" } }),
        json!({ "HostConfig": { "IpcMode": "x" } }),
        json!({ "HostConfig": { "UsernsMode": "x" } }),
        json!({ "HostConfig": { "CgroupnsMode": "x" } }),
        json!({ "HostConfig": { "Tmpfs": { "relative": "" } } }),
        json!({ "HostConfig": { "Tmpfs": { "/..": "" } } }),
        json!({ "HostConfig": { "ShmSize": -1 } }),
        json!({ "HostConfig": { "OomScoreAdj": 2000 } }),
        json!({ "HostConfig": { "CpuShares": 1 } }),
        json!({ "HostConfig": { "CpuShares": -1 } }),
        json!({ "HostConfig": { "NanoCpus": -1 } }),
        json!({ "HostConfig": { "MemorySwappiness": 101 } }),
        json!({ "HostConfig": { "DeviceCgroupRules": ["x"] } }),
        json!({ "HostConfig": { "Ulimits": [{ "Name": "files", "Soft": 1, "Hard": 1 }] } }),
        json!({ "HostConfig": { "ExtraHosts": ["alone"] } }),
        json!({ "HostConfig": { "RestartPolicy": { "Name": "often" } } }),
        json!({ "HostConfig": { "RestartPolicy": { "Name": "always", "MaximumRetryCount": 2 } } }),
        json!({ "HostConfig": { "RestartPolicy": { "Name": "on-failure", "MaximumRetryCount": -2 } } }),
    ]
    .map(|wish| {
        let config = ContainerConfig { cmd: Some(words(&["sh"])), ..ContainerConfig::default() };
        resolve(&wish, config).expect_err("nonsense").to_string()
    });
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn labels_are_the_images_and_over_them_those_asked_for() {
    let config = ContainerConfig {
        cmd: Some(words(&["sh"])),
        other: BTreeMap::from([("Labels".to_owned(), json!({ "a": "image", "b": "image" }))]),
        ..ContainerConfig::default()
    };
    let record = resolve(&json!({ "Labels": { "b": "asked", "c": "asked" } }), config).expect("a record");
    let labels: Vec<String> = record.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(labels, ["a=image", "b=asked", "c=asked"]);
}
