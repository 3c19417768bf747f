//! JSON whose objects keep the order in which they were written. `inspect` prints docker's order, and so does
//! `{{json .State}}` in a template, although a template's own objects have none.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use gotmpl::Value;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ordered {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

/// What an object or a list of a template was before it became one, by its address: it lives as long as the row.
pub(crate) type Origins = BTreeMap<usize, Ordered>;

/// Pointers in docker's types. Everything else that is `null` there is a list or an object without anything in it.
const POINTERS: [&str; 6] = ["Init", "MemorySwappiness", "OomKillDisable", "PidsLimit", "Platform", "StopTimeout"];

impl Ordered {
    /// Whatever can be written as JSON.
    pub(crate) fn of(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(&serde_json::to_vec(value)?)
    }

    /// As a template sees it.
    pub(crate) fn to_value(&self, origins: &mut Origins) -> Value {
        self.named("", origins)
    }

    fn named(&self, name: &str, origins: &mut Origins) -> Value {
        match self {
            Self::Null if name.is_empty() || POINTERS.contains(&name) => Value::Nil,
            Self::Null => self.remember(Value::List(Vec::new().into()), origins),
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => Value::Int(number),
                (None, Some(number)) => Value::Uint(number),
                (None, None) => Value::Float(number.as_f64().unwrap_or_default()),
            },
            Self::Text(text) => Value::from(text.as_str()),
            Self::List(values) => {
                let values: Vec<Value> = values.iter().map(|value| value.named("", origins)).collect();
                self.remember(Value::List(values.into()), origins)
            }
            Self::Object(fields) => {
                let fields: BTreeMap<Arc<str>, Value> =
                    fields.iter().map(|(name, value)| (name.as_str().into(), value.named(name, origins))).collect();
                self.remember(Value::Map(Arc::new(fields)), origins)
            }
        }
    }

    fn remember(&self, value: Value, origins: &mut Origins) -> Value {
        if let Some(address) = address(&value) {
            origins.insert(address, self.clone());
        }
        value
    }
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

impl Serialize for Ordered {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => out.serialize_unit(),
            Self::Bool(truth) => out.serialize_bool(*truth),
            Self::Number(number) => number.serialize(out),
            Self::Text(text) => out.serialize_str(text),
            Self::List(values) => values.serialize(out),
            Self::Object(fields) => {
                let mut map = out.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Ordered;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Ordered, E> {
        Ok(Ordered::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Ordered, E> {
        Ok(Ordered::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Ordered, E> {
        Ok(Ordered::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Ordered, E> {
        Ok(Ordered::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Ordered, E> {
        Ok(serde_json::Number::from_f64(number).map_or(Ordered::Null, Ordered::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Ordered, E> {
        Ok(Ordered::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Ordered, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Ordered::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Ordered::Object(fields))
    }
}
