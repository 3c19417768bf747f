//! Values of templates, made of JSON. A template's objects have no order of their own; what they were made of is kept, so
//! that `{{json .State}}` has docker's.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::Ordered;
use gotmpl::Value;

/// What an object or a list of a template was before it became one, by its address: it lives as long as the row.
pub(crate) type Origins = BTreeMap<usize, Ordered>;

/// Pointers in docker's types. Everything else that is `null` there is a list or an object without anything in it.
const POINTERS: [&str; 6] = ["Init", "MemorySwappiness", "OomKillDisable", "PidsLimit", "Platform", "StopTimeout"];

/// As a template sees it.
pub(super) fn value(ordered: &Ordered, origins: &mut Origins) -> Value {
    named("", ordered, origins)
}

fn named(name: &str, ordered: &Ordered, origins: &mut Origins) -> Value {
    let value = match ordered {
        Ordered::Null if name.is_empty() || POINTERS.contains(&name) => Value::Nil,
        Ordered::Null => Value::List(Vec::new().into()),
        Ordered::Bool(truth) => Value::Bool(*truth),
        Ordered::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Value::Int(number),
            (None, Some(number)) => Value::Uint(number),
            (None, None) => Value::Float(number.as_f64().unwrap_or_default()),
        },
        Ordered::Text(text) => Value::from(text.as_str()),
        Ordered::List(values) => {
            let values: Vec<Value> = values.iter().map(|value| named("", value, origins)).collect();
            Value::List(values.into())
        }
        Ordered::Object(fields) => {
            let fields: BTreeMap<Arc<str>, Value> =
                fields.iter().map(|(name, value)| (name.as_str().into(), named(name, value, origins))).collect();
            Value::Map(Arc::new(fields))
        }
    };
    if let Some(address) = address(&value) {
        origins.insert(address, ordered.clone());
    }
    value
}

fn address(value: &Value) -> Option<usize> {
    match value {
        Value::List(values) => Some(Arc::as_ptr(values).cast::<u8>().addr()),
        Value::Map(fields) => Some(Arc::as_ptr(fields).addr()),
        _ => None,
    }
}

/// The JSON of a template's value: in its old order if it was made of JSON, else in that of its names; docker makes the
/// latter safe for web pages.
pub(crate) fn json(value: &Value, origins: &Origins) -> String {
    let known = address(value).and_then(|address| origins.get(&address));
    let text = |ordered: &Ordered| serde_json::to_string(ordered).unwrap_or_default();
    match (value, known) {
        (_, Some(known)) => text(known),
        (Value::Map(_), None) => {
            let text = text(&from_value(value, origins));
            text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
        }
        _ => text(&from_value(value, origins)),
    }
}

fn from_value(value: &Value, origins: &Origins) -> Ordered {
    if let Some(known) = address(value).and_then(|address| origins.get(&address)) {
        return known.clone();
    }
    match value {
        Value::Bool(truth) => Ordered::Bool(*truth),
        Value::Int(number) => Ordered::Number((*number).into()),
        Value::Uint(number) => Ordered::Number((*number).into()),
        Value::Float(number) => serde_json::Number::from_f64(*number).map_or(Ordered::Null, Ordered::Number),
        Value::String(text) => Ordered::Text(text.to_string()),
        Value::List(values) => Ordered::List(values.iter().map(|value| from_value(value, origins)).collect()),
        Value::Map(fields) => Ordered::Object(
            fields
                .iter()
                .filter(|(_, value)| !matches!(value, Value::Function(_)))
                .map(|(name, value)| (name.to_string(), from_value(value, origins)))
                .collect(),
        ),
        Value::Nil | Value::Function(_) => Ordered::Null,
    }
}
