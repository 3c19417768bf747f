//! Filters that cannot be: what people read.

mod common;

use common::inside::complaint;
use confinement::{Filter, Seccomp};

fn told(seccomp: &str) -> String {
    let seccomp: Seccomp = serde_json::from_str(seccomp).expect("the specification's form");
    complaint(Filter::compile(&seccomp))
}

#[test]
fn a_rule_that_cannot_be_is_named() {
    let rule = |rule: &str| told(&format!(r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{rule}]}}"#));
    let told = [
        rule(r#"{"names": ["connect", "bind"], "action": "SCMP_ACT_NOTIFY"}"#),
        rule(
            r#"{"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]}"#,
        ),
        rule(r#"{"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 4096}"#),
        rule(r#"{"names": ["socket"], "action": "SCMP_ACT_ALLOW", "errnoRet": 1}"#),
        told(r#"{"defaultAction": "SCMP_ACT_NOTIFY"}"#),
        told(r#"{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_FAST"]}"#),
    ];
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_filter_that_the_kernel_would_refuse_is_counted() {
    let argument = |value: u32| format!(r#"{{"index": 0, "value": {value}, "op": "SCMP_CMP_GT"}}"#);
    let rule = |value| format!(r#"{{"names": ["ioctl"], "action": "SCMP_ACT_ALLOW", "args": [{}]}}"#, argument(value));
    let rules: Vec<String> = (0..1000).map(rule).collect();
    insta::assert_snapshot!(told(&format!(
        r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{}]}}"#,
        rules.join(", ")
    )));
}

#[test]
fn the_specifications_form_survives_a_round_trip() {
    let text = r#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_S390X"],"flags":["SECCOMP_FILTER_FLAG_LOG"],"syscalls":[{"names":["clone"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":2114060288,"valueTwo":1,"op":"SCMP_CMP_MASKED_EQ"}]}]}"#;
    let seccomp: Seccomp = serde_json::from_str(text).expect("the specification's form");
    assert_eq!(serde_json::to_string(&seccomp).expect("JSON"), text);
}
