//! Every page of the built book in a real browser: on a desk and on a telephone, in light and in dark. No errors, nothing
//! that has to be scrolled sideways, every diagram visible and its text large enough to be read.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

/// Loads each page in a frame and writes what is wrong with it into the document.
const HARNESS: &str = include_str!("pages.html");

/// One line for each problem of these pages.
pub(crate) fn problems(book: &Path, browser: &str, pages: &[String]) -> Result<Vec<String>> {
    let (lines, log) = visit(book, browser, HARNESS, pages)?;
    let mut problems = lines;
    // The same page is loaded four times.
    problems.extend(log.lines().filter_map(complaint).collect::<BTreeSet<_>>());
    Ok(problems)
}

/// Lets the browser do what `harness` says with these pages. Returns what it wrote down, without the first line, and the log.
pub(crate) fn visit(book: &Path, browser: &str, harness: &str, pages: &[String]) -> Result<(Vec<String>, String)> {
    let list = serde_json::to_string(pages)?;
    let output = browse(book, browser, &harness.replace("[/*PAGES*/]", &list), &["--dump-dom".into()])?;
    let document = String::from_utf8_lossy(&output.stdout);
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let result = document.split("<pre id=\"result\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let Some(result) = result.filter(|text| text.starts_with("checked")) else {
        bail!("the browser did not finish: {}", log.lines().rev().take(5).collect::<Vec<_>>().join("\n"));
    };
    Ok((result.lines().skip(1).map(str::to_owned).collect(), log))
}

/// Opens a document in the browser, which is beside the pages, so that its frames may look into them.
pub(crate) fn browse(book: &Path, browser: &str, document: &str, arguments: &[String]) -> Result<Output> {
    let path = book.join("check-pages.html");
    fs::write(&path, document).with_context(|| format!("write {}", path.display()))?;
    let profile = profile_directory(book)?;
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--allow-file-access-from-files", "--virtual-time-budget=600000", "--timeout=300000"])
        .args(["--enable-logging=stderr", "--hide-scrollbars"])
        .args(arguments)
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", path.display()))
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("run {browser}"));
    fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
    let _ = fs::remove_dir_all(&profile);
    output
}

/// The pages of a built book, sorted, as their addresses: `ch02-namespaces/index.html`.
pub(crate) fn all(book: &Path) -> Result<Vec<String>> {
    let mut pages = Vec::new();
    collect(book, book, &mut pages)?;
    pages.sort();
    Ok(pages)
}

/// What a page wrote to the browser's console, with its source: `[…:INFO:CONSOLE:2] "text", source: file:///…`. A page of a
/// book has nothing to say there; exceptions and `console.error` look like anything else.
fn complaint(line: &str) -> Option<String> {
    let (_, rest) = line.split_once(":CONSOLE")?;
    Some(format!("console: {}", rest.split_once("] ")?.1))
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
    fn what_pages_say_is_told_from_what_the_browser_says() {
        let line =
            r#"[1:1:1124/1:INFO:CONSOLE:2] "Uncaught ReferenceError: x is not defined", source: file:///a.html (2)"#;
        let said = r#"console: "Uncaught ReferenceError: x is not defined", source: file:///a.html (2)"#;
        assert_eq!(complaint(line).as_deref(), Some(said));
        assert_eq!(complaint("[1:1:ERROR:dbus/bus.cc:408] Failed to connect to the bus"), None);
    }
}
