//! `cargo wb pages [PAGE…]`: the book as readers see it, as pictures, with what is wrong with its pages. For whoever writes
//! one: on a desk and on a telephone, in light and in dark.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use workbook::Workspace;

use crate::{packages, pages};

/// Says how tall each page is at each width.
const MEASURE: &str = include_str!("screenshots.html");

const THEMES: [&str; 2] = ["light", "navy"];

/// The tallest picture: browsers draw no taller ones, and nobody wants to look at them.
const TALLEST: u32 = 8000;

/// Pages are named by the beginning of their address: `ch02`, `ch02-namespaces/enter`; nothing means all.
pub(crate) fn run(wanted: &[String], pictures: bool) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    workspace.require_origin()?;
    let Some(browser) = packages::browser() else { bail!("there is no browser\nhint: apt-get install chromium") };
    let root = workspace.root();
    let built = workbook::machine::book::command(root)?.arg("build").arg(root.join("book")).status();
    ensure!(built.context("run mdbook")?.success(), "the book does not build");
    let book = root.join("target/book");
    let is_wanted = |page: &String| wanted.is_empty() || wanted.iter().any(|word| page.starts_with(word.as_str()));
    let chosen: Vec<String> = pages::all(&book)?.into_iter().filter(is_wanted).collect();
    ensure!(!chosen.is_empty(), "no page begins with {}\nhint: such as ch02 or setup", wanted.join(" or "));
    let directory = workspace.scratch().join("pages");
    fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
    let problems = pages::problems(&book, browser, &chosen)?;
    let heights = if pictures { pages::visit(&book, browser, MEASURE, &chosen)?.0 } else { Vec::new() };
    for line in heights {
        let mut words = line.split(' ');
        let (Some(page), Some(width), Some(height)) = (words.next(), words.next(), words.next()) else { continue };
        for theme in THEMES {
            for path in take(&book, browser, &directory, page, (width.parse()?, height.parse()?), theme)? {
                println!("{path}");
            }
        }
    }
    for problem in &problems {
        println!("failed: {problem}");
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The pictures of one page, from top to bottom.
fn take(
    book: &Path,
    browser: &str,
    directory: &Path,
    page: &str,
    (width, height): (u32, u32),
    theme: &str,
) -> Result<Vec<String>> {
    let mut taken = Vec::new();
    for (index, top) in (0..height).step_by(TALLEST as usize).enumerate() {
        let path = directory.join(file_name(page, width, theme, index));
        let part = TALLEST.min(height - top);
        let arguments = [format!("--window-size={width},{part}"), format!("--screenshot={}", path.display())];
        pages::browse(book, browser, &frame(page, width, height, top, theme), &arguments)?;
        ensure!(path.is_file(), "the browser took no picture of {page}");
        taken.push(path.display().to_string());
    }
    Ok(taken)
}

/// A document that shows one page in its whole height, from `top` on.
fn frame(page: &str, width: u32, height: u32, top: u32, theme: &str) -> String {
    format!(
        "<!doctype html><body style=\"margin: 0; overflow: hidden\">\
         <script>localStorage.setItem(\"mdbook-theme\", \"{theme}\")</script>\
         <iframe src=\"{page}\" style=\"display: block; border: 0; width: {width}px; height: {height}px; \
         margin-top: -{top}px\"></iframe></body>\n"
    )
}

/// `ch02-namespaces-enter-390-navy.png`, and with a number for what is further down.
fn file_name(page: &str, width: u32, theme: &str, index: usize) -> String {
    let name = page.trim_end_matches(".html").replace('/', "-");
    let number = if index == 0 { String::new() } else { format!("-{}", index + 1) };
    format!("{name}-{width}-{theme}{number}.png")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_named_after_page_width_and_theme() {
        assert_eq!(file_name("ch02-namespaces/enter.html", 390, "navy", 0), "ch02-namespaces-enter-390-navy.png");
        assert_eq!(file_name("setup.html", 1280, "light", 1), "setup-1280-light-2.png");
    }
}
