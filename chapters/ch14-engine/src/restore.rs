//! After a boot: what was to run, runs again.

use std::path::Path;

use process::Failure;

use crate::engine::Engine;
use crate::saved::{Container, Status};
use crate::sharing::Sharing;

/// What became of one container.
#[derive(Debug)]
pub struct Restored {
    /// Its name.
    pub name: String,
    /// Why it does not run.
    pub result: Result<(), Failure>,
}

impl Engine {
    /// Starts each container whose policy wants it, the oldest first, if it has not been touched since the boot. One that
    /// does not start does not keep the others from it, and is tried again by its shim, after longer and longer pauses.
    ///
    /// # Errors
    /// [`Failure`], when there is no list.
    pub fn restore(&self) -> Result<Vec<Restored>, Failure> {
        let mut containers = self.containers()?;
        containers.retain(|container| container.state.boot != self.store().boot() && wants_to_run(container));
        let containers = in_order(containers);
        let start = |Container { saved, .. }: Container| Restored {
            result: self.start_after_boot(&saved.id),
            name: saved.name,
        };
        Ok(containers.into_iter().map(start).collect())
    }
}

/// The oldest first, but nobody before those whose namespaces it has.
fn in_order(mut containers: Vec<Container>) -> Vec<Container> {
    containers.sort_by_key(|container| container.saved.created);
    let mut ordered = Vec::with_capacity(containers.len());
    while !containers.is_empty() {
        let waits =
            |one: &Container| containers.iter().any(|other| other.saved.id != one.saved.id && has_of(one, other));
        // Those who wait for each other cannot be helped.
        let next = containers.iter().position(|one| !waits(one)).unwrap_or(0);
        ordered.push(containers.remove(next));
    }
    ordered
}

/// Whether `one` has a namespace of `other`. A network may be named before there is a container of that name.
fn has_of(one: &Container, other: &Container) -> bool {
    let record = &one.saved.record;
    let mut owners = [&record.network, &record.pid, &record.ipc].into_iter().filter_map(Sharing::owner);
    owners.any(|owner| owner == other.saved.id || owner == other.saved.name)
}

/// Docker's rule: `always` means also what was stopped by hand, and nothing that has never run.
fn wants_to_run(container: &Container) -> bool {
    let Container { saved, state } = container;
    let policy = &saved.create.host.restart_policy;
    let most = policy.maximum_retry_count;
    state.status == Status::Exited
        && state.started.is_some()
        && match policy.name.as_str() {
            "always" => true,
            "unless-stopped" => !state.stopped_by_hand,
            "on-failure" => {
                !state.stopped_by_hand && state.exit_code != 0 && (most == 0 || i64::from(state.restarts) < most)
            }
            _ => false,
        }
}

/// A unit for systemd that does it at each boot: `program` on the data root `root`.
pub fn restore_unit(program: &Path, root: &Path) -> String {
    let (program, root) = (quoted(program), quoted(root));
    format!(
        "[Unit]\n\
         Description=Containers of mini-docker that are to run\n\
         Wants=network-online.target\n\
         After=network-online.target local-fs.target\n\
         RequiresMountsFor={root}\n\n\
         [Service]\n\
         Type=oneshot\n\
         RemainAfterExit=yes\n\
         # What was started goes on without it.\n\
         KillMode=process\n\
         ExecStart={program} --root {root} system restore\n\n\
         [Install]\n\
         WantedBy=multi-user.target\n"
    )
}

/// As systemd reads words: `%` and `$` are its own.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace('%', "%%").replace('$', "$$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_names_program_and_data_root_in_systemds_words() {
        insta::assert_snapshot!(restore_unit(Path::new("/opt/my tools/mini-docker"), Path::new("/data/50%$")), @r#"
        [Unit]
        Description=Containers of mini-docker that are to run
        Wants=network-online.target
        After=network-online.target local-fs.target
        RequiresMountsFor="/data/50%%$$"

        [Service]
        Type=oneshot
        RemainAfterExit=yes
        # What was started goes on without it.
        KillMode=process
        ExecStart="/opt/my tools/mini-docker" --root "/data/50%%$$" system restore

        [Install]
        WantedBy=multi-user.target
        "#);
    }
}
