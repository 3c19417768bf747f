//! What the specification has and we do not do. A runtime that passes over what it does not know makes containers that
//! are less confined than they look.

use serde_json::Value;

/// Whether a value asks for something.
type Asks = fn(&Value) -> bool;

/// Fields that are refused where they ask for something. `a[].b` is `b` of each entry of the list `a`. A name that the
/// specification does not know at all is passed over, as it wants it ("extensibility").
pub(super) const REFUSED: [(&str, Asks); 7] = [
    ("freebsd", asks),
    ("linux.intelRdt", asks),
    ("linux.resources.memory.kernel", limits),
    ("solaris", asks),
    ("vm", asks),
    ("windows", asks),
    ("zos", asks),
];

/// The first of them that `config` asks for.
pub(super) fn find(config: &Value) -> Option<&'static str> {
    REFUSED.iter().find(|(path, asked)| any(config, path, *asked)).map(|(path, _)| *path)
}

/// Whether the field, or in a list one of the fields, is as `asked` says.
fn any(value: &Value, path: &str, asked: Asks) -> bool {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    let next = |value: &Value| if rest.is_empty() { asked(value) } else { any(value, rest, asked) };
    match name.strip_suffix("[]") {
        Some(list) => value[list].as_array().is_some_and(|entries| entries.iter().any(next)),
        None => next(&value[name]),
    }
}

/// Go writes what was never set as its zero.
fn asks(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(set) => *set,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => map.values().any(asks),
    }
}

/// -1 is no limit.
fn limits(value: &Value) -> bool {
    value.as_i64().is_some_and(|number| number > 0)
}
