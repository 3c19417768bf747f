//! Flags about the image of a container that is to be made.

use engine::{Create, Engine};
use images::Reference;
use process::{Failure, FailureKind};

use crate::outcome;

// (A doc comment would become the command's description.)
#[derive(Debug, clap::Args)]
pub(crate) struct ImageFlags {
    /// Only if this is our platform.
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    platform: Option<String>,
    /// What to do for want of the image: missing says so, never is silent.
    #[arg(long, value_name = "WHEN", default_value = "missing")]
    pull: String,
    /// Do not say that the image is not here.
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
            "missing" | "never" => {}
            "always" => return unsupported("--pull always is not supported: there is no registry yet".into()),
            other => {
                return invalid(format!(
                    "invalid pull option: '{other}': must be one of \"always\", \"missing\" or \"never\""
                ));
            }
        }
        let ours = format!("linux/{}", images::go_architecture());
        match self.platform.as_deref() {
            None | Some("" | "linux") => Ok(()),
            Some(platform) if platform == ours => Ok(()),
            Some(platform) => unsupported(format!("--platform {platform} is not supported: this machine is {ours}")),
        }
    }

    /// After a failure: docker says first that it will look for the image elsewhere.
    pub(crate) fn say_if_missing(&self, engine: &Engine, create: &Create, failed: bool) {
        let image = &create.config.image;
        if !failed || self.quiet || self.pull == "never" || !engine.lacks_image(image) {
            return;
        }
        let name = image.parse::<Reference>().map_or_else(
            |_| image.clone(),
            |reference| match reference.digest() {
                Some(digest) => format!("{}@{digest}", reference.familiar_name()),
                None => reference.familiar(),
            },
        );
        outcome::complain(format_args!("Unable to find image '{name}' locally\n"));
    }
}
