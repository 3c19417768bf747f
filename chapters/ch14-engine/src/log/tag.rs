//! The option `tag`: a template of Go's, of which we have the fields.

use super::error::OptionError;
use super::origin::Origin;

/// The fields of docker's `logger.Info` that are texts.
const FIELDS: [&str; 9] =
    ["ID", "FullID", "Name", "ImageID", "ImageFullID", "ImageName", "Command", "Hostname", "DaemonName"];

/// Whether every action of the template is one of the fields.
pub(super) fn check(template: &str) -> Result<(), OptionError> {
    walk(template, |_| {}, |_| {})
}

/// The template, filled in.
pub(super) fn fill(template: &str, origin: &Origin<'_>) -> String {
    let text = std::cell::RefCell::new(String::new());
    let _ = walk(
        template,
        |literal| text.borrow_mut().push_str(literal),
        |field| text.borrow_mut().push_str(&value(field, origin)),
    );
    text.into_inner()
}

fn value(field: &str, origin: &Origin<'_>) -> String {
    let short = |id: &str| id.chars().take(12).collect();
    match field {
        "ID" => short(origin.id),
        "FullID" => origin.id.into(),
        "Name" => origin.name.into(),
        // The first twelve characters, of which docker's are `sha256:` and five digits.
        "ImageID" => short(origin.image_id),
        "ImageFullID" => origin.image_id.into(),
        "ImageName" => origin.image_name.into(),
        "Command" => origin.command.join(" "),
        "Hostname" => rustix::system::uname().nodename().to_string_lossy().into_owned(),
        _ => "mini-docker".into(),
    }
}

fn walk(template: &str, mut literal: impl FnMut(&str), mut field: impl FnMut(&'static str)) -> Result<(), OptionError> {
    let mut rest = template;
    while let Some(start) = rest.find("{{") {
        let end = rest[start..].find("}}").ok_or(OptionError::UnclosedTag)? + start;
        let action = &rest[start + 2..end];
        let name = action.trim();
        let name = name.strip_prefix('.').ok_or_else(|| OptionError::TagFunction(action.into()))?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(OptionError::TagFunction(action.into()));
        }
        let known = FIELDS.into_iter().find(|known| *known == name).ok_or_else(|| {
            let column = template.len() - rest.len() + start + 2 + action.find('.').unwrap_or_default();
            OptionError::TagField { field: name.into(), column }
        })?;
        literal(&rest[..start]);
        field(known);
        rest = &rest[end + 2..];
    }
    literal(rest);
    Ok(())
}
