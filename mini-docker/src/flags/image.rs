//! Flags about the image of a container that is to be made.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use engine::{Create, Engine};
use images::{Platform, Reference};
use process::{ENGINE_FAILED, Failure, FailureKind};

use crate::commands::entry::Context;
use crate::{outcome, program};

/// The platform that somebody has asked for, with the flag or for all commands; docker's client does it for these.
pub(crate) fn wanted_platform(flag: Option<String>) -> Option<String> {
    flag.or_else(|| std::env::var("DOCKER_DEFAULT_PLATFORM").ok()).filter(|platform| !platform.is_empty())
}

fn is_ours(platform: &str) -> bool {
    platform.parse().is_ok_and(|platform| Platform::host().distance(&platform).is_some())
}

// (A doc comment would become the command's description.)
#[derive(Debug, clap::Args)]
pub(crate) struct ImageFlags {
    /// Only if this is our platform.
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    platform: Option<String>,
    /// When to ask the registry: always, if the image is missing, or never.
    #[arg(long, value_name = "WHEN", default_value = "missing")]
    pull: String,
    /// Do not show how the image is pulled.
    #[arg(short, long)]
    quiet: bool,
}

impl ImageFlags {
    /// Whether they make sense, and ask for nothing that there is not.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let invalid = |message: String| Err(Failure::new(FailureKind::Invalid, message));
        let unsupported = |message: String| Err(Failure::new(FailureKind::Unsupported, message));
        match self.pull.as_str() {
            "missing" | "never" | "always" => {}
            other => {
                return invalid(format!(
                    "invalid pull option: '{other}': must be one of \"always\", \"missing\" or \"never\""
                ));
            }
        }
        let ours = format!("linux/{}", images::go_architecture());
        let said = if self.platform.is_some() { "--platform " } else { "DOCKER_DEFAULT_PLATFORM=" };
        match wanted_platform(self.platform.clone()) {
            Some(wanted) if !is_ours(&wanted) => {
                unsupported(format!("{said}{wanted} is not supported: this machine is {ours}"))
            }
            _ => Ok(()),
        }
    }

    /// Sees to it that the image of a container that is to be made is here, as far as that was asked for. Where a pull fails,
    /// it has said why, and the exit code is `Some`.
    ///
    /// # Errors
    /// Where it could not even begin.
    pub(crate) fn provide(&self, engine: &Engine, context: &Context, create: &Create) -> Result<Option<u8>, Failure> {
        let image = &create.config.image;
        let missing = || engine.lacks_image(image);
        match self.pull.as_str() {
            "always" => {}
            "missing" if missing() => {
                if !self.quiet {
                    let name = image.parse::<Reference>().map_or(image.clone(), |reference| reference.familiar());
                    outcome::complain(format_args!("Unable to find image '{name}' locally\n"));
                }
            }
            _ => return Ok(None),
        }
        let status = self
            .pull(context, image)
            .status()
            .map_err(|error| Failure::new(FailureKind::System, format!("pull in a process of its own: {error}")))?;
        Ok(if status.success() { None } else { Some(ENGINE_FAILED) })
    }

    /// In a process of its own: what comes later must have one thread, and not the memory that a pull takes.
    fn pull(&self, context: &Context, image: &str) -> Command {
        let mut command = Command::new("/proc/self/exe");
        command.arg0(std::env::args_os().next().unwrap_or_else(|| program::OWN.into()));
        command.arg("--root").arg(&context.root);
        if let Some(config) = &context.config {
            command.arg("--config").arg(config);
        }
        command.args(["pull", "--no-name"]);
        if self.quiet {
            command.arg("--quiet");
        }
        if let Some(platform) = self.platform.as_deref().filter(|platform| !platform.is_empty()) {
            command.args(["--platform", platform]);
        }
        command.args(["--", image]).stdin(Stdio::null());
        // Standard output is the container's.
        if let Ok(stderr) = io::stderr().as_fd().try_clone_to_owned() {
            command.stdout(stderr);
        }
        command
    }
}
