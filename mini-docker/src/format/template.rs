//! One template: docker's functions, methods with an argument, and docker's words for what is wrong with it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use engine::Ordered;
use gotmpl::{FuncMap, MissingKey, TemplateError, Value, ValueFunc};
use process::{Failure, FailureKind};

use super::ordered::{self, Origins};
use crate::visible::is_order;

/// A template that can be read.
pub(crate) struct Template {
    strict: gotmpl::Template,
    lenient: gotmpl::Template,
    headings: gotmpl::Template,
    origins: Arc<Mutex<Origins>>,
    source: String,
    fields: Vec<(String, String)>,
}

/// Objects whose keys are the user's: what is not in there is empty, and no mistake.
const FREE: [&str; 13] = [
    "Annotations",
    "Attributes",
    "Config",
    "Labels",
    "Networks",
    "Options",
    "PortBindings",
    "Ports",
    "StorageOpt",
    "Sysctls",
    "Tmpfs",
    "Volumes",
    "ExposedPorts",
];
/// Fields of docker's types that its JSON leaves out when they are empty.
const LEFT_OUT: [&str; 11] = [
    "Health",
    "Healthcheck",
    "StopSignal",
    "StopTimeout",
    "Size",
    "SizeRw",
    "SizeRootFs",
    "Init",
    "NetworkDisabled",
    "Shell",
    "Mounts",
];

impl Template {
    /// Reads a template for rows that have such fields: name and heading.
    ///
    /// # Errors
    /// In docker's words, as far as they are not about Go.
    pub(crate) fn parse(source: &str, fields: &[(&str, &str)]) -> Result<Self, Failure> {
        let callable = with_calls(source);
        let parse = |functions: FuncMap, missing: MissingKey| {
            let template = gotmpl::Template::new("").missing_key(missing).funcs(functions);
            template.parse(&callable).map_err(|error| unreadable(&error))
        };
        let origins = Arc::default();
        Ok(Self {
            strict: parse(functions(&origins), MissingKey::Error)?,
            lenient: parse(functions(&origins), MissingKey::Invalid)?,
            headings: parse(functions_of_headings(), MissingKey::Invalid)?,
            origins,
            source: source.into(),
            fields: fields.iter().map(|(name, heading)| ((*name).into(), (*heading).into())).collect(),
        })
    }

    /// The text for one row.
    ///
    /// # Errors
    /// Where the template asks for what is not there.
    pub(crate) fn fill(&self, row: &Value) -> Result<String, Failure> {
        match self.strict.execute_to_string(row) {
            Err(TemplateError::MissingKey { key }) if self.may_be_missing(&key) => self.lenient.execute_to_string(row),
            other => other,
        }
        .map_err(|error| self.unfilled(&error))
    }

    /// The text for an object of which nothing is known but its JSON.
    ///
    /// # Errors
    /// The same.
    pub(crate) fn fill_json(&self, object: &Ordered) -> Result<String, Failure> {
        let mut origins = Origins::new();
        let row = ordered::value(object, &mut origins);
        *self.origins.lock().unwrap_or_else(PoisonError::into_inner) = origins;
        self.fill(&row)
    }

    /// The text with the fields' headings in place of their values.
    ///
    /// # Errors
    /// Functions that there are not. (Go looks for them while it reads.)
    pub(crate) fn headings(&self) -> Result<String, Failure> {
        let label: ValueFunc = Arc::new(|arguments| Ok(arguments.first().cloned().unwrap_or(Value::Nil)));
        let mut row: BTreeMap<Arc<str>, Value> =
            self.fields.iter().map(|(name, heading)| (name.as_str().into(), Value::from(heading.as_str()))).collect();
        row.insert("Label".into(), Value::Function(label));
        match self.headings.execute_to_string(&Value::Map(Arc::new(row))) {
            Ok(text) => Ok(text),
            Err(error @ (TemplateError::UndefinedFunction(_) | TemplateError::UndefinedVariable(_))) => {
                Err(unreadable(&error))
            }
            // Headings are words: what is counted or ranged over may be something else in a row.
            Err(_) => Ok(String::new()),
        }
    }

    fn may_be_missing(&self, key: &str) -> bool {
        LEFT_OUT.contains(&key) || FREE.iter().any(|object| self.source.contains(&format!(".{object}.{key}")))
    }

    fn unfilled(&self, error: &TemplateError) -> Failure {
        match error {
            TemplateError::UndefinedFunction(_) | TemplateError::UndefinedVariable(_) => unreadable(error),
            TemplateError::MissingKey { key } => {
                let known: Vec<&str> = self.fields.iter().map(|(name, _)| name.as_str()).collect();
                let hint = (!known.is_empty()).then(|| format!("the fields are {}", known.join(", ")));
                Failure { hint, ..unfit(format_args!("can't evaluate field {key}")) }
            }
            TemplateError::Exec(message) => unfit(message),
            other => unfit(other),
        }
    }
}

fn unfit(reason: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Invalid, format!("failed to execute template: {reason}"))
}

fn unreadable(error: &TemplateError) -> Failure {
    let (line, message) = match error {
        TemplateError::Lex { line, message, .. } | TemplateError::Parse { line, message, .. } => {
            (*line, message.clone())
        }
        TemplateError::UndefinedFunction(name) => (1, format!("function {name:?} not defined")),
        TemplateError::UndefinedVariable(name) => (1, format!("undefined variable {name:?}")),
        other => (1, other.to_string()),
    };
    let message = match message.as_str() {
        "unterminated string" => "unterminated quoted string",
        "empty command" => "missing value for command",
        other => other,
    };
    Failure::new(FailureKind::Invalid, format!("template parsing error: template: :{line}: {message}"))
}

/// `.Label "x"` calls a method in Go; here the method is a value that is called. Rewritten is what stands inside an
/// action, outside of a string.
fn with_calls(source: &str) -> String {
    const METHOD: &str = ".Label ";
    let mut out = String::with_capacity(source.len());
    let (mut inside, mut quote) = (false, None);
    let mut rest = source;
    while let Some(character) = rest.chars().next() {
        let mut length = character.len_utf8();
        match (inside, quote) {
            (false, _) if rest.starts_with("{{") => (inside, length) = (true, 2),
            (true, None) if rest.starts_with("}}") => (inside, length) = (false, 2),
            (true, None) if matches!(character, '"' | '`') => quote = Some(character),
            (true, None) if rest.starts_with(METHOD) => {
                // `$.Label`, too.
                let at = out.strip_suffix('$').map_or(out.len(), str::len);
                out.insert_str(at, "call ");
            }
            (true, Some('"')) if character == '\\' => length += rest[1..].chars().next().map_or(0, char::len_utf8),
            (true, Some(open)) if open == character => quote = None,
            _ => {}
        }
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

/// `text` in Go's quotes.
pub(crate) fn quoted(text: &str) -> String {
    let quoted = gotmpl::execute("{{printf \"%q\" .}}", &Value::from(text)).unwrap_or_else(|_| format!("{text:?}"));
    // Some of what Go does not print.
    let printed = |character: char| {
        let code = u32::from(character);
        if !is_order(character) {
            character.to_string()
        } else if code < 0x1_0000 {
            format!("\\u{code:04x}")
        } else {
            format!("\\U{code:08x}")
        }
    };
    quoted.chars().map(printed).collect()
}

type Given<'a> = &'a [Value];

fn wrong(name: &str, expected: &str) -> TemplateError {
    TemplateError::Exec(format!("wrong type or number of arguments for {name}: expected {expected}"))
}

fn text<'a>(name: &str, given: Given<'a>, at: usize) -> Result<&'a str, TemplateError> {
    match given.get(at) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(wrong(name, "string")),
    }
}

fn number(name: &str, given: Given, at: usize) -> Result<usize, TemplateError> {
    let number = given.get(at).and_then(Value::as_int).and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| wrong(name, "int"))
}

fn all(functions: Vec<(&str, ValueFunc)>) -> FuncMap {
    functions.into_iter().map(|(name, function)| (name.to_owned(), function)).collect()
}

/// What docker adds to Go's own functions.
fn functions(origins: &Arc<Mutex<Origins>>) -> FuncMap {
    fn change(name: &'static str, change: fn(&str) -> String) -> (&'static str, ValueFunc) {
        (name, Arc::new(move |given| Ok(Value::from(change(text(name, given, 0)?)))))
    }
    let origins = Arc::clone(origins);
    let json: ValueFunc = Arc::new(move |given| {
        let origins = origins.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Value::from(ordered::json(given.first().unwrap_or(&Value::Nil), &origins)))
    });
    let split: ValueFunc = Arc::new(|given| {
        let (whole, separator) = (text("split", given, 0)?, text("split", given, 1)?);
        let parts: Vec<Value> = if separator.is_empty() {
            whole.chars().map(|character| Value::from(character.to_string())).collect()
        } else {
            whole.split(separator).map(Value::from).collect()
        };
        Ok(Value::List(parts.into()))
    });
    let join: ValueFunc = Arc::new(|given| {
        let Some(Value::List(parts)) = given.first() else { return Err(wrong("join", "[]string")) };
        let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
        Ok(Value::from(parts.join(text("join", given, 1)?)))
    });
    let truncate: ValueFunc = Arc::new(|given| {
        let (whole, most) = (text("truncate", given, 0)?, number("truncate", given, 1)?);
        Ok(Value::from(&whole[..whole.floor_char_boundary(most)]))
    });
    all(vec![
        ("json", json),
        ("split", split),
        ("join", join),
        ("truncate", truncate),
        ("pad", pad()),
        change("title", title),
        change("lower", str::to_lowercase),
        change("upper", str::to_uppercase),
    ])
}

/// The same for headings, which stay as they are.
fn functions_of_headings() -> FuncMap {
    let keep: ValueFunc = Arc::new(|given| Ok(given.first().cloned().unwrap_or(Value::Nil)));
    let kept = ["json", "split", "join", "truncate", "title", "lower", "upper"].map(|name| (name, Arc::clone(&keep)));
    let mut functions = all(kept.into());
    functions.insert("pad".into(), pad());
    functions
}

fn pad() -> ValueFunc {
    Arc::new(|given| {
        let whole = text("pad", given, 0)?;
        if whole.is_empty() {
            return Ok(Value::from(whole));
        }
        let blanks = |at| number("pad", given, at).map(|count| " ".repeat(count));
        Ok(Value::from(format!("{}{whole}{}", blanks(1)?, blanks(2)?)))
    })
}

/// Go's `strings.Title`: each letter after something else is a capital one.
fn title(text: &str) -> String {
    let mut after_letter = false;
    let capital = |character: char| -> String {
        let is_letter = character.is_alphanumeric() || matches!(character, '_' | '\'');
        let first = !std::mem::replace(&mut after_letter, is_letter);
        if first { character.to_uppercase().collect() } else { character.to_string() }
    };
    text.chars().map(capital).collect()
}
