//! Trees of files: what belongs to a workspace, and copies that touch only what differs (cargo looks at times).

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

/// The files of the workspace, relative to `root`, sorted: what git tracks or would track; without git everything
/// but `target` and `.git`.
pub(crate) fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = from_git(root).map_or_else(|| walk(root), Ok)?;
    files.sort();
    Ok(files)
}

fn from_git(root: &Path) -> Option<Vec<PathBuf>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let names = String::from_utf8(output.stdout).ok()?;
    let unique: BTreeSet<&str> = names.split('\0').filter(|name| !name.is_empty()).collect();
    // A tree inside another's repository may be ignored there as a whole.
    if !output.status.success() || !unique.contains("Cargo.toml") {
        return None;
    }
    // Git still lists what was deleted and not yet committed.
    Some(unique.into_iter().map(PathBuf::from).filter(|name| root.join(name).symlink_metadata().is_ok()).collect())
}

/// Every file below `root`, relative to it, sorted; nothing if it cannot be read.
pub(crate) fn files_below(root: &Path) -> Vec<PathBuf> {
    let mut files = walk(root).unwrap_or_default();
    files.sort();
    files
}

/// Every file below `root`, relative to it, but not what is in a `target` or `.git` directory.
fn walk(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(directory) = waiting.pop() {
        let path = root.join(&directory);
        for entry in fs::read_dir(&path).with_context(|| format!("read {}", path.display()))? {
            let entry = entry.with_context(|| format!("read {}", path.display()))?;
            let name = directory.join(entry.file_name());
            if !entry.file_type().with_context(|| format!("read {}", path.display()))?.is_dir() {
                found.push(name);
            } else if entry.file_name() != "target" && entry.file_name() != ".git" {
                waiting.push(name);
            }
        }
    }
    Ok(found)
}

/// Writes `path` unless it has this content already. Says whether it wrote.
pub(crate) fn write_if_changed(path: &Path, content: &[u8]) -> Result<bool> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(false);
    }
    create_parent(path)?;
    fs::write(path, content).with_context(|| format!("write {}", path.display()))?;
    Ok(true)
}

/// Makes `to/name` equal to `from/name`: content, mode, or where a symbolic link points.
pub(crate) fn copy(from: &Path, to: &Path, name: &Path) -> Result<()> {
    let (source, target) = (from.join(name), to.join(name));
    let metadata = source.symlink_metadata().with_context(|| format!("read {}", source.display()))?;
    if metadata.is_symlink() {
        let points_to = fs::read_link(&source).with_context(|| format!("read {}", source.display()))?;
        if fs::read_link(&target).is_ok_and(|old| old == points_to) {
            return Ok(());
        }
        remove_file(&target)?;
        create_parent(&target)?;
        return symlink(points_to, &target).with_context(|| format!("create {}", target.display()));
    }
    let content = fs::read(&source).with_context(|| format!("read {}", source.display()))?;
    write_if_changed(&target, &content)?;
    set_executable(&target, metadata.permissions().mode() & 0o100 != 0)
}

/// Makes `to` hold exactly the workspace's files. `instead` may give another content for a file.
pub(crate) fn sync(root: &Path, to: &Path, instead: impl Fn(&Path) -> Result<Option<String>>) -> Result<()> {
    let wanted = files(root)?;
    for name in &wanted {
        match instead(name)? {
            Some(content) => write_if_changed(&to.join(name), content.as_bytes()).map(|_| ())?,
            None => copy(root, to, name)?,
        }
    }
    let wanted: BTreeSet<PathBuf> = wanted.into_iter().collect();
    for name in walk(to)? {
        if !wanted.contains(&name) {
            remove_file(&to.join(name))?;
        }
    }
    Ok(())
}

fn create_parent(path: &Path) -> Result<()> {
    let Some(directory) = path.parent() else { return Ok(()) };
    fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))
}

fn set_executable(path: &Path, wanted: bool) -> Result<()> {
    let mut permissions = path.metadata().with_context(|| format!("read {}", path.display()))?.permissions();
    let mode = permissions.mode();
    let new = if wanted { mode | ((mode & 0o444) >> 2) } else { mode & !0o111 };
    if new != mode {
        permissions.set_mode(new);
        fs::set_permissions(path, permissions).with_context(|| format!("change the mode of {}", path.display()))?;
    }
    Ok(())
}

fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            write_if_changed(&directory.path().join(name), content.as_bytes()).unwrap();
        }
        directory
    }

    #[test]
    fn a_sync_adds_changes_and_removes() {
        let from = tree(&[("Cargo.toml", ""), ("a/new", "1"), ("b", "after"), ("hole", "full"), ("target/x", "")]);
        let to = tree(&[("b", "before"), ("old", ""), ("target/kept", "")]);
        symlink("b", from.path().join("link")).unwrap();
        sync(from.path(), to.path(), |name| Ok((name == Path::new("hole")).then(|| "empty".into()))).unwrap();
        let mut names = walk(to.path()).unwrap();
        names.sort();
        assert_eq!(names, ["Cargo.toml", "a/new", "b", "hole", "link"].map(PathBuf::from));
        assert_eq!(fs::read_to_string(to.path().join("b")).unwrap(), "after");
        assert_eq!(fs::read_to_string(to.path().join("hole")).unwrap(), "empty");
        assert!(to.path().join("target/kept").exists());
    }

    #[test]
    fn an_equal_file_keeps_its_time() {
        let from = tree(&[("Cargo.toml", ""), ("a", "1")]);
        let to = tree(&[]);
        let sync = || sync(from.path(), to.path(), |_| Ok(None)).unwrap();
        sync();
        let time = || to.path().join("a").metadata().unwrap().modified().unwrap();
        let before = time();
        sync();
        assert_eq!(time(), before);
    }
}
