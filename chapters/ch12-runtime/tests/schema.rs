//! Every field of the specification is applied, refused or ignored for a reason: none is lost by accident.

use std::path::Path;

use runtime::spec::{Bundle, SpecError};
use serde_json::{Map, Value};

/// Each field of the schemas of version 1.3 with a value that asks for something. The schemas are
/// <https://github.com/opencontainers/runtime-spec/tree/v1.3.0/schema>.
const EVERYTHING: &str = include_str!("schema/everything.json");
const FIELDS: &str = include_str!("schema/fields.txt");
/// The same as the schemas have it, without values and verdicts.
const NAMES: &str = include_str!("schema/names.txt");

fn from_json(text: &[u8]) -> Result<Bundle, SpecError> {
    Bundle::from_json(Path::new("config.json"), text)
}

fn everything() -> Value {
    serde_json::from_str(EVERYTHING).expect("JSON")
}

/// Place and verdict.
fn fields() -> Vec<(&'static str, &'static str)> {
    let lines = FIELDS.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').expect("a place and a verdict")).collect()
}

fn refused() -> impl Iterator<Item = &'static str> {
    fields().into_iter().filter(|(_, verdict)| *verdict == "refused").map(|(place, _)| place)
}

/// The places of all values that contain no other.
fn places(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| places(value, &format!("{place}/{name}"), found)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, value)| places(value, &format!("{place}/{index}"), found));
        }
        _ => found.push(place.to_owned()),
    }
}

/// `value` with only those places that are `wanted`; what becomes empty goes.
fn only(value: Value, place: &str, wanted: &dyn Fn(&str) -> bool) -> Option<Value> {
    match value {
        Value::Object(map) => {
            let inside = map.into_iter().filter_map(|(name, value)| {
                let value = only(value, &format!("{place}/{name}"), wanted)?;
                Some((name, value))
            });
            let map: Map<_, _> = inside.collect();
            (!map.is_empty()).then_some(Value::Object(map))
        }
        Value::Array(list) => {
            let inside = list.into_iter().enumerate();
            let list: Vec<_> =
                inside.filter_map(|(index, value)| only(value, &format!("{place}/{index}"), wanted)).collect();
            (!list.is_empty()).then_some(Value::Array(list))
        }
        value => wanted(place).then_some(value),
    }
}

/// All that we apply or may ignore, and of what is refused only `asked`.
fn config(asked: &[&str]) -> Value {
    only(everything(), "", &|place| asked.contains(&place) || !refused().any(|refused| refused == place))
        .expect("something")
}

#[test]
fn the_table_is_about_all_of_it() {
    let mut found = Vec::new();
    places(&everything(), "", &mut found);
    found.sort();
    let mut listed: Vec<_> = fields().into_iter().map(|(place, _)| place.to_owned()).collect();
    listed.sort();
    assert_eq!(found, listed);
}

/// Other systems' parts are refused as a whole.
#[test]
fn no_field_of_the_schema_is_missing_and_none_is_invented() {
    const OTHERS: [&str; 5] = ["/freebsd/", "/solaris/", "/vm/", "/windows/", "/zos/"];
    let of_linux = |place: &str| !OTHERS.iter().any(|other| place.starts_with(other));
    let same = |name: &str, place: &str| {
        let (name, place): (Vec<_>, Vec<_>) = (name.split('/').collect(), place.split('/').collect());
        name.len() == place.len() && name.iter().zip(place).all(|(one, other)| *one == "*" || *one == other)
    };
    let names: Vec<_> = NAMES.lines().filter(|line| !line.starts_with('#')).collect();
    let missing = |name: &&&str| !fields().iter().any(|(place, _)| same(name, place));
    let missing: Vec<_> = names.iter().filter(|name| of_linux(name)).filter(missing).collect();
    let invented = |(place, _): &(&str, &str)| of_linux(place) && !names.iter().any(|name| same(name, place));
    let invented: Vec<_> = fields().into_iter().filter(invented).collect();
    assert!(missing.is_empty() && invented.is_empty(), "missing {missing:?}, invented {invented:?}");
    for other in OTHERS {
        assert!(names.iter().any(|name| name.starts_with(other)), "{other} is in no schema");
        assert!(refused().any(|place| place.starts_with(other)), "{other}");
    }
}

#[test]
fn what_is_applied_is_read_and_written_again() {
    let config = config(&[]);
    let bundle = from_json(config.to_string().as_bytes()).expect("all that we apply");
    let written = serde_json::to_value(&bundle.spec).expect("JSON");
    for (place, _) in fields().into_iter().filter(|(_, verdict)| *verdict == "applied") {
        assert_eq!(written.pointer(place), config.pointer(place), "{place}");
    }
}

#[test]
fn what_we_do_not_apply_is_refused_by_name() {
    for place in refused() {
        let error = from_json(config(&[place]).to_string().as_bytes()).map(drop).expect_err(place).to_string();
        let names = error.strip_prefix("the specification asks for ").and_then(|rest| rest.split(',').next());
        let named = format!("/{}", names.expect("a name").replace("[]", "/0").replace('.', "/"));
        assert!(place.starts_with(&named), "{place}: {error}");
    }
}

/// As Go writes what was never set.
#[test]
fn what_asks_for_nothing_is_no_error() {
    fn emptied(value: &Value) -> Value {
        match value {
            Value::Bool(_) => false.into(),
            Value::Number(_) => 0.into(),
            Value::String(_) => "".into(),
            Value::Array(_) | Value::Null => Value::Null,
            Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), emptied(value))).collect(),
        }
    }
    let mut config = only(everything(), "", &|place| refused().any(|refused| refused == place)).expect("something");
    config["linux"]["netDevices"] = Value::Null;
    let mut empty = emptied(&config);
    empty["linux"]["seccomp"]["defaultAction"] = "SCMP_ACT_ALLOW".into();
    let bundle = from_json(empty.to_string().as_bytes()).map_err(|error| format!("{error}: {empty}"));
    assert!(bundle.is_ok(), "{}", bundle.expect_err("refused"));
}

/// Names that we and another implementation agree on.
#[test]
fn the_names_are_those_of_other_implementations() {
    let config = config(&[]);
    let other: oci_spec::runtime::Spec = serde_json::from_value(config.clone()).expect("a specification");
    let written = serde_json::to_value(other).expect("JSON");
    for (place, _) in fields().into_iter().filter(|(_, verdict)| *verdict == "applied") {
        assert_eq!(written.pointer(place), config.pointer(place), "{place}");
    }
}
