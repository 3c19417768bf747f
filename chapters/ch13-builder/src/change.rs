//! What instructions change in a configuration: those that make no files.

use std::path::{Component, Path, PathBuf};

use images::ContainerConfig;
use serde_json::{Map, Value, json};

use crate::error::InstructionError;
use crate::health;
use crate::instruction::Instruction;
use crate::words::{expand, split};

/// What `CHANGE` may be.
const CHANGES: [&str; 11] = [
    "CMD",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "HEALTHCHECK",
    "LABEL",
    "ONBUILD",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];
const SHELL: [&str; 2] = ["/bin/sh", "-c"];

/// Follows the instructions. `is_signal` knows the machine's signals.
///
/// # Errors
/// [`InstructionError`]; nothing is followed then.
pub fn change(
    config: &ContainerConfig,
    instructions: &[Instruction],
    is_signal: impl Fn(&str) -> bool,
) -> Result<ContainerConfig, InstructionError> {
    if let Some(other) = instructions.iter().find(|one| !CHANGES.contains(&one.name().as_str())) {
        return Err(InstructionError::NotAChange(other.keyword.clone()));
    }
    let mut changed = config.clone();
    for instruction in instructions {
        follow(&mut changed, instruction, &is_signal)?;
    }
    Ok(changed)
}

fn follow(
    config: &mut ContainerConfig,
    instruction: &Instruction,
    is_signal: &impl Fn(&str) -> bool,
) -> Result<(), InstructionError> {
    let name = instruction.name();
    if name == "HEALTHCHECK" {
        config.healthcheck = Some(health::check(instruction)?);
        return Ok(());
    }
    if let Some((flag, _)) = instruction.flags.first() {
        return Err(InstructionError::Flag(flag.clone()));
    }
    let environment = config.env.clone().unwrap_or_default();
    let lookup = |wanted: &str| {
        let values = environment.iter().filter_map(|entry| entry.split_once('='));
        values.filter(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned()).next_back()
    };
    let expanded = |word: &str| expand(word, &lookup);
    let required = |many: &'static str| {
        if instruction.rest.is_empty() { Err(InstructionError::Arguments(name.clone(), many)) } else { Ok(()) }
    };
    match name.as_str() {
        "CMD" => config.cmd = Some(command(config, instruction)?),
        "ENTRYPOINT" => {
            config.entrypoint = match instruction.list()? {
                Some(words) => Some(words).filter(|words| !words.is_empty()),
                None if instruction.rest.is_empty() => None,
                None => Some(command(config, instruction)?),
            };
        }
        "ENV" => {
            required("at least one argument")?;
            for (name, value) in pairs(instruction, &expanded)? {
                set_variable(config.env.get_or_insert_default(), &name, &value);
            }
        }
        "LABEL" => {
            required("at least one argument")?;
            for (name, value) in pairs(instruction, &expanded)? {
                table(config, "Labels").insert(name, value.into());
            }
        }
        "EXPOSE" => {
            required("at least one argument")?;
            for word in split(&instruction.rest) {
                for port in ports(&expanded(word)?)? {
                    table(config, "ExposedPorts").insert(port, json!({}));
                }
            }
        }
        "VOLUME" => {
            let listed = instruction.list()?;
            let volumes = match listed {
                Some(list) => list,
                None => split(&instruction.rest).into_iter().map(expanded).collect::<Result<_, _>>()?,
            };
            if volumes.is_empty() {
                return Err(InstructionError::Arguments(name.clone(), "at least one argument"));
            }
            for volume in volumes {
                if volume.trim().is_empty() {
                    return Err(InstructionError::EmptyVolume);
                }
                table(config, "Volumes").insert(volume, json!({}));
            }
        }
        "USER" => {
            required("exactly one argument")?;
            config.user = expanded(&instruction.rest)?;
        }
        "WORKDIR" => {
            required("exactly one argument")?;
            config.working_dir = directory(&config.working_dir, &expanded(&instruction.rest)?);
        }
        "STOPSIGNAL" => {
            required("exactly one argument")?;
            let signal = expanded(&instruction.rest)?;
            if !is_signal(&signal) {
                return Err(InstructionError::Signal(signal));
            }
            config.stop_signal = signal;
        }
        _ => {
            let trigger = trigger(instruction)?;
            match config.other.entry("OnBuild".into()).or_insert_with(|| json!([])) {
                Value::Array(list) => list.push(trigger.into()),
                other => *other = json!([trigger]),
            }
        }
    }
    Ok(())
}

/// Words in JSON are a program and its arguments; a text is for the shell.
fn command(config: &ContainerConfig, instruction: &Instruction) -> Result<Vec<String>, InstructionError> {
    if let Some(words) = instruction.list()? {
        return Ok(words);
    }
    let mut words = config.shell.clone().unwrap_or_else(|| SHELL.map(str::to_owned).into());
    words.extend(Some(instruction.rest.clone()).filter(|text| !text.is_empty()));
    Ok(words)
}

/// `NAME=value …`, or `NAME value with blanks`.
fn pairs(
    instruction: &Instruction,
    expanded: &impl Fn(&str) -> Result<String, InstructionError>,
) -> Result<Vec<(String, String)>, InstructionError> {
    let words = split(&instruction.rest);
    let pair = |name: &str, value: &str| match expanded(name)? {
        name if name.is_empty() => Err(InstructionError::BlankName(instruction.name())),
        name => Ok((name, expanded(value)?)),
    };
    if !words.first().is_some_and(|word| word.contains('=')) {
        let (name, value) = instruction
            .rest
            .split_once(char::is_whitespace)
            .ok_or_else(|| InstructionError::Pair(instruction.name()))?;
        return Ok(vec![pair(name, value.trim_start())?]);
    }
    let split = |word: &str| {
        let (name, value) = word.split_once('=').ok_or_else(|| InstructionError::Pair(instruction.name()))?;
        pair(name, value)
    };
    words.into_iter().map(split).collect()
}

fn set_variable(list: &mut Vec<String>, name: &str, value: &str) {
    let entry = format!("{name}={value}");
    match list.iter_mut().find(|known| known.split('=').next() == Some(name)) {
        Some(known) => *known = entry,
        None => list.push(entry),
    }
}

/// A field that is a table, made if it is none.
fn table<'a>(config: &'a mut ContainerConfig, field: &str) -> &'a mut Map<String, Value> {
    let value = config.other.entry(field.into()).or_insert(Value::Null);
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("it has just been made one"),
    }
}

/// `80`, `80/udp`, `80-90/tcp`; nothing is no port.
fn ports(text: &str) -> Result<Vec<String>, InstructionError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let (range, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = protocol.to_lowercase();
    if !["tcp", "udp", "sctp"].contains(&protocol.as_str()) {
        return Err(InstructionError::Protocol(protocol));
    }
    let wrong = || InstructionError::Port(range.into());
    let number = |text: &str| text.parse::<u16>().map_err(|_| wrong());
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (first, last) = (number(first)?, number(last)?);
    if first > last {
        return Err(wrong());
    }
    Ok((first..=last).map(|port| format!("{port}/{protocol}")).collect())
}

/// A relative path goes on from the last one.
fn directory(last: &str, path: &str) -> String {
    let mut clean = PathBuf::from("/");
    for component in Path::new("/").join(last).join(path).components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => drop(clean.pop()),
            _ => {}
        }
    }
    clean.display().to_string()
}

fn trigger(instruction: &Instruction) -> Result<String, InstructionError> {
    let first = instruction.rest.split(char::is_whitespace).next().unwrap_or_default().to_uppercase();
    match first.as_str() {
        "" => Err(InstructionError::Arguments("ONBUILD".into(), "at least one argument")),
        "ONBUILD" => Err(InstructionError::Chained),
        "FROM" | "MAINTAINER" => Err(InstructionError::Trigger(first)),
        _ => Ok(instruction.rest.clone()),
    }
}

#[cfg(test)]
mod tests;
