//! Chapter 14: the engine.
//!
//! Images, directories and docker's rules on one side, an OCI specification on the other. Commands call [`Engine`];
//! what it makes is gone when the container is.

mod bootstrap;
mod compose;
pub mod create;
mod devices;
mod engine;
mod import;
mod info;
mod record;
mod rules;
mod state;
mod units;
mod users;

pub use bootstrap::{BootstrapError, Progress, Suite};
pub use create::Create;
pub use devices::DeviceError;
pub use engine::Engine;
pub use import::ImportError;
pub use info::Info;
pub use layers::DataRoot;
pub use record::{ContainerRecord, ResolveError, Sharing};
pub use rules::{RuleError, parse as parse_device_rule};
pub use state::StateError;
pub use units::{Bytes, NanoCpus, human_duration, human_size};
pub use users::UsersError;
