//! Flags of who is with a container: the keys that leave it, the signals that it gets.

use process::signals::Proxy;
use process::{DetachKeys, Failure};

use crate::config_file::ConfigFile;

// A doc comment would become the command's description.
#[derive(Debug, clap::Args)]
pub(crate) struct DetachFlags {
    /// The keys that leave it to itself.
    #[arg(long, value_name = "KEYS")]
    detach_keys: Option<String>,
}

impl DetachFlags {
    /// What was given, or stands in the file; nothing is docker's own.
    pub(crate) fn text(self, config: &ConfigFile) -> String {
        self.detach_keys.filter(|keys| !keys.is_empty()).unwrap_or_else(|| config.detach_keys.clone())
    }

    /// The same, read.
    ///
    /// # Errors
    /// Keys that there are not.
    pub(crate) fn keys(self, config: &ConfigFile) -> Result<DetachKeys, Failure> {
        match self.text(config) {
            text if text.is_empty() => Ok(DetachKeys::default()),
            text => Ok(text.parse()?),
        }
    }
}

// The same.
#[derive(Debug, clap::Args)]
pub(crate) struct SignalFlags {
    /// Pass our signals on to the program.
    #[arg(
        long,
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true",
        hide_possible_values = true,
        value_name = "BOOL"
    )]
    sig_proxy: bool,
}

impl SignalFlags {
    /// Which of ours it gets.
    pub(crate) fn proxy(&self) -> Proxy {
        if self.sig_proxy { Proxy::UntilThird } else { Proxy::Never }
    }
}
