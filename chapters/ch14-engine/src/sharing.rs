//! What a container has of its own, and what of somebody else: the modes of its namespaces, as docker writes them.

use serde::{Deserialize, Serialize};

use crate::create::{Config, HostConfig};
use crate::resolve_error::ResolveError;

/// Whose a namespace is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sharing {
    /// Its own.
    #[default]
    Private,
    /// Its own, and other containers may have it, too.
    Shareable,
    /// The host's.
    Host,
    /// That of the container with this id; or with this name, if there was none when this one was made.
    Container(String),
}

impl Sharing {
    pub(crate) fn is_host(&self) -> bool {
        *self == Self::Host
    }

    /// The name of a network that it is in, if that is not another container's affair.
    pub(crate) fn network(&self) -> Option<&'static str> {
        match self {
            Self::Host => Some("host"),
            Self::Container(_) => None,
            Self::Private | Self::Shareable => Some("none"),
        }
    }

    /// The container that it is of, if it is another one's.
    pub(crate) fn owner(&self) -> Option<&str> {
        match self {
            Self::Container(owner) => Some(owner),
            _ => None,
        }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Modes {
    pub(crate) network: Sharing,
    pub(crate) pid: Sharing,
    pub(crate) ipc: Sharing,
    /// Whether there is a `/dev/shm`.
    pub(crate) shm: bool,
    pub(crate) uts: Sharing,
    pub(crate) cgroup: Sharing,
    pub(crate) users: Sharing,
}

/// The name in `container:NAME`.
pub(crate) fn owner_of(mode: &str) -> Option<&str> {
    mode.strip_prefix("container:")
}

/// Reads what was wished for, and refuses what cannot be had together.
///
/// # Errors
/// [`ResolveError`], in docker's words.
pub(crate) fn modes(config: &Config, host: &HostConfig) -> Result<Modes, ResolveError> {
    let network = network(&host.network_mode)?;
    let uts = mode("UTS mode", &host.uts_mode, &[])?;
    if uts.is_host() && !config.hostname.is_empty() {
        return Err(ResolveError::Conflict("hostname and the UTS mode"));
    }
    if network.owner().is_some() {
        for (asked, what) in [
            (!config.hostname.is_empty(), "hostname and the network mode"),
            (!host.dns.is_empty(), "dns and the network mode"),
            (!host.extra_hosts.is_empty(), "custom host-to-IP mapping and the network mode"),
        ] {
            if asked {
                return Err(ResolveError::Conflict(what));
            }
        }
    }
    let modes = Modes {
        network,
        pid: joinable("PID mode", &host.pid_mode, &[])?,
        ipc: match host.ipc_mode.as_str() {
            "shareable" => Sharing::Shareable,
            other => joinable("IPC mode", other, &["private", "none"])?,
        },
        shm: host.ipc_mode != "none",
        uts,
        cgroup: mode("CGROUP mode", &host.cgroupns_mode, &["private"])?,
        users: match host.userns_mode.as_str() {
            "private" => Sharing::Private,
            other => mode("USER mode", other, &[]).map(|_| Sharing::Host)?,
        },
    };
    let joins = [&modes.network, &modes.pid, &modes.ipc].iter().any(|mode| mode.owner().is_some());
    if joins && !modes.users.is_host() {
        // What another container has belongs to the user namespace of that container.
        return Err(ResolveError::Conflict("a user namespace of its own and namespaces of another container"));
    }
    Ok(modes)
}

/// `host`, or nothing; `private` are other words for nothing.
fn mode(field: &'static str, text: &str, private: &[&str]) -> Result<Sharing, ResolveError> {
    match text {
        "host" => Ok(Sharing::Host),
        "" => Ok(Sharing::Private),
        _ if private.contains(&text) => Ok(Sharing::Private),
        _ => Err(ResolveError::Mode { field, value: text.into() }),
    }
}

/// The same, or another container's.
fn joinable(field: &'static str, text: &str, private: &[&str]) -> Result<Sharing, ResolveError> {
    match owner_of(text) {
        Some("") => Err(ResolveError::Mode { field, value: text.into() }),
        Some(owner) => Ok(Sharing::Container(owner.into())),
        None => mode(field, text, private),
    }
}

fn network(text: &str) -> Result<Sharing, ResolveError> {
    match (text, owner_of(text)) {
        (_, Some("")) => Err(ResolveError::NetworkOwner),
        (_, Some(owner)) => Ok(Sharing::Container(owner.into())),
        ("" | "none", _) => Ok(Sharing::Private),
        ("host", _) => Ok(Sharing::Host),
        (other, _) => Err(no_network(other)),
    }
}

pub(crate) fn no_network(name: &str) -> ResolveError {
    ResolveError::Unsupported(format!("network {name:?} is not supported: there are none, host and container:NAME"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(change: impl FnOnce(&mut Config, &mut HostConfig)) -> Result<Modes, String> {
        let (mut config, mut host) = (Config::default(), HostConfig::default());
        change(&mut config, &mut host);
        modes(&config, &host).map_err(|error| error.to_string())
    }

    #[test]
    fn namespaces_are_ones_own_the_hosts_or_another_containers() {
        let seen = read(|_, host| {
            host.pid_mode = "container:a".into();
            host.ipc_mode = "shareable".into();
            host.network_mode = "host".into();
        });
        let seen = seen.expect("modes");
        assert_eq!((seen.pid.owner(), seen.ipc, seen.network.is_host()), (Some("a"), Sharing::Shareable, true));
        assert_eq!((seen.uts, seen.cgroup, seen.users), (Sharing::Private, Sharing::Private, Sharing::Host));
        let none = read(|_, host| host.ipc_mode = "none".into()).expect("modes");
        assert_eq!((none.ipc, none.shm), (Sharing::Private, false));
    }

    #[test]
    fn what_cannot_be_had_is_refused_in_dockers_words() {
        let with = |change: fn(&mut Config, &mut HostConfig)| {
            let both = |config: &mut Config, host: &mut HostConfig| {
                host.network_mode = "container:a".into();
                change(config, host);
            };
            read(both).expect_err("refused")
        };
        let errors = [
            with(|config, _| config.hostname = "h".into()),
            with(|_, host| host.dns = vec!["1.2.3.4".into()]),
            with(|_, host| host.extra_hosts = vec!["a:1.2.3.4".into()]),
            with(|_, host| host.userns_mode = "private".into()),
            with(|_, host| host.network_mode = "container:".into()),
            with(|_, host| host.pid_mode = "container:".into()),
            with(|_, host| host.ipc_mode = "nosuch".into()),
            with(|_, host| host.cgroupns_mode = "shareable".into()),
        ];
        insta::assert_snapshot!(errors.join("\n"), @r"
        conflicting options: hostname and the network mode
        conflicting options: dns and the network mode
        conflicting options: custom host-to-IP mapping and the network mode
        conflicting options: a user namespace of its own and namespaces of another container
        invalid network mode: invalid container format container:<name|id>
        invalid PID mode: container:
        invalid IPC mode: nosuch
        invalid CGROUP mode: shareable
        ");
    }
}
