//! What this machine gives to containers, for `info`.

use std::fs;

use process::Failure;
use serde::Serialize;

use crate::engine::Engine;

/// Docker's names where docker has the fact.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Info {
    /// How many images.
    pub images: usize,
    /// How images and containers are stored.
    pub driver: String,
    /// 1 or 2; "hybrid" is 1 with a v2 hierarchy beside it.
    pub cgroup_version: String,
    /// Controllers that limits can be set with.
    pub cgroup_controllers: Vec<String>,
    /// What confines containers.
    pub security_options: Vec<String>,
    /// The kernel's release.
    pub kernel_version: String,
    /// Processors.
    #[serde(rename = "NCPU")]
    pub processors: usize,
    /// Bytes of memory.
    pub mem_total: u64,
    /// Where the data is.
    pub docker_root_dir: String,
}

impl Info {
    /// The same for people.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        vec![
            ("Images", self.images.to_string()),
            ("Storage Driver", self.driver.clone()),
            ("Cgroup Version", self.cgroup_version.clone()),
            ("Cgroup Controllers", self.cgroup_controllers.join(" ")),
            ("Security Options", self.security_options.join(" ")),
            ("Kernel Version", self.kernel_version.clone()),
            ("CPUs", self.processors.to_string()),
            ("Total Memory", crate::units::human_size(self.mem_total)),
            ("Docker Root Dir", self.docker_root_dir.clone()),
        ]
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
        Ok(Info {
            images: self.images()?.len(),
            driver: "overlay".into(),
            cgroup_version: layout.version().into(),
            cgroup_controllers: layout.controllers(),
            security_options: vec!["seccomp".into(), "capabilities".into(), "no-new-privileges".into()],
            kernel_version: read("/proc/sys/kernel/osrelease").trim().into(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            mem_total: kilobytes * 1024,
            docker_root_dir: self.root().path().display().to_string(),
        })
    }
}
