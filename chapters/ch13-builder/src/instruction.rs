//! From a text to instructions: a keyword, flags, and the rest of the line, which goes on behind a backslash.

use serde_json::Value;

use crate::error::InstructionError;

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// As it was written.
    pub keyword: String,
    /// `--name=value`, in their order, without the dashes.
    pub flags: Vec<(String, String)>,
    /// What follows.
    pub rest: String,
}

/// Reads the instructions of a text.
///
/// # Errors
/// [`InstructionError::Nothing`].
pub fn parse(text: &str) -> Result<Vec<Instruction>, InstructionError> {
    let mut instructions = Vec::new();
    let mut lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    while let Some(first) = lines.next() {
        let mut whole = String::new();
        let mut line = first.trim_start();
        while let Some(begun) = line.trim_end().strip_suffix('\\') {
            whole.push_str(begun);
            // Empty lines within an instruction mean nothing.
            let Some(next) = lines.by_ref().find(|next| !next.trim().is_empty()) else {
                line = "";
                break;
            };
            line = next;
        }
        whole.push_str(line);
        if !whole.trim().is_empty() {
            instructions.push(Instruction::new(whole.trim()));
        }
    }
    if instructions.is_empty() { Err(InstructionError::Nothing) } else { Ok(instructions) }
}

impl Instruction {
    fn new(line: &str) -> Self {
        let (keyword, mut rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let mut flags = Vec::new();
        rest = rest.trim_start();
        while let Some(flag) = rest.strip_prefix("--").filter(|flag| !flag.is_empty() && !flag.starts_with(' ')) {
            let (word, after) = flag.split_once(char::is_whitespace).unwrap_or((flag, ""));
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            flags.push((name.into(), value.into()));
            rest = after.trim_start();
        }
        Self { keyword: keyword.into(), flags, rest: rest.into() }
    }

    /// The rest as a list in JSON; `None` if it is a plain text.
    ///
    /// # Errors
    /// [`InstructionError::Json`] for a list of something else.
    pub(crate) fn list(&self) -> Result<Option<Vec<String>>, InstructionError> {
        let Ok(Value::Array(values)) = serde_json::from_str(&self.rest) else { return Ok(None) };
        let texts = values.into_iter().map(|value| match value {
            Value::String(text) => Ok(text),
            _ => Err(InstructionError::Json),
        });
        texts.collect::<Result<_, _>>().map(Some)
    }

    /// The keyword as docker writes it in messages.
    pub(crate) fn name(&self) -> String {
        self.keyword.to_uppercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instruction(keyword: &str, flags: &[(&str, &str)], rest: &str) -> Instruction {
        let flags = flags.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Instruction { keyword: keyword.into(), flags, rest: rest.into() }
    }

    #[test]
    fn a_line_goes_on_behind_a_backslash_and_comments_are_left_out() {
        let text = "# first\nCMD a \\\n# between\n\n b\nenv A=b\n";
        assert_eq!(parse(text), Ok(vec![instruction("CMD", &[], "a  b"), instruction("env", &[], "A=b")]));
        assert_eq!(parse("CMD a\\\nRUN b"), Ok(vec![instruction("CMD", &[], "aRUN b")]));
        assert_eq!(parse("CMD a\\"), Ok(vec![instruction("CMD", &[], "a")]));
        assert_eq!(parse("\n # x\n"), Err(InstructionError::Nothing));
    }

    #[test]
    fn flags_stand_before_everything_else() {
        let expected = instruction("HEALTHCHECK", &[("interval", "5s"), ("x", "")], "CMD --y");
        assert_eq!(parse("HEALTHCHECK --interval=5s  --x CMD --y"), Ok(vec![expected]));
    }
}
