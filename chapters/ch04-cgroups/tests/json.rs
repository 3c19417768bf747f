//! Limits in the JSON of the runtime specification, as other writers write it.

use cgroups::{DeviceKind, DeviceRule, Limits};
use serde_json::{from_str, from_value, json, to_value};

#[test]
fn limits_are_read_and_written_as_the_specification_says() {
    let text = json!({
        "devices": [
            {"allow": false, "access": "rwm"},
            {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"},
            {"allow": true, "type": "b", "major": 8, "access": "r"},
        ],
        "memory": {"limit": 536_870_912, "reservation": 1024, "swap": -1, "swappiness": 0, "disableOOMKiller": true,
            "kernelTCP": -1, "checkBeforeUpdate": true},
        "cpu": {"shares": 1024, "quota": -1, "period": 500_000, "cpus": "2-3", "mems": "0-7",
            "burst": 100, "idle": 1, "realtimeRuntime": 950_000, "realtimePeriod": 1_000_000},
        "pids": {"limit": 0},
        "blockIO": {
            "weight": 10,
            "leafWeight": 11,
            "weightDevice": [{"major": 8, "minor": 16, "weight": 500, "leafWeight": 300}],
            "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 600}],
            "throttleWriteBpsDevice": [{"major": 8, "minor": 0, "rate": 601}],
            "throttleReadIOPSDevice": [{"major": 8, "minor": 0, "rate": 602}],
            "throttleWriteIOPSDevice": [{"major": 8, "minor": 0, "rate": 603}],
        },
        "hugepageLimits": [{"pageSize": "2MB", "limit": 209_715_200}],
        "network": {"classID": 1_048_577, "priorities": [{"name": "eth0", "priority": 500}]},
        "rdma": {"mlx5_0": {"hcaHandles": 3, "hcaObjects": 10_000}},
        "unified": {"memory.high": "1000"},
    });
    let limits: Limits = from_value(text.clone()).expect("limits");
    assert_eq!(to_value(limits).expect("JSON"), text);
    assert_eq!(to_value(Limits::default()).expect("JSON"), json!({}));
}

#[test]
fn a_rule_that_says_little_is_about_everything() {
    let everything: DeviceRule = from_str("{}").expect("a rule");
    assert_eq!(everything, DeviceRule::all(false));
    let older = r#"{"allow": true, "type": "a", "major": -1, "minor": -1, "access": ""}"#;
    assert_eq!(from_str::<DeviceRule>(older).expect("the older form"), DeviceRule::all(true));
    let terminals: DeviceRule = from_str(r#"{"allow": true, "type": "c", "major": 136}"#).expect("a rule");
    assert_eq!(terminals, DeviceRule::new(true, DeviceKind::Char, Some(136), None, "rwm"));
}

#[test]
fn a_rule_that_is_wrong_is_told_why() {
    let reasons = [r#"{"access": "rx"}"#, r#"{"type": "x"}"#, r#"{"major": 4294967296}"#]
        .map(|text| from_str::<DeviceRule>(text).expect_err(text).to_string());
    insta::assert_snapshot!(reasons.join("\n"));
}
