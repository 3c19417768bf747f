//! Mounts of several authors in one order: the engine's, the image's and the user's, who do not know of each other.
//!
//! What is mounted later hides what is below it. So a directory comes before what is in it, whoever asked for which; and
//! since the kernel follows links, it is not the names that are compared but the places to which they lead.

use std::path::{Path, PathBuf};

use crate::mount::Mount;
use crate::root_dir::RootDirError;

/// Sorts `mounts` by the depth of their places, and drops all but the last of those that share one.
///
/// `place` says where a path leads in the image, given the places below which something else will be mounted: what the
/// image has there will not be seen. The kernel's file systems stay under their names, where a link is an error.
///
/// # Errors
/// Those of `place`.
pub fn arrange(
    mounts: Vec<Mount>,
    mut place: impl FnMut(&Path, &[PathBuf]) -> Result<PathBuf, RootDirError>,
) -> Result<Vec<Mount>, RootDirError> {
    let depth = |path: &Path| path.components().count();
    let mut sorted: Vec<(usize, Mount)> = mounts.into_iter().enumerate().collect();
    sorted.sort_by_key(|(_, mount)| depth(&mount.destination));
    let mut places = Vec::with_capacity(sorted.len());
    for (_, mount) in &mut sorted {
        if !matches!(mount.kind.as_str(), "proc" | "sysfs") {
            mount.destination = place(&mount.destination, &places)?;
        }
        places.push(mount.destination.clone());
    }
    let last = |(index, mount): &(usize, Mount)| {
        !sorted.iter().any(|(other, later)| other > index && later.destination == mount.destination)
    };
    let kept: Vec<bool> = sorted.iter().map(last).collect();
    let mut kept: Vec<Mount> =
        sorted.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|((_, mount), _)| mount).collect();
    kept.sort_by_key(|mount| depth(&mount.destination));
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An image with `/var/run -> /run`, `/etc/resolv.conf -> /run/resolv.conf` and `/loop -> /loop`.
    fn arranged(list: &[&str]) -> String {
        let mounts = list.iter().enumerate().map(|(index, destination)| Mount {
            destination: destination.into(),
            kind: if *destination == "/proc" { "proc" } else { "tmpfs" }.into(),
            source: Some(index.to_string().into()),
            ..Mount::default()
        });
        let place = |path: &Path, covered: &[PathBuf]| {
            let hidden = |link: &Path| covered.iter().any(|place| link != place && link.starts_with(place));
            for (link, target) in [("/var/run", "/run"), ("/etc/resolv.conf", "/run/resolv.conf"), ("/proc", "/etc")] {
                if let Ok(rest) = path.strip_prefix(link)
                    && !hidden(Path::new(link))
                {
                    return Ok(Path::new(target).join(rest).components().collect());
                }
            }
            Ok(path.into())
        };
        let line = |mount: &Mount| {
            format!("{} {}", mount.source.as_deref().unwrap_or(Path::new("")).display(), mount.destination.display())
        };
        arrange(mounts.collect(), place).expect("an order").iter().map(line).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_directory_comes_before_what_is_in_it() {
        assert_eq!(arranged(&["/run/lock", "/run", "/a/b/c", "/a"]), "1 /run, 3 /a, 0 /run/lock, 2 /a/b/c");
    }

    #[test]
    fn of_two_on_one_place_the_last_is_meant() {
        assert_eq!(arranged(&["/run", "/srv", "/run"]), "1 /srv, 2 /run");
        assert_eq!(arranged(&["/run", "/var/run"]), "1 /run");
        assert_eq!(arranged(&["/var/run", "/run"]), "1 /run");
    }

    #[test]
    fn places_are_compared_not_names() {
        assert_eq!(arranged(&["/etc/resolv.conf", "/run"]), "1 /run, 0 /run/resolv.conf");
        assert_eq!(arranged(&["/var/run/lock", "/var", "/run"]), "1 /var, 2 /run, 0 /var/run/lock");
        assert_eq!(arranged(&["/etc/resolv.conf", "/etc", "/run"]), "1 /etc, 2 /run, 0 /etc/resolv.conf");
    }

    #[test]
    fn a_link_in_the_place_of_proc_is_left_for_the_mount_to_refuse() {
        assert_eq!(arranged(&["/proc"]), "0 /proc");
    }
}
