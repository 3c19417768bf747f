//! What is wished for: one container, in the JSON of docker's Engine API (`POST /containers/create`).
//!
//! The command line fills it from its flags. Everything in it is a value: files that were named have been read, variables
//! of the caller's environment have been looked up, so that nothing has to be read twice. Sizes are bytes, 0 and empty
//! mean "not asked for". Fields that we do not know are kept, and [refused](crate::record) if they ask for something.

use std::collections::BTreeMap;
use std::path::PathBuf;

use confinement::Rlimit;
pub use images::HealthConfig;
use runtime::Text;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::log::LogWish;
use crate::restart::RestartPolicy;

/// One container to make.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Create {
    /// Its name; a query parameter in the API, and so no part of the JSON.
    #[serde(skip)]
    pub name: String,
    /// The program and its surroundings.
    #[serde(flatten)]
    pub config: Config,
    /// What the host gives to it.
    #[serde(rename = "HostConfig")]
    pub host: HostConfig,
    /// Networks besides that of `HostConfig.NetworkMode`.
    #[serde(rename = "NetworkingConfig", skip_serializing_if = "NetworkingConfig::is_empty")]
    pub networking: NetworkingConfig,
}

/// What would be the same on another host.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one of docker's")]
pub struct Config {
    /// Host name inside.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// NIS domain name inside.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub domainname: String,
    /// `user[:group]`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Somebody types into it.
    pub attach_stdin: bool,
    /// Somebody sees what it prints.
    pub attach_stdout: bool,
    /// Somebody sees what it complains about.
    pub attach_stderr: bool,
    /// Give it a terminal.
    pub tty: bool,
    /// Keep standard input open.
    pub open_stdin: bool,
    /// Close it when who typed has gone.
    pub stdin_once: bool,
    /// `NAME=value`; a name alone takes the variable away.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<Text>,
    /// Command and arguments, in place of the image's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmd: Option<Vec<Text>>,
    /// Image name or id.
    pub image: String,
    /// Working directory.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// In place of the image's; a single empty word removes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<Text>>,
    /// Free text for people and tools.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What `stop` sends.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stop_signal: String,
    /// Seconds after which `stop` kills.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_timeout: Option<i64>,
    /// How to find out whether it is well; what it leaves open is the image's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<HealthConfig>,
    /// Everything else.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// What depends on the host.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HostConfig {
    /// Whether it comes back after its end.
    #[serde(skip_serializing_if = "is_default")]
    pub restart_policy: RestartPolicy,
    /// How its output is kept.
    #[serde(skip_serializing_if = "is_default")]
    pub log_config: LogWish,
    /// Write the id here.
    #[serde(rename = "ContainerIDFile", skip_serializing_if = "String::is_empty")]
    pub container_id_file: String,
    /// `none`, `host`; empty is `none`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub network_mode: String,
    /// Remove the container when it ends.
    pub auto_remove: bool,
    /// Free text for the runtime.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Capabilities to add.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cap_add: Vec<String>,
    /// Capabilities to drop.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cap_drop: Vec<String>,
    /// The group that its own is made in; empty is ours.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cgroup_parent: String,
    /// `private`, `host`; empty is `private`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cgroupns_mode: String,
    /// Who runs it: always we, under one of several names.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub runtime: String,
    /// Who has its volumes, if there were some.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub volume_driver: String,
    /// Name servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<String>,
    /// Options of the resolver.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_options: Vec<String>,
    /// Domains to try.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_search: Vec<String>,
    /// `name:address` for `/etc/hosts`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_hosts: Vec<String>,
    /// Groups besides the user's own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub group_add: Vec<String>,
    /// `private`, `shareable`, `none`, `host`; empty is `private`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ipc_mode: String,
    /// How soon it is killed when memory is out, -1000 to 1000.
    #[serde(skip_serializing_if = "is_default")]
    pub oom_score_adj: i64,
    /// `host`, or empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pid_mode: String,
    /// Everything allowed.
    pub privileged: bool,
    /// No writing to the root file system.
    pub readonly_rootfs: bool,
    /// `seccomp=…` (the profile, not its file), `no-new-privileges`, …
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub security_opt: Vec<String>,
    /// File systems in memory: where, and with which options.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tmpfs: BTreeMap<String, String>,
    /// `host`, or empty.
    #[serde(rename = "UTSMode", skip_serializing_if = "String::is_empty")]
    pub uts_mode: String,
    /// `host`, `private` or empty, which is `host`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub userns_mode: String,
    /// Bytes of `/dev/shm`.
    #[serde(skip_serializing_if = "is_default")]
    pub shm_size: i64,
    /// Kernel parameters.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sysctls: BTreeMap<String, String>,
    /// A reaping PID 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<bool>,
    /// Limits; their fields stand beside these.
    #[serde(flatten)]
    pub resources: Resources,
    /// Everything else.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// Limits as docker writes them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Resources {
    /// Relative weight.
    #[serde(skip_serializing_if = "is_default")]
    pub cpu_shares: i64,
    /// Bytes.
    #[serde(skip_serializing_if = "is_default")]
    pub memory: i64,
    /// Billionths of a processor.
    #[serde(skip_serializing_if = "is_default")]
    pub nano_cpus: i64,
    /// Relative weight of disk traffic.
    #[serde(skip_serializing_if = "is_default")]
    pub blkio_weight: u16,
    /// The same for single disks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blkio_weight_device: Vec<WeightDevice>,
    /// Bytes per second.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blkio_device_read_bps: Vec<ThrottleDevice>,
    /// Bytes per second.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blkio_device_write_bps: Vec<ThrottleDevice>,
    /// Operations per second.
    #[serde(rename = "BlkioDeviceReadIOps", skip_serializing_if = "Vec::is_empty")]
    pub blkio_device_read_iops: Vec<ThrottleDevice>,
    /// Operations per second.
    #[serde(rename = "BlkioDeviceWriteIOps", skip_serializing_if = "Vec::is_empty")]
    pub blkio_device_write_iops: Vec<ThrottleDevice>,
    /// Microseconds.
    #[serde(skip_serializing_if = "is_default")]
    pub cpu_period: i64,
    /// Microseconds in each period.
    #[serde(skip_serializing_if = "is_default")]
    pub cpu_quota: i64,
    /// `0-2,4`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cpuset_cpus: String,
    /// The same for memory nodes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cpuset_mems: String,
    /// Nodes of the host.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DeviceMapping>,
    /// `c 10:* rwm`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub device_cgroup_rules: Vec<String>,
    /// Bytes.
    #[serde(skip_serializing_if = "is_default")]
    pub memory_reservation: i64,
    /// Bytes of memory and swap together; -1 for no limit.
    #[serde(skip_serializing_if = "is_default")]
    pub memory_swap: i64,
    /// 0 to 100; -1 is not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_swappiness: Option<i64>,
    /// Stop instead of kill when memory is out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oom_kill_disable: Option<bool>,
    /// How many processes; -1 for no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pids_limit: Option<i64>,
    /// `setrlimit` limits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ulimits: Vec<Ulimit>,
}

/// A weight for one disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct WeightDevice {
    /// Its node on the host.
    pub path: PathBuf,
    /// 10 to 1000.
    pub weight: u16,
}

/// A rate for one disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ThrottleDevice {
    /// Its node on the host.
    pub path: PathBuf,
    /// Per second.
    pub rate: u64,
}

/// A node of the host inside the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeviceMapping {
    /// On the host: a node, or a directory of nodes.
    pub path_on_host: PathBuf,
    /// Inside.
    pub path_in_container: PathBuf,
    /// Letters of `rwm`.
    pub cgroup_permissions: String,
}

/// A limit of `setrlimit(2)`; -1 is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Ulimit {
    /// `nofile`.
    pub name: String,
    /// How far the program may raise it.
    pub hard: i64,
    /// What it starts with.
    pub soft: i64,
}

impl From<Rlimit> for Ulimit {
    fn from(limit: Rlimit) -> Self {
        let number = |limit: u64| i64::try_from(limit).unwrap_or(-1);
        Self { name: limit.kind.name().into(), hard: number(limit.hard), soft: number(limit.soft) }
    }
}

/// Further networks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NetworkingConfig {
    /// By the network's name.
    pub endpoints_config: BTreeMap<String, Value>,
}

impl NetworkingConfig {
    fn is_empty(&self) -> bool {
        self.endpoints_config.is_empty()
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Create {
    /// Reads the API's JSON.
    ///
    /// # Errors
    /// Where it is none, or a field has another type.
    pub fn from_json(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let mut value: Value = serde_json::from_slice(bytes)?;
        drop_nulls(&mut value);
        serde_json::from_value(value)
    }
}

/// For Go an absent list and `null` are the same.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(values) => values.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What docker's own client sends for `docker run -it --memory 64m --cpus 1.5 busybox`, in part.
    const SENT: &str = r#"{
        "Hostname": "", "Domainname": "", "User": "", "AttachStdin": true, "AttachStdout": true, "AttachStderr": true,
        "Tty": true, "OpenStdin": true, "StdinOnce": true, "Env": null, "Cmd": null, "Image": "busybox",
        "Volumes": {}, "WorkingDir": "", "Entrypoint": null, "OnBuild": null, "Labels": {},
        "HostConfig": {
            "Binds": null, "NetworkMode": "default", "AutoRemove": false, "Memory": 67108864, "NanoCpus": 1500000000,
            "Ulimits": [{"Name": "nofile", "Hard": -1, "Soft": 5}], "PidsLimit": 0, "CapAdd": null, "Sysctls": {}
        },
        "NetworkingConfig": {"EndpointsConfig": {"default": {"Links": null}}}
    }"#;

    #[test]
    fn what_dockers_client_sends_is_read() {
        // Go writes lists and maps that are not there as null.
        let create = Create::from_json(SENT.as_bytes()).expect("docker's JSON");
        assert_eq!((create.config.tty, create.config.image.as_str()), (true, "busybox"));
        assert_eq!((create.host.resources.memory, create.host.resources.nano_cpus), (64 << 20, 1_500_000_000));
        assert_eq!(create.host.resources.ulimits, [Ulimit { name: "nofile".into(), hard: -1, soft: 5 }]);
        assert_eq!(create.config.other.keys().collect::<Vec<_>>(), ["Volumes"]);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let create = Create::from_json(SENT.as_bytes()).expect("docker's JSON");
        let json = serde_json::to_vec(&create).expect("JSON");
        assert_eq!(Create::from_json(&json).expect("our JSON"), create);
        let empty = Create::default();
        assert_eq!(Create::from_json(&serde_json::to_vec(&empty).expect("JSON")).expect("our JSON"), empty);
    }
}
