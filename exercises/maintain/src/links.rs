//! Every link inside the built book leads somewhere: to a file that exists, and to an id on that page.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};

/// The pages of a built book, by path, with their text.
fn pages(directory: &Path) -> Result<BTreeMap<PathBuf, String>> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).with_context(|| format!("read {}", directory.display()))?.flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "html") {
                let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
                found.insert(path, text);
            }
        }
    }
    Ok(found)
}

/// One line for each link that leads nowhere.
pub(crate) fn broken(directory: &Path) -> Result<Vec<String>> {
    let pages = pages(directory)?;
    let ids: BTreeMap<&PathBuf, BTreeSet<&str>> =
        pages.iter().map(|(path, text)| (path, attributes(text, " id=\"").collect())).collect();
    let mut problems = Vec::new();
    // The page for printing has everything once more.
    for (page, text) in pages.iter().filter(|(path, _)| !path.ends_with("print.html") && !path.ends_with("404.html")) {
        for link in attributes(text, " href=\"").filter(|link| !link.contains(':') && !link.is_empty()) {
            let (target, id) = link.split_once('#').unwrap_or((link, ""));
            let target =
                if target.is_empty() { page.clone() } else { plain(&page.parent().unwrap_or(directory).join(target)) };
            let known = ids.get(&target);
            let found = if id.is_empty() {
                known.is_some() || target.exists()
            } else {
                known.is_some_and(|ids| ids.contains(id))
            };
            if !found {
                problems.push(format!("{}: {link}", page.strip_prefix(directory).unwrap_or(page).display()));
            }
        }
    }
    Ok(problems)
}

/// Values of an attribute.
fn attributes<'text>(text: &'text str, name: &'static str) -> impl Iterator<Item = &'text str> {
    text.split(name).skip(1).filter_map(|rest| rest.split('"').next())
}

/// `a/../b` is `b`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_links_and_dead_ids_are_found() {
        let book = tempfile::tempdir().expect("a directory");
        fs::create_dir(book.path().join("a")).expect("a directory");
        fs::write(
            book.path().join("index.html"),
            r##"<a href="a/x.html#top"> <a href="a/y.html"> <a href="#no"> <a href="https://x">"##,
        )
        .expect("a page");
        fs::write(book.path().join("a/x.html"), r#"<h1 id="top"> <a href="../index.html">"#).expect("a page");
        assert_eq!(broken(book.path()).expect("pages"), ["index.html: a/y.html", "index.html: #no"]);
    }
}
