//! The recap at a chapter's end: what is proved, and the tests that prove it, which exist.

use std::fs;
use std::path::{Path, PathBuf};

use super::markdown::sections;
use crate::tree;
use crate::workspace::{Workspace, read};

/// What one remembers of a chapter.
const ITEMS: usize = 5;

/// Faults of the section `## Recap`; that it is missing is found elsewhere.
pub(super) fn faults(workspace: &Workspace, chapter: &str, text: &str) -> Vec<String> {
    let Some((_, body)) = sections(text).into_iter().find(|(heading, _)| *heading == "Recap") else {
        return Vec::new();
    };
    let items = items(&body);
    let mut faults = Vec::new();
    if !(1..=ITEMS).contains(&items.len()) {
        faults.push(format!("`## Recap` has {} items `- [ ] …`, and 1 to {ITEMS} is right", items.len()));
    }
    for item in items {
        let begin: String = item.chars().take(40).collect();
        let names = proofs(&item);
        if names.is_empty() {
            faults.push(format!("{begin:?} does not end with *Proved by* `target::test`."));
        }
        let missing = names.into_iter().filter(|name| !exists(workspace, chapter, name));
        faults.extend(missing.map(|name| format!("{begin:?}: there is no test {name}")));
    }
    faults
}

/// The items of the list, each on one line.
fn items(body: &str) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    let mut open = false;
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("- [ ] ") {
            items.push(rest.trim().to_owned());
            open = true;
        } else if open && line.starts_with(' ') && !line.trim().is_empty() {
            if let Some(item) = items.last_mut() {
                item.push(' ');
                item.push_str(line.trim());
            }
        } else {
            open = false;
        }
    }
    items
}

/// The names behind `*Proved by*`.
fn proofs(item: &str) -> Vec<&str> {
    let Some((_, rest)) = item.split_once("*Proved by*") else { return Vec::new() };
    rest.split('`').skip(1).step_by(2).collect()
}

/// Whether there is a test `target::name` in the chapter's package, or `package/target::name`.
fn exists(workspace: &Workspace, chapter: &str, name: &str) -> bool {
    let (package, path) = match name.split_once('/') {
        Some((package, path)) => (package, path),
        None => (chapter.split_once('-').map_or(chapter, |(_, package)| package), name),
    };
    let mut parts = path.split("::");
    let (Some(target), Some(test)) = (parts.next(), path.rsplit("::").next()) else { return false };
    let modules: Vec<&str> = parts.filter(|part| *part != test).collect();
    if target == test {
        return false;
    }
    let sources: Vec<(PathBuf, String)> = directory(workspace, package)
        .map(|directory| files(&directory, target))
        .unwrap_or_default()
        .into_iter()
        .filter_map(|path| Some((path.clone(), read(&path).ok()?)))
        .collect();
    let has_module = |module: &&str| {
        sources.iter().any(|(path, text)| {
            path.file_stem().is_some_and(|stem| stem == *module) || text.contains(&format!("mod {module}"))
        })
    };
    modules.iter().all(has_module) && sources.iter().any(|(_, text)| has_test(text, test))
}

/// The directory of a package.
fn directory(workspace: &Workspace, package: &str) -> Option<PathBuf> {
    let root = workspace.root();
    let below = |name: &str| {
        let entries = fs::read_dir(root.join(name)).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let candidates = [below("chapters"), below("exercises"), vec![root.join("mini-docker"), root.join("benches")]];
    let named = format!("name = \"{package}\"");
    let is_it = |path: &PathBuf| read(&path.join("Cargo.toml")).is_ok_and(|text| text.contains(&named));
    candidates.into_iter().flatten().find(is_it)
}

/// The files of a test target: `tests/uts.rs` and what is below `tests/uts/`; all of `src` for `lib`.
fn files(package: &Path, target: &str) -> Vec<PathBuf> {
    let below = |directory: PathBuf| {
        tree::files_below(&directory).into_iter().map(move |name| directory.join(name)).collect::<Vec<_>>()
    };
    let mut files = match target {
        "lib" => below(package.join("src")),
        _ => below(package.join("tests").join(target)),
    };
    files.push(package.join("tests").join(format!("{target}.rs")));
    files.retain(|path| path.extension().is_some_and(|kind| kind == "rs"));
    files
}

/// Whether a text has a test of that name: below `#[test]`, or in `kernel_test!`, where it is `fn name(host)`.
fn has_test(text: &str, name: &str) -> bool {
    let opening = format!("fn {name}(");
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.iter().enumerate().any(|(index, line)| {
        let Some(at) = line.find(&opening) else { return false };
        let arguments = &line[at + opening.len()..];
        let in_macro = arguments.split_once(')').is_some_and(|(name, _)| !name.is_empty() && !name.contains(':'));
        let attributes =
            lines[..index].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        in_macro || attributes.into_iter().any(|line| line.starts_with("#[test]"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_names_its_tests() {
        let body = "Read:\n\n- [ ] One `thing`\n  holds. *Proved by* `a::b` and\n  `p/c::d::e`.\n- [ ] Two.\n\nText.\n";
        let items = items(body);
        assert_eq!(items.len(), 2);
        assert_eq!(proofs(&items[0]), ["a::b", "p/c::d::e"]);
        assert!(proofs(&items[1]).is_empty());
    }

    #[test]
    fn tests_are_told_from_other_functions() {
        let text =
            "#[test]\n// why\nfn a() {}\nfn b() {}\nkernel_test! {\n    fn c(host) {\n    }\n}\nfn d(x: u8) {}\n";
        let found: Vec<&str> = ["a", "b", "c", "d", "e"].into_iter().filter(|name| has_test(text, name)).collect();
        assert_eq!(found, ["a", "c"]);
    }
}
