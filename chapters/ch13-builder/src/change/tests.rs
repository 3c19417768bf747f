//! Words and refusals are those of docker 28.5.

use super::*;
use crate::instruction::parse;

fn changed(text: &str) -> Result<Value, String> {
    let start = ContainerConfig { env: Some(vec!["HOME=/root".into()]), ..ContainerConfig::default() };
    let all = parse(text).map_err(|error| error.to_string())?;
    let config = change(&start, &all, |signal| signal == "SIGINT").map_err(|error| error.to_string())?;
    let mut value = serde_json::to_value(config).expect("JSON");
    let fields = value.as_object_mut().expect("fields");
    if fields["Env"] == json!(["HOME=/root"]) {
        fields.remove("Env");
    }
    Ok(value)
}

#[test]
fn each_instruction_changes_its_field() {
    for (text, expected) in [
        (r#"CMD ["a","b"]"#, json!({"Cmd": ["a", "b"]})),
        ("cmd a  b", json!({"Cmd": ["/bin/sh", "-c", "a  b"]})),
        ("CMD", json!({"Cmd": ["/bin/sh", "-c"]})),
        ("CMD [", json!({"Cmd": ["/bin/sh", "-c", "["]})),
        ("ENTRYPOINT foo bar", json!({"Entrypoint": ["/bin/sh", "-c", "foo bar"]})),
        ("ENTRYPOINT []", json!({})),
        (r#"ENV X=1 Y="a b""#, json!({"Env": ["HOME=/root", "X=1", "Y=a b"]})),
        ("ENV a b c", json!({"Env": ["HOME=/root", "a=b c"]})),
        ("ENV HOME=$HOME/x", json!({"Env": ["HOME=/root/x"]})),
        ("EXPOSE 80 90-91/udp $X", json!({"ExposedPorts": {"80/tcp": {}, "90/udp": {}, "91/udp": {}}})),
        (r#"LABEL a=b "c d"="e f""#, json!({"Labels": {"a": "b", "c d": "e f"}})),
        ("USER a b", json!({"User": "a b"})),
        ("WORKDIR /x\nWORKDIR y/../z", json!({"WorkingDir": "/x/z"})),
        (r#"VOLUME ["/v", "/w"]"#, json!({"Volumes": {"/v": {}, "/w": {}}})),
        ("STOPSIGNAL SIGINT", json!({"StopSignal": "SIGINT"})),
        ("ONBUILD RUN x", json!({"OnBuild": ["RUN x"]})),
        (
            "HEALTHCHECK --interval=5s CMD true",
            json!({"Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 5_000_000_000_i64}}),
        ),
        (r#"HEALTHCHECK --retries=2 CMD ["a"]"#, json!({"Healthcheck": {"Test": ["CMD", "a"], "Retries": 2}})),
        ("HEALTHCHECK NONE", json!({"Healthcheck": {"Test": ["NONE"]}})),
    ] {
        assert_eq!(changed(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_wrong_is_said_in_dockers_words() {
    for (text, expected) in [
        ("RUN x", "RUN is not a valid change command"),
        ("nonsense", "nonsense is not a valid change command"),
        ("", "file with no instructions"),
        ("ENV", "ENV requires at least one argument"),
        ("ENV a", "ENV must have two arguments"),
        ("ENV =b", "ENV names can not be blank"),
        (
            "ENV a=\"b",
            "failed to process \"\\\"b\": unexpected end of statement while looking for matching double-quote",
        ),
        ("ENV --x a=b", "unknown flag: --x"),
        ("CMD [\"a\", 1]", "when using JSON array syntax, arrays must be comprised of strings only"),
        ("EXPOSE", "EXPOSE requires at least one argument"),
        ("EXPOSE x", "Invalid containerPort: x"),
        ("EXPOSE 99999", "Invalid containerPort: 99999"),
        ("EXPOSE 80/foo", "Invalid proto: foo"),
        ("LABEL a", "LABEL must have two arguments"),
        ("USER", "USER requires exactly one argument"),
        ("WORKDIR", "WORKDIR requires exactly one argument"),
        ("VOLUME []", "VOLUME requires at least one argument"),
        ("VOLUME [\"/a\", \"\"]", "VOLUME specified can not be an empty string"),
        ("STOPSIGNAL foo", "invalid signal: foo"),
        ("HEALTHCHECK", "HEALTHCHECK requires at least one argument"),
        ("HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments"),
        ("HEALTHCHECK foo", "Unknown type \"FOO\" in HEALTHCHECK (try CMD)"),
        ("HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"),
        ("HEALTHCHECK --interval=1 CMD x", "time: missing unit in duration \"1\""),
        ("HEALTHCHECK --interval=1ns CMD x", "Interval \"interval\" cannot be less than 1ms"),
        ("HEALTHCHECK --retries=-1 CMD x", "--retries cannot be negative (-1)"),
        ("HEALTHCHECK --foo=1 CMD x", "unknown flag: --foo"),
        ("ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"),
        ("ONBUILD ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"),
    ] {
        assert_eq!(changed(text), Err(expected.to_owned()), "{text}");
    }
}
