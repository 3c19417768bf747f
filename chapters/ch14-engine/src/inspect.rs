//! `inspect`: everything about a container, in the JSON of docker's Engine API. A template has every field of docker's and
//! its value where there is nothing to say; what there is to say goes over it.

use images::ContainerConfig;
use jiff::Timestamp;
use layers::Upper;
use process::{Failure, FailureKind};
use runtime::Text;
use serde::Serialize;

use crate::engine::Engine;
use crate::ordered::Ordered;
use crate::saved::{Container, Status};

const TEMPLATE: &str = include_str!("inspect.json");

/// An object under way.
struct Object(Ordered);

impl Object {
    fn set(&mut self, path: &str, value: &impl Serialize) -> Result<(), Failure> {
        self.0.set(&path.split('.').collect::<Vec<_>>(), json(value)?);
        Ok(())
    }
}

fn json(value: &impl Serialize) -> Result<Ordered, Failure> {
    Ordered::of(value).map_err(|error| Failure::new(FailureKind::System, format!("describe a container: {error}")))
}

impl Engine {
    /// Everything about the container of this name or id.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn inspect(&self, name: &str, sizes: bool) -> Result<Ordered, Failure> {
        let container = self.find(name)?;
        let template = serde_json::from_str(TEMPLATE);
        let mut object = Object(template.map_err(|error| Failure::new(FailureKind::System, error.to_string()))?);
        let saved = &container.saved;
        object.set("Id", &saved.id)?;
        object.set("Created", &saved.created)?;
        let mut words = saved.record.args.iter();
        object.set("Path", &words.next())?;
        object.set("Args", &words.collect::<Vec<_>>())?;
        object.set("Image", &saved.record.image)?;
        object.set("Name", &format!("/{}", saved.name))?;
        object.set("RestartCount", &container.state.restarts)?;
        state(&mut object, &container)?;
        self.files(&mut object, &container)?;
        host_config(&mut object, &container)?;
        let image = self.images_store().of_container(&saved.record.image).map(|image| image.config.config);
        config(&mut object, &container, &image.unwrap_or_default())?;
        if let Some(network) = saved.record.network.network() {
            object.set(&format!("NetworkSettings.Networks.{network}"), &serde_json::json!({ "NetworkID": "" }))?;
        }
        if sizes {
            let size = self.size(&container)?;
            object.set("SizeRw", &size.written)?;
            object.set("SizeRootFs", &size.whole)?;
        }
        Ok(object.0)
    }

    /// Where it has what it writes, and what it sees.
    fn files(&self, object: &mut Object, container: &Container) -> Result<(), Failure> {
        let home = self.store().home(&container.saved.id);
        let network = self.last_owner(&container.saved).map_or(home.clone(), |owner| self.store().home(&owner.id));
        for (field, file) in [("ResolvConfPath", "resolv.conf"), ("HostnamePath", "hostname"), ("HostsPath", "hosts")] {
            let path = network.join(file);
            if path.exists() {
                object.set(field, &path)?;
            }
        }
        let Upper { upper, work } = Upper::at(&home);
        let lower = container.saved.layers.iter().rev().map(|id| -> Result<String, Failure> {
            Ok(self.layers().get(&id.parse::<layers::DiffId>()?)?.path.display().to_string())
        });
        object.set("GraphDriver.Data.ID", &container.saved.id)?;
        object.set("GraphDriver.Data.LowerDir", &lower.collect::<Result<Vec<_>, _>>()?.join(":"))?;
        object.set("GraphDriver.Data.UpperDir", &upper)?;
        object.set("GraphDriver.Data.WorkDir", &work)
    }
}

fn state(object: &mut Object, container: &Container) -> Result<(), Failure> {
    let state = &container.state;
    object.set("State.Status", &state.status)?;
    object.set("State.Running", &state.status.is_alive())?;
    object.set("State.Paused", &(state.status == Status::Paused))?;
    object.set("State.Restarting", &(state.status == Status::Restarting))?;
    object.set("State.OOMKilled", &state.oom_killed)?;
    object.set("State.Pid", &state.pid)?;
    object.set("State.ExitCode", &state.exit_code)?;
    object.set("State.Error", &state.error)?;
    let mut moment = |field, moment: Option<Timestamp>| moment.map_or(Ok(()), |moment| object.set(field, &moment));
    moment("State.StartedAt", state.started)?;
    moment("State.FinishedAt", state.finished)?;
    state.health.as_ref().map_or(Ok(()), |health| object.set("State.Health", health))
}

fn host_config(object: &mut Object, container: &Container) -> Result<(), Failure> {
    let host = &container.saved.create.host;
    let mut known = json(host)?;
    if let Ordered::Object(fields) = &mut known {
        // What is empty is as the template has it.
        fields.retain(|(_, value)| !matches!(value, Ordered::Text(text) if text.is_empty()));
        fields.retain(|(name, _)| name != "RestartPolicy" || !host.restart_policy.name.is_empty());
    }
    let mut fields = object.0.get("HostConfig").cloned().unwrap_or(Ordered::Null);
    fields.take_over(known);
    object.set("HostConfig", &fields)?;
    if container.saved.record.mask_system_paths {
        object.set("HostConfig.MaskedPaths", &rootfs::defaults::masked_paths())?;
        object.set("HostConfig.ReadonlyPaths", &rootfs::defaults::readonly_paths())?;
    }
    // With a limit of memory alone, docker allows as much swap.
    let resources = &host.resources;
    if resources.memory > 0 && resources.memory_swap == 0 {
        object.set("HostConfig.MemorySwap", &resources.memory.saturating_mul(2))?;
    }
    Ok(())
}

fn config(object: &mut Object, container: &Container, image: &ContainerConfig) -> Result<(), Failure> {
    let (saved, record) = (&container.saved, &container.saved.record);
    let asked = &saved.create.config;
    let mut known = json(asked)?;
    if let Ordered::Object(fields) = &mut known {
        fields.retain(|(name, _)| name != "Cmd" && name != "Entrypoint");
    }
    let mut fields = object.0.get("Config").cloned().unwrap_or(Ordered::Null);
    fields.take_over(known);
    object.set("Config", &fields)?;
    if asked.hostname.is_empty() && !record.network.is_host() {
        object.set("Config.Hostname", &saved.short_id())?;
    }
    object.set("Config.User", &record.user)?;
    if let Some(check) = &record.health {
        object.set("Config.Healthcheck", &check.config)?;
    }
    if !record.stop_signal.is_empty() {
        object.set("Config.StopSignal", &record.stop_signal)?;
    }
    object.set("Config.Env", &record.env)?;
    object.set("Config.Labels", &record.labels)?;
    if asked.working_dir.is_empty() {
        object.set("Config.WorkingDir", &image.working_dir)?;
    }
    let words = |words: &Option<Vec<String>>| -> Option<Vec<Text>> {
        words.as_ref().map(|words| words.iter().map(|word| word.as_str().into()).collect())
    };
    let entrypoint = asked.entrypoint.clone().or_else(|| words(&image.entrypoint));
    // A new entrypoint forgets the image's command.
    let command = asked.cmd.clone().or_else(|| if asked.entrypoint.is_none() { words(&image.cmd) } else { None });
    object.set("Config.Entrypoint", &entrypoint)?;
    object.set("Config.Cmd", &command)
}
