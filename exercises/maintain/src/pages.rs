//! Every page of the built book in a real browser: on a desk and on a telephone, in light and in dark. No errors, nothing
//! that has to be scrolled sideways, every diagram visible.

use std::collections::BTreeSet;
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
    // The same page is loaded four times.
    problems.extend(log.lines().filter_map(complaint).collect::<BTreeSet<_>>());
    Ok(problems)
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
