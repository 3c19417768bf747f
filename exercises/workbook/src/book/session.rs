//! Console sessions as readers see them. In a page's source they are tests, and say where any text may stand (`[..]`, `...`)
//! and how a command ended (`? 1`).

/// `page` with its `console` blocks made readable.
pub(crate) fn readable(page: &str) -> String {
    let mut text = String::with_capacity(page.len());
    let mut inside = false;
    let mut ended: Option<String> = None;
    for line in page.lines() {
        let trimmed = line.trim_start();
        let indent = &line[..line.len() - trimmed.len()];
        if !inside {
            inside = is_console(trimmed);
        } else if trimmed.starts_with("```") || trimmed.starts_with("$ ") {
            say_how_it_ended(&mut text, ended.take());
            inside = !trimmed.starts_with("```");
        } else if trimmed.starts_with("> ") {
        } else if let Some(status) = trimmed.strip_prefix("? ") {
            ended = Some(format!("{indent}{}\n", how_it_ended(status.trim())));
            continue;
        } else {
            let any = if trimmed == "..." { "..." } else { "[..]" };
            text.push_str(&line.replace(any, "…"));
            text.push('\n');
            continue;
        }
        text.push_str(line);
        text.push('\n');
    }
    text
}

pub(crate) fn is_console(fence: &str) -> bool {
    fence.strip_prefix("```console").is_some_and(|rest| rest.is_empty() || rest.starts_with(','))
}

fn how_it_ended(status: &str) -> String {
    if status.parse::<i32>().is_ok() { format!("(exit status {status})") } else { format!("({status})") }
}

/// Below what the command has said, and above the empty line before the next one.
fn say_how_it_ended(text: &mut String, ended: Option<String>) {
    if let Some(ended) = ended {
        let end = text.trim_end().len();
        let at = text[end..].find('\n').map_or(text.len(), |newline| end + newline + 1);
        text.insert_str(at, &ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_tests_need_is_not_what_readers_see() {
        let page = "[..]\n```console\n$ a '[..]' \\\n> ...\n? 127\nError: [..]: no\n\n$ b\n...\nuts:[[..]]\n```\n\n```text\n[..]\n? 1\n```\n";
        insta::assert_snapshot!(readable(page), @r"
        [..]
        ```console
        $ a '[..]' \
        > ...
        Error: …: no
        (exit status 127)

        $ b
        …
        uts:[…]
        ```

        ```text
        [..]
        ? 1
        ```
        ");
    }

    #[test]
    fn a_command_that_says_nothing_has_ended_too() {
        assert_eq!(readable("```console\n$ a\n? 1\n```\n"), "```console\n$ a\n(exit status 1)\n```\n");
        assert_eq!(readable("```console\n$ a\n? interrupted\nx\n```\n"), "```console\n$ a\nx\n(interrupted)\n```\n");
    }
}
