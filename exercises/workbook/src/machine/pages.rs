//! Every page of the built book in a real browser: on a desk and on a telephone, in light and in dark. No errors, nothing
//! that has to be scrolled sideways, every diagram visible.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Loads each page in a frame and writes what is wrong with it into the document.
const HARNESS: &str = include_str!("pages.html");

/// One line for each problem.
pub(crate) fn problems(book: &Path, browser: &str) -> Result<Vec<String>> {
    let mut pages = Vec::new();
    collect(book, book, &mut pages)?;
    pages.sort();
    let list = serde_json::to_string(&pages)?;
    // Beside the pages, so that the frame may look into them.
    let harness = book.join("check-pages.html");
    fs::write(&harness, HARNESS.replace("[/*PAGES*/]", &list))
        .with_context(|| format!("write {}", harness.display()))?;
    let profile = profile_directory(book)?;
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--allow-file-access-from-files", "--virtual-time-budget=600000", "--timeout=300000"])
        .args(["--enable-logging=stderr", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", harness.display()))
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("run {browser}"));
    fs::remove_file(&harness)?;
    let _ = fs::remove_dir_all(&profile);
    let output = output?;
    let (document, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let result = document.split("<pre id=\"result\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let Some(result) = result.filter(|text| text.starts_with("checked")) else {
        bail!("the browser did not finish: {}", log.lines().rev().take(5).collect::<Vec<_>>().join("\n"));
    };
    let mut problems: Vec<String> = result.lines().skip(1).map(str::to_owned).collect();
    let console = log.lines().filter(|line| is_complaint(line));
    problems.extend(console.map(|line| format!("console: {line}")));
    Ok(problems)
}

/// What a page wrote to the browser's console about itself: an exception, a file that is not there, `console.error`.
fn is_complaint(line: &str) -> bool {
    line.contains(":CONSOLE") && ["Uncaught", "ERR_", "ERROR:CONSOLE"].iter().any(|word| line.contains(word))
}

fn profile_directory(book: &Path) -> Result<std::path::PathBuf> {
    let profile = book.with_extension(format!("profile-{}", std::process::id()));
    fs::create_dir_all(&profile)?;
    Ok(profile)
}

fn collect(book: &Path, directory: &Path, pages: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(directory)?.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            collect(book, &path, pages)?;
        } else if path.extension().is_some_and(|extension| extension == "html")
            && !["print.html", "404.html", "toc.html"].contains(&name.as_str())
        {
            pages.push(path.strip_prefix(book)?.display().to_string());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_on_the_console_are_told_from_other_lines() {
        assert!(is_complaint(r#"[1:1:INFO:CONSOLE(2)] "Uncaught ReferenceError: x is not defined", source: a.js (2)"#));
        assert!(is_complaint(r#"[1:1:INFO:CONSOLE(0)] "Failed to load resource: net::ERR_FILE_NOT_FOUND""#));
        assert!(!is_complaint(r#"[1:1:INFO:CONSOLE(2)] "hello", source: a.js (2)"#));
        assert!(!is_complaint("[1:1:ERROR:dbus/bus.cc(408)] Failed to connect to the bus"));
    }
}
