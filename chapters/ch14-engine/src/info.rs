//! What there is, and what this machine gives to containers, for `info`.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use process::Failure;
use serde::Serialize;

use crate::engine::Engine;
use crate::saved::Status;

/// Docker's names where docker has the fact. What a daemon has, and we have not, is left out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_excessive_bools, reason = "each is one of docker's")]
pub struct Info {
    /// How many containers, and of those:
    pub containers: usize,
    /// that run,
    pub containers_running: usize,
    /// that stand still,
    pub containers_paused: usize,
    /// that do not run.
    pub containers_stopped: usize,
    /// How many images.
    pub images: usize,
    /// How images and containers are stored.
    pub driver: String,
    /// On which file system.
    pub driver_status: Vec<[String; 2]>,
    /// Kinds of networks and logs.
    pub plugins: Plugins,
    /// Whether memory can be limited,
    pub memory_limit: bool,
    /// and swap with it,
    pub swap_limit: bool,
    /// processor time, by period,
    pub cpu_cfs_period: bool,
    /// and quota,
    pub cpu_cfs_quota: bool,
    /// or by weight,
    #[serde(rename = "CPUShares")]
    pub cpu_shares: bool,
    /// which processors,
    #[serde(rename = "CPUSet")]
    pub cpu_set: bool,
    /// and how many processes.
    pub pids_limit: bool,
    /// Whether packets are passed on between networks.
    #[serde(rename = "IPv4Forwarding")]
    pub ipv4_forwarding: bool,
    /// Whether a container can be made to wait when it has no memory, instead of losing a process.
    pub oom_kill_disable: bool,
    /// Now.
    pub system_time: Timestamp,
    /// How output is kept unless something else is asked for.
    pub logging_driver: String,
    /// Who makes control groups: nobody stands between us and their files.
    pub cgroup_driver: String,
    /// 1 or 2.
    pub cgroup_version: String,
    /// Whether there is a hierarchy of version 2 beside those of version 1.
    #[serde(skip)]
    pub cgroup_hybrid: bool,
    /// Controllers that limits can be set with.
    pub cgroup_controllers: Vec<String>,
    /// The kernel's release.
    pub kernel_version: String,
    /// The distribution's name.
    pub operating_system: String,
    /// Its version.
    #[serde(rename = "OSVersion")]
    pub os_version: String,
    /// Always `linux`.
    #[serde(rename = "OSType")]
    pub os_type: String,
    /// The processors', as the kernel calls it.
    pub architecture: String,
    /// Processors.
    #[serde(rename = "NCPU")]
    pub processors: usize,
    /// Bytes of memory.
    pub mem_total: u64,
    /// Where the data is.
    pub docker_root_dir: String,
    /// The machine's name.
    pub name: String,
    /// This program's version.
    pub server_version: String,
    /// Who runs containers.
    pub default_runtime: String,
    /// Containers go on whatever becomes of who has started them.
    pub live_restore_enabled: bool,
    /// The program of `--init`.
    pub init_binary: String,
    /// Docker's cluster, which we take no part in.
    pub swarm: Swarm,
    /// What confines containers.
    pub security_options: Vec<String>,
}

/// For scripts that ask.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Swarm {
    /// Always `inactive`.
    pub local_node_state: &'static str,
}

/// What there is more than one of.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Plugins {
    /// Of networks.
    pub network: Vec<String>,
    /// Of logs.
    pub log: Vec<String>,
}

impl Info {
    /// The same for people, as docker has it: a blank in front for each level.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![
            ("Containers", self.containers.to_string()),
            (" Running", self.containers_running.to_string()),
            (" Paused", self.containers_paused.to_string()),
            (" Stopped", self.containers_stopped.to_string()),
            ("Images", self.images.to_string()),
            ("Server Version", self.server_version.clone()),
            ("Storage Driver", self.driver.clone()),
        ];
        lines.extend(self.driver_status.iter().map(|[_, value]| (" Backing Filesystem", value.clone())));
        lines.extend([
            ("Logging Driver", self.logging_driver.clone()),
            ("Cgroup Driver", self.cgroup_driver.clone()),
            ("Cgroup Version", self.cgroup_version.clone() + if self.cgroup_hybrid { " (hybrid)" } else { "" }),
            ("Cgroup Controllers", self.cgroup_controllers.join(" ")),
            ("Plugins", String::new()),
            (" Network", self.plugins.network.join(" ")),
            (" Log", self.plugins.log.join(" ")),
            ("Default Runtime", self.default_runtime.clone()),
            ("Init Binary", self.init_binary.clone()),
            ("Security Options", self.security_options.join(" ")),
            ("Kernel Version", self.kernel_version.clone()),
            ("Operating System", self.operating_system.clone()),
            ("OSType", self.os_type.clone()),
            ("Architecture", self.architecture.clone()),
            ("CPUs", self.processors.to_string()),
            ("Total Memory", crate::units::memory_size(self.mem_total)),
            ("Name", self.name.clone()),
            ("Docker Root Dir", self.docker_root_dir.clone()),
            ("Live Restore Enabled", self.live_restore_enabled.to_string()),
        ]);
        lines
    }
}

impl Engine {
    /// Looks at the machine.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn info(&self) -> Result<Info, Failure> {
        let layout = cgroups::Layout::detect()?;
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let memory = read("/proc/meminfo");
        let kilobytes = memory.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0_u64);
        let controllers = layout.controllers();
        let has = |name: &str| controllers.iter().any(|controller| controller == name);
        let containers = self.containers()?;
        let count = |is: fn(Status) -> bool| containers.iter().filter(|container| is(container.state.status)).count();
        let release = read("/etc/os-release");
        let names = nix::sys::utsname::uname().ok();
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
        Ok(Info {
            containers: containers.len(),
            containers_running: count(|status| matches!(status, Status::Running | Status::Restarting)),
            containers_paused: count(|status| status == Status::Paused),
            containers_stopped: count(|status| !status.is_alive()),
            images: self.images_store().list()?.len(),
            driver: "overlay".into(),
            driver_status: file_system(self.root().path())
                .map(|name| ["Backing Filesystem".into(), name])
                .into_iter()
                .collect(),
            plugins: Plugins { network: words(&["host", "none"]), log: words(&["json-file", "local", "none"]) },
            memory_limit: has("memory"),
            swap_limit: has("memory"),
            cpu_cfs_period: has("cpu"),
            cpu_cfs_quota: has("cpu"),
            cpu_shares: has("cpu"),
            cpu_set: has("cpuset"),
            pids_limit: has("pids"),
            ipv4_forwarding: read("/proc/sys/net/ipv4/ip_forward").trim() == "1",
            oom_kill_disable: has("memory") && layout.version() != "2",
            system_time: Timestamp::now(),
            logging_driver: "json-file".into(),
            cgroup_driver: "cgroupfs".into(),
            cgroup_version: layout.version()[..1].into(),
            cgroup_hybrid: layout.version().len() > 1,
            cgroup_controllers: controllers,
            kernel_version: read("/proc/sys/kernel/osrelease").trim().into(),
            operating_system: assigned(&release, "PRETTY_NAME").unwrap_or("Linux").into(),
            os_version: assigned(&release, "VERSION_ID").unwrap_or_default().into(),
            os_type: "linux".into(),
            architecture: names.map_or_else(String::new, |names| names.machine().to_string_lossy().into_owned()),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            mem_total: kilobytes * 1024,
            docker_root_dir: self.root().path().display().to_string(),
            name: crate::launch::host_name(),
            server_version: env!("CARGO_PKG_VERSION").into(),
            default_runtime: "mini-runc".into(),
            live_restore_enabled: true,
            init_binary: "docker-init".into(),
            swarm: Swarm { local_node_state: "inactive" },
            security_options: words(&["seccomp", "capabilities", "no-new-privileges"]),
        })
    }
}

/// The value of a variable in `os-release(5)`.
fn assigned<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim_matches(['"', '\'']))
}

/// The type of the file system that a path is in: of all mounts above it, the last of the longest.
fn file_system(path: &Path) -> Option<String> {
    let path = fs::canonicalize(path).ok()?;
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let above = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (place, kind) = (fields.next()?, fields.next()?);
        path.starts_with(place).then_some((place.len(), kind.to_owned()))
    });
    above.max_by_key(|(length, _)| *length).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distribution_is_named_with_and_without_quotes() {
        let text = "NAME=x\nPRETTY_NAME=\"A system 12\"\nVERSION_ID=12\n";
        assert_eq!((assigned(text, "PRETTY_NAME"), assigned(text, "VERSION_ID")), (Some("A system 12"), Some("12")));
        assert_eq!(assigned(text, "VERSION"), None);
    }

    #[test]
    fn every_path_is_in_some_file_system() {
        assert_eq!(file_system(Path::new("/proc/self")).as_deref(), Some("proc"));
        assert!(file_system(Path::new("/")).is_some());
    }
}
