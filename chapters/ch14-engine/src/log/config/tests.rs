use super::*;
use crate::log::Origin;

fn resolve(driver: &str, options: &[(&str, &str)]) -> Result<LogConfig, LogError> {
    let options = options.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    LogConfig::resolve(&LogWish { driver: driver.into(), config: Some(options) })
}

#[test]
fn a_log_is_bounded_unless_somebody_wants_it_otherwise() {
    let default = LogConfig::resolve(&LogWish::default()).expect("the default");
    assert_eq!((default.driver, default.max_size, default.max_files), (Driver::JsonFile, Some(20_000_000), 5));
    assert_eq!(resolve("", &[("max-size", "-1")]).expect("docker's word").max_size, None);
    // As docker 28 counts: thousands for one driver, 1024 for the other.
    assert_eq!(resolve("json-file", &[("max-size", "1k"), ("max-file", "3")]).expect("a size").max_size, Some(1000));
    let local = resolve("local", &[("max-size", "1k")]).expect("a size");
    assert_eq!((local.max_size, local.max_files, local.compress), (Some(1024), 5, true));
    assert_eq!(resolve("local", &[]).expect("the default").max_size, Some(20 << 20));
}

#[test]
fn the_json_of_docker_is_taken() {
    for json in ["{}", r#"{"Type":"json-file","Config":null}"#, r#"{"Type":"json-file","Config":{}}"#] {
        let wish: LogWish = serde_json::from_str(json).expect("a wish");
        assert_eq!(LogConfig::resolve(&wish), Ok(LogConfig::default()), "{json}");
    }
}

/// Each was tried with docker 28.5, and answered in these words (except for what is said to be unsupported, and what ails a
/// regular expression).
#[test]
fn what_makes_no_sense_is_refused_in_dockers_words() {
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("nosuch", &[]),
        ("json-file", &[("foo", "bar")]),
        ("json-file", &[("", "x")]),
        ("local", &[("labels", "x")]),
        ("none", &[("max-size", "10m")]),
        ("json-file", &[("mode", "x")]),
        ("nosuch", &[("mode", "x")]),
        ("json-file", &[("max-buffer-size", "1m")]),
        ("json-file", &[("mode", "blocking"), ("max-buffer-size", "1m")]),
        ("json-file", &[("mode", "non-blocking"), ("max-buffer-size", "x")]),
        ("json-file", &[("cache-disabled", "x")]),
        ("json-file", &[("max-size", "x")]),
        ("json-file", &[("max-size", "-5")]),
        ("json-file", &[("max-size", "0")]),
        ("json-file", &[("max-size", "")]),
        ("json-file", &[("max-file", "x")]),
        ("json-file", &[("max-file", "0")]),
        ("json-file", &[("max-file", "-1")]),
        ("json-file", &[("max-file", "99999999999999999999")]),
        ("json-file", &[("compress", "x")]),
        ("json-file", &[("compress", "true"), ("max-file", "1")]),
        ("local", &[("max-size", "x")]),
        ("local", &[("max-file", "2x")]),
        ("local", &[("max-file", "1")]),
        ("local", &[("compress", "x")]),
        ("json-file", &[("tag", "{{.Foo}}")]),
        ("json-file", &[("tag", "{{")]),
        ("json-file", &[("tag", "{{.ID")]),
        ("json-file", &[("tag", "{{upper .Name}}")]),
        ("json-file", &[("labels-regex", "[")]),
        ("json-file", &[("env-regex", "a(?=b)")]),
    ];
    let said = cases.iter().map(|(driver, options)| {
        let options_text: Vec<_> = options.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let error = resolve(driver, options).expect_err("it makes no sense");
        format!("{driver} {}\n    {error}", options_text.join(" "))
    });
    insta::assert_snapshot!(said.collect::<Vec<_>>().join("\n"));
}

#[test]
fn what_docker_takes_is_taken() {
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("json-file", &[("max-file", "1")]),
        ("json-file", &[("mode", "non-blocking"), ("max-buffer-size", "0")]),
        ("json-file", &[("mode", "")]),
        ("json-file", &[("cache-disabled", "true"), ("cache-max-size", "x")]),
        ("json-file", &[("max-size", "1.5m")]),
        ("json-file", &[("compress", "true"), ("max-size", "1k"), ("max-file", "2")]),
        ("local", &[("max-file", "1"), ("compress", "false")]),
        ("json-file", &[("tag", "")]),
        ("none", &[]),
    ];
    for (driver, options) in cases {
        resolve(driver, options).unwrap_or_else(|error| panic!("{driver} {options:?}: {error}"));
    }
}

#[test]
fn attributes_are_labels_variables_and_a_tag() {
    let options =
        [("labels", "com.x,none"), ("env", "FOO,NOPE"), ("tag", "{{.Name}}/{{ .ID }} of {{.ImageName}} {{.ImageID}}")];
    let config = resolve("json-file", &options).expect("options");
    let labels = [("com.x".into(), "1".into()), ("com.y".into(), "2".into())].into();
    let origin = Origin {
        id: "3a9d60ad120200000000000000000000",
        name: "a1",
        image_id: "sha256:254c1e03ce700c28",
        image_name: "busybox",
        command: &["echo".into(), "a b".into()],
        labels: &labels,
        env: &["FOO=first".into(), "FOO=bar".into(), "BAR=x".into()],
    };
    let attributes = config.attributes(&origin);
    let expected = [("FOO", "bar"), ("com.x", "1"), ("tag", "a1/3a9d60ad1202 of busybox sha256:254c1")];
    assert_eq!(attributes.into_iter().collect::<Vec<_>>(), expected.map(|(name, value)| (name.into(), value.into())));
}

#[test]
fn attributes_can_be_chosen_by_a_pattern() {
    let options = [("labels-regex", "^com\\."), ("env-regex", "O$"), ("env", "BAR")];
    let config = resolve("json-file", &options).expect("options");
    let labels = ["com.x", "com.y", "org.com.z"].map(|name| (name.into(), "1".into())).into();
    let env = ["FOO=a", "FOOT=b", "BAR=c"].map(String::from);
    let origin = Origin { id: "", name: "", image_id: "", image_name: "", command: &[], labels: &labels, env: &env };
    let names: Vec<_> = config.attributes(&origin).into_keys().collect();
    assert_eq!(names, ["BAR", "FOO", "com.x", "com.y"]);
}

#[test]
fn the_path_is_dockers() {
    let directory = Path::new("/data/containers/x");
    let path = |driver| LogConfig { driver, ..LogConfig::default() }.path(directory, "x");
    assert_eq!(path(Driver::JsonFile), Some("/data/containers/x/x-json.log".into()));
    assert_eq!(path(Driver::Local), Some("/data/containers/x/local-logs/container.log".into()));
    assert_eq!(path(Driver::None), None);
}
